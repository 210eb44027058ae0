"""A patient at a real browser with given equipment, who looks at each page on the way."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, Locator, Page

from scheduler.i18n.languages import Language

PICTURES = Path("test-artifacts")
TAKES_PICTURES = "PICTURES" in os.environ
"""Whether to save a picture of each page."""

ALL_PICTURES = os.environ.get("PICTURES") == "all"
"""Whether to walk with more equipment than tests need, to look at the pages."""

REFUSED_ONLY = "status of 4"
"""Chromium writes each answer of 4xx to its console; what breaks a rule is written there too."""

BOXES = """
    [...document.querySelectorAll("main button, main .button, main label.pick")]
        .map(each => each.getBoundingClientRect())
        .filter(box => box.width > 0)
        .map(box => [box.left, box.right, box.height])
"""
"""Left, right and height of whatever is there to be pressed."""


class Equipped(NamedTuple):
    """How a patient looks at the pages; by default at a desktop by day."""

    scripts: bool = False
    width: int = 1280
    language: str = "en"
    scheme: Literal["light", "dark"] = "light"


DESK = Equipped()
PHONE = Equipped(width=320, scheme="dark")


class Walk:
    """A patient at a browser, who looks at each page on the way."""

    def __init__(self, page: Page, name: str, language: str = "en") -> None:
        self.page = page
        self.name = name
        self._language = Language(language)
        self._said: list[str] = []
        self._asked: list[str] = []
        page.on("request", lambda request: self._asked.append(request.url))
        page.on("console", lambda line: self._said.append(line.text))
        page.on("pageerror", lambda error: self._said.append(str(error)))
        page.on("dialog", lambda dialog: self._said.append(dialog.message))

    @property
    def complaints(self) -> list[str]:
        """The browser's complaints: violated policies and failed scripts."""
        return [line for line in self._said if REFUSED_ONLY not in line]

    def strangers(self, address: str) -> list[str]:
        """The requests to any other address than the program's."""
        return [url for url in self._asked if not url.startswith(address)]

    def look(self, what: str) -> None:
        """Check that nothing sticks out and that buttons are large; save a picture if wanted."""
        self.page.wait_for_load_state()
        if TAKES_PICTURES:
            PICTURES.mkdir(exist_ok=True)
            picture = PICTURES / f"{self.name}-{what}.png"
            self.page.screenshot(path=picture, full_page=True)
        width = self.page.viewport_size["width"] if self.page.viewport_size else 0
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width
        for left, right, height in self.page.evaluate(BOXES):
            assert height >= 44
            assert left >= 0
            assert right <= width

    def word(self, english: str) -> str:
        """The page's sentence in the patient's language for an English one."""
        return self._language.pages.gettext(english)

    def press(self, words: str) -> None:
        """Press a button or a link by what it says in English, and have the next page whole."""
        self.go(self.page.locator("main").get_by_text(self.word(words), exact=True).first)

    def go(self, link: Locator) -> None:
        """Press what leads to another page, and wait until that is there: a click does not."""
        with self.page.expect_navigation():
            link.click()


@contextmanager
def walking(browser: Browser, name: str, equipped: Equipped) -> Iterator[Walk]:
    """A walk in a browser window of its own, which is closed at the end."""
    context = browser.new_context(
        viewport={"width": equipped.width, "height": 800},
        java_script_enabled=equipped.scripts,
        color_scheme=equipped.scheme,
        locale="es-MX" if equipped.language == "es" else "en-US",
    )
    context.set_default_timeout(20_000)
    try:
        yield Walk(context.new_page(), name, equipped.language)
    finally:
        context.close()
