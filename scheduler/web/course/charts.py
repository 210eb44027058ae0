"""Computes the coordinates of a line chart over the sessions. Pure.

Lengths are in units of the SVG, which the page scales to its own width. (0, 0) is at the top left.
The style sheet sets colors and fonts, because the pages allow no inline styles.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 190
LEFT, RIGHT, TOP, BOTTOM = 28, 308, 26, 158
HIGHEST_SCORE = 10
MOST_NUMBERS = 12
"""Session numbers that fit side by side below the chart."""


@dataclass(frozen=True)
class Dot:
    """A score: its coordinates, and the number beside it if there is one."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Label:
    """A word at a coordinate of an axis."""

    at: float
    words: str


@dataclass(frozen=True)
class Chart:
    """Everything to draw. `line`: the points of an SVG polyline."""

    line: str
    dots: list[Dot]
    levels: list[Label]
    numbers: list[Label]
    reviews: list[float]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


def chart(scores: Mapping[int, int], *, sessions: int, reviews: Collection[int]) -> Chart:
    """A chart of scores from 0 to 10 by session number; `reviews`: sessions with a review.

    Only the first score, the last and those with a review show their number. More would not be
    readable on a small phone, and the table has them all.
    """
    numbered = {min(scores, default=0), max(scores, default=0), *reviews}
    dots = [
        Dot(_x(number, sessions), _y(value), str(value) if number in numbered else "")
        for number, value in sorted(scores.items())
    ]
    every = -(-sessions // MOST_NUMBERS)
    return Chart(
        line=" ".join(f"{dot.x},{dot.y}" for dot in dots),
        dots=dots,
        levels=[Label(_y(level), str(level)) for level in (0, 5, HIGHEST_SCORE)],
        numbers=[
            Label(_x(number, sessions), str(number))
            for number in range(1, sessions + 1)
            if (number - 1) % every == 0
        ],
        reviews=[_x(number, sessions) for number in sorted(reviews)],
    )


def _x(number: int, sessions: int) -> float:
    margin = 12  # the first and last dot do not touch the frame
    width = RIGHT - LEFT - 2 * margin
    return round(LEFT + margin + width * (number - 1) / max(1, sessions - 1), 1)


def _y(value: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * value / HIGHEST_SCORE, 1)
