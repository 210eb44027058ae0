"""A clinic's color on patient pages, and the websites that may frame its booking form.

Links, buttons and borders have this color, so its contrast with the background must be at least
4.5 to 1 (WCAG 1.4.3). Dark mode uses a lighter shade, which is computed here. Pure.
"""

import re
from collections.abc import Sequence

from scheduler.infra.errors import Invalid

MIN_CONTRAST = 4.5
"""The contrast that text needs, WCAG 1.4.3."""

LIGHT_BACKGROUND = "#e6f0ed"
"""The darkest background of colored text in light mode: --mist in style.css."""
DARK_BACKGROUND = "#1f3330"
"""The lightest background of colored text in dark mode: --mist in style.css."""
TEXT_ON_COLOR_DARK = "#08211d"
"""The color of text on the clinic's color in dark mode: --on-deep in style.css."""
BLACK, WHITE = "#000000", "#ffffff"

MAX_EMBEDDING_SITES = 10
_COLOR = re.compile(r"#[0-9a-f]{6}")
_ORIGIN = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(?::[0-9]{2,5})?"
)


def accent(typed: str) -> str:
    """A color as `#14574f`; empty stays empty.

    Raises Invalid for another format, and for a color with too little contrast.
    """
    color = typed.strip().lower()
    if not color:
        return ""
    if not _COLOR.fullmatch(color):
        raise Invalid(
            f"{typed[:40]!r} is not a color. Write # and six hexadecimal digits, such as #14574f.",
            field="accent",
        )
    if contrast(color, LIGHT_BACKGROUND) < MIN_CONTRAST:
        raise Invalid(
            f"{color} has too little contrast to be read on our pages. The nearest readable shade"
            f" is {_readable(color, BLACK, LIGHT_BACKGROUND)}.",
            field="accent",
        )
    return color


def origins(typed: Sequence[str]) -> list[str]:
    """Origins without duplicates. Raises Invalid unless each is https, a host and maybe a port."""
    addresses = list(dict.fromkeys(address.strip().lower().rstrip("/") for address in typed))
    for address in addresses:
        if not _ORIGIN.fullmatch(address):
            raise Invalid(
                f"“{address[:80]}” is not the address of a website. Write it as"
                " https://www.example.org, without a path and without *.",
                field="embed_origins",
            )
    if len(addresses) > MAX_EMBEDDING_SITES:
        raise Invalid(
            f"These are {len(addresses)} websites. Give at most {MAX_EMBEDDING_SITES}.",
            field="embed_origins",
        )
    return addresses


def stylesheet(color: str) -> str:
    """The CSS that gives a page the color, in light and dark mode."""
    dark = _readable(_readable(color, WHITE, DARK_BACKGROUND), WHITE, TEXT_ON_COLOR_DARK)
    return (
        f":root{{--deep:{color};--deeper:{_mixed(color, BLACK, 0.25)};--on-deep:{WHITE}}}"
        "@media (prefers-color-scheme:dark){:root{"
        f"--deep:{dark};--deeper:{_mixed(dark, WHITE, 0.25)};--on-deep:{TEXT_ON_COLOR_DARK}}}}}"
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors as WCAG defines it, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _readable(color: str, towards: str, background: str) -> str:
    """The color, mixed with as little of `towards` as gives enough contrast."""
    shades = (_mixed(color, towards, step / 100) for step in range(101))
    return next((shade for shade in shades if contrast(shade, background) >= MIN_CONTRAST), towards)


def _mixed(one: str, other: str, part: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(color: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
