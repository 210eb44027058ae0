"""The checks that every patient page must pass, for all readers and devices.

A page is loaded once in a real Chromium and checked wide and narrow, light and dark, with the
spacing that some readers need, and with the keyboard alone. 320 CSS pixels are also the width of a
1280 pixel screen at 400 % zoom. Returns sentences; none means that the page passes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDE, NARROW = 1280, 320
HEAVIEST = 60_000
"""Bytes of a page with all that it loads, uncompressed."""
SMALLEST = 24
"""CSS pixels of whatever is there to be pressed, WCAG 2.5.8; our own buttons are 44 or more."""

AXE = {
    # All rules of axe for WCAG 2.2 up to AA, and its best practices.
    "runOnly": [
        *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"),
    ],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
SCHEME = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size"]}}
"""The rules whose outcome depends on the width or the color scheme. axe takes longer than all else
together, so the others run once per page."""
Look = tuple[int, Literal["light", "dark"]]
DAY: tuple[Look, ...] = ((WIDE, "light"), (NARROW, "dark"))
NIGHT: tuple[Look, ...] = ((WIDE, "dark"), (NARROW, "light"))

WEIGHT = """() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .reduce((sum, each) => sum + each.decodedBodySize, 0)
"""

STICKS_OUT = """() => {
    const most = document.documentElement.clientWidth;
    const found = [];
    if (document.documentElement.scrollWidth > most) found.push("the page scrolls sideways");
    for (const each of document.querySelectorAll("body *")) {
        if (each.closest(".unseen, .skip") || !each.checkVisibility()) continue;
        const box = each.getBoundingClientRect();
        if (box.width && (box.right > most + 1 || box.left < -1))
            found.push(`${each.tagName} sticks out: ${each.textContent.trim().slice(0, 40)}`);
    }
    return found;
}"""

SMALL = """smallest => {
    const shown = each => each.checkVisibility() && !each.closest(".unseen, .skip");
    // A link within a sentence has the height of its line: WCAG excepts it.
    const inline = each => each.tagName === "A" && getComputedStyle(each).display === "inline";
    return [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
        .filter(each => each.type !== "hidden" && shown(each) && !inline(each))
        .map(each => each.closest("label") || each)
        .map(each => [each, each.getBoundingClientRect()])
        .filter(([, box]) => box.width < smallest || box.height < smallest)
        .map(([each, box]) => `${each.tagName} of ${Math.round(box.width)} by `
            + `${Math.round(box.height)} is too small to press: ${each.textContent.trim()}`);
}"""

SPACING = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important; } p { margin-bottom: 2em !important; }`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
"""The words of WCAG 1.4.12: who needs more space sets it, and must lose nothing."""

LOST = """() => {
    const found = [];
    const seen = each => each.checkVisibility()
        && !each.closest(".unseen, .skip, [aria-hidden=true], svg");
    for (const each of document.querySelectorAll("body *")) {
        const style = getComputedStyle(each);
        if (!seen(each) || style.overflow === "visible" || each.tagName === "INPUT") continue;
        if (each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
            found.push(`cut off: ${each.textContent.trim().slice(0, 40)}`);
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const lines = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (!node.data.trim() || !seen(node.parentElement)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects())
            if (box.width) lines.push([box, node]);
    }
    for (const [at, [box, node]] of lines.entries())
        for (const [other, another] of lines.slice(at + 1)) {
            const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
            const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
            if (across > 3 && down > 6)
                found.push(`"${node.data.trim().slice(0, 30)}" lies on `
                    + `"${another.data.trim().slice(0, 30)}"`);
        }
    return found;
}"""

STOPS = """() => {
    const groups = new Set();
    const stops = [];
    for (const each of document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0']"
    )) {
        if (each.disabled || each.type === "hidden" || !each.checkVisibility()) continue;
        if (each.type === "radio") {
            if (groups.has(each.name)) continue;
            groups.add(each.name);
        }
        stops.push(each.type === "radio" ? `radio ${each.name}` : each.outerHTML.slice(0, 200));
    }
    return stops;
}"""
"""The elements that the Tab key must reach; one radio button of each group."""

FOCUSED = """() => {
    const each = document.activeElement;
    if (!each || each === document.body || each === document.documentElement) return null;
    const ring = [each, each.closest("label")].filter(Boolean).map(one => getComputedStyle(one));
    const box = each.getBoundingClientRect();
    const below = box.bottom <= 0 || box.top >= innerHeight;
    return [
        each.type === "radio" ? `radio ${each.name}` : each.outerHTML.slice(0, 200),
        ring.some(style => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
        !below,
    ];
}"""
"""The focused element, whether the focus is visible, and whether it is on the screen."""


@dataclass
class Judge:
    """Watches a page from before its first request until the verdict.

    `address`: where everything must come from.
    """

    page: Page
    address: str
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for what, hear in self._ears.items():
            self.page.on(what, hear)

    def verdict(self, looks: tuple[Look, ...] = DAY) -> list[str]:
        """All that is wrong with the page as it stands now, seen in some looks."""
        self.page.evaluate(_axe_script())
        rules = AXE
        found = []
        for look in looks:
            self._look(*look)
            found += [f"{_name(look)}: {problem}" for problem in self._axe(rules)]
            rules = AXE | SCHEME
        return found + self._keyboard() + self.layout(looks)

    def layout(self, looks: tuple[Look, ...] = DAY) -> list[str]:
        """The content that does not fit, also with readers' own spacing, and files that failed to
        load."""
        found = [*self.said, *self._weight()]
        for look in looks:
            self._look(*look)
            found += [f"{_name(look)}: {problem}" for problem in self._shape()]
        self.page.evaluate(SPACING)
        for look in looks:
            self._look(*look)
            lost = self.page.evaluate(STICKS_OUT) + self.page.evaluate(LOST)
            found += [f"{look[0]} spaced: {problem}" for problem in lost]
        for what, hear in self._ears.items():
            self.page.remove_listener(what, hear)
        return found

    @cached_property
    def _ears(self) -> dict[Any, Callable[[Any], None]]:
        return {
            "request": lambda request: self._ask(request.url),
            "console": lambda line: self._hear(line.text),
            "pageerror": lambda error: self.said.append(f"a script failed: {error}"),
        }

    def _look(self, width: int, scheme: Literal["light", "dark"]) -> None:
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(color_scheme=scheme)

    def _ask(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "about:")):
            self.said.append(f"asked another host: {url}")

    def _hear(self, line: str) -> None:
        # Chromium writes each answer of 4xx or 5xx to its console; broken rules are there too.
        if "responded with a status of" not in line:
            self.said.append(f"the browser complains: {line}")

    def _weight(self) -> list[str]:
        weight = self.page.evaluate(WEIGHT)
        return [f"weighs {weight} bytes"] if weight >= HEAVIEST else []

    def _axe(self, rules: dict[str, Any]) -> list[str]:
        answer: dict[str, Any] = self.page.evaluate("rules => window.axe.run(rules)", rules)
        return [
            f"{violation['id']} ({violation['impact']}): {violation['help']}: "
            + "; ".join(node["html"][:160] for node in violation["nodes"][:3])
            for violation in answer["violations"]
        ]

    def _shape(self) -> list[str]:
        return [
            *self.page.evaluate(STICKS_OUT),
            *self.page.evaluate(SMALL, SMALLEST),
            *self.page.evaluate(LOST),
        ]

    def _keyboard(self) -> list[str]:
        """Whether Tab reaches all there is to press, and shows where it is."""
        wanted: list[str] = self.page.evaluate(STOPS)
        found: list[str] = []
        ringed: dict[str, bool] = {}
        # A date has a stop for day, month, year and calendar. Where a mistake has the focus, Tab
        # begins there, and comes by the top of the page once more.
        for _ in range(len(wanted) + 2 + 4 * sum("date" in requested for requested in wanted)):
            self.page.keyboard.press("Tab")
            at = self.page.evaluate(FOCUSED)
            if at is None:
                continue
            what, ring, visible = at
            ringed[what] = ringed.get(what, False) or ring
            if not visible:
                found.append(f"the focus is off the screen on {what}")
        found += [
            f"the focus cannot be seen on {each}" for each, ring in ringed.items() if not ring
        ]
        return found + [
            f"Tab does not reach {requested}" for requested in wanted if requested not in ringed
        ]


def _name(look: Look) -> str:
    return f"{look[0]} {look[1]}"


@cache
def _axe_script() -> str:
    return str(Axe().axe_script)
