"""A clinic's own colour on the patients' pages, and the websites that may frame its booking form.

A colour is used for links, buttons and borders, so it must stand out from what lies behind them as
WCAG 1.4.3 asks: 4.5 to 1. By night a lighter shade of it is used, which is mixed here. Pure.
"""

import re
from collections.abc import Sequence

from scheduler.infra.errors import Invalid

ENOUGH = 4.5
"""The contrast that text needs, WCAG 1.4.3."""

BY_DAY = "#e6f0ed"
"""The darkest that text in the colour lies on by day: as in style.css, --mist."""
BY_NIGHT = "#1f3330"
"""The lightest that it lies on by night: --mist again."""
ON_IT_BY_NIGHT = "#08211d"
"""What is written on the colour by night: --on-deep."""
BLACK, WHITE = "#000000", "#ffffff"

MOST_ORIGINS = 10
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_ORIGIN = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(?::[0-9]{2,5})?"
)


def accent(typed: str) -> str:
    """A colour as `#14574f`; empty stays empty. Unfit for what is none, or is too pale to read."""
    colour = typed.strip().lower()
    if not colour:
        return ""
    if not _COLOUR.fullmatch(colour):
        raise Invalid("Write a colour as # and six digits, such as #14574f.", field="accent")
    if contrast(colour, BY_DAY) < ENOUGH:
        raise Invalid(
            f"{colour} is too pale to be read on our pages. The nearest shade that can be read is"
            f" {_until_read(colour, BLACK, BY_DAY)}.",
            field="accent",
        )
    return colour


def origins(typed: Sequence[str]) -> list[str]:
    """Addresses of websites, each once. Unfit for all but https, a name, and perhaps a port."""
    found = list(dict.fromkeys(each.strip().lower().rstrip("/") for each in typed))
    for each in found:
        if not _ORIGIN.fullmatch(each):
            raise Invalid(
                f"“{each[:80]}” is no address of a website. Write it as https://www.example.org,"
                " without a path and without *.",
                field="embed_origins",
            )
    if len(found) > MOST_ORIGINS:
        raise Invalid(f"At most {MOST_ORIGINS} websites.", field="embed_origins")
    return found


def stylesheet(colour: str) -> str:
    """The CSS that gives a page the colour, by day and by night."""
    by_night = _until_read(_until_read(colour, WHITE, BY_NIGHT), WHITE, ON_IT_BY_NIGHT)
    return (
        f":root{{--deep:{colour};--deeper:{_mixed(colour, BLACK, 0.25)};--on-deep:{WHITE}}}"
        "@media (prefers-color-scheme:dark){:root{"
        f"--deep:{by_night};--deeper:{_mixed(by_night, WHITE, 0.25)};--on-deep:{ON_IT_BY_NIGHT}}}}}"
    )


def contrast(one: str, other: str) -> float:
    """How much two colours differ in lightness, from 1 to 21, as WCAG reckons."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _until_read(colour: str, towards: str, behind: str) -> str:
    """The colour mixed with as little of another as lets it be read."""
    shades = (_mixed(colour, towards, step / 100) for step in range(101))
    return next((shade for shade in shades if contrast(shade, behind) >= ENOUGH), towards)


def _mixed(one: str, other: str, part: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
