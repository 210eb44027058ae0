"""A line over the sessions as an inline picture: where everything stands. Pure.

Lengths are units of the picture, which the page stretches to its own width; (0, 0) is at the top
left. What it looks like stands in the style sheet: the pages allow no style of their own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 190
LEFT, RIGHT, TOP, BOTTOM = 28, 308, 26, 158
MOST = 10
MOST_NUMBERS = 12
"""So many session numbers fit side by side below the line."""


@dataclass(frozen=True)
class Dot:
    """A score: where it stands, and its number where it is written beside it."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Mark:
    """A word at a place along an axis."""

    at: float
    words: str


@dataclass(frozen=True)
class Chart:
    """All that is drawn. `line` is what an SVG polyline takes as its points."""

    line: str
    dots: list[Dot]
    levels: list[Mark]
    numbers: list[Mark]
    reviews: list[float]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


def chart(scores: Mapping[int, int], *, sessions: int, reviews: Collection[int]) -> Chart:
    """The picture of scores, 0 to 10 by number of the session; `reviews`: after which are some.

    Only the first, the last and those of a review have their number written: more would not be
    readable on a small phone, and the table has them all.
    """
    told = {min(scores, default=0), max(scores, default=0), *reviews}
    dots = [
        Dot(_across(number, sessions), _down(value), str(value) if number in told else "")
        for number, value in sorted(scores.items())
    ]
    every = -(-sessions // MOST_NUMBERS)
    return Chart(
        line=" ".join(f"{dot.x},{dot.y}" for dot in dots),
        dots=dots,
        levels=[Mark(_down(level), str(level)) for level in (0, 5, MOST)],
        numbers=[
            Mark(_across(number, sessions), str(number))
            for number in range(1, sessions + 1)
            if (number - 1) % every == 0
        ],
        reviews=[_across(number, sessions) for number in sorted(reviews)],
    )


def _across(number: int, sessions: int) -> float:
    inside = 12  # the first and last dot do not touch the frame
    wide = RIGHT - LEFT - 2 * inside
    return round(LEFT + inside + wide * (number - 1) / max(1, sessions - 1), 1)


def _down(value: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * value / MOST, 1)
