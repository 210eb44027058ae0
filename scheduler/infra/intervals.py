"""Arithmetic on stretches of time, counted in whole UTC minutes since 1970, half-open. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

Minute = int
"""A whole minute since 1970-01-01T00:00Z."""


class Interval(NamedTuple):
    """From the first minute up to, not including, the last."""

    start: Minute
    end: Minute


def minute_of(instant: datetime) -> Minute:
    """The minute that an aware instant falls on. A naive datetime or stray seconds: ValueError."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    minutes, rest = divmod(instant.timestamp(), 60)
    if rest:
        raise ValueError("times are whole minutes")
    return int(minutes)


def instant_of(minute: Minute) -> datetime:
    """The aware UTC instant at which a minute begins."""
    return datetime.fromtimestamp(minute * 60, tz=UTC)


def overlap(one: Interval, other: Interval) -> bool:
    """Whether two half-open stretches share a minute; touching is not sharing."""
    return one.start < other.end and other.start < one.end


def subtract(whole: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """What is left of a stretch, in order, when the taken ones (in any order) are cut out."""
    left: list[Interval] = []
    cursor = whole.start
    for start, end in sorted(taken):
        if start > cursor:
            left.append(Interval(cursor, min(start, whole.end)))
        cursor = max(cursor, end)
        if cursor >= whole.end:
            return left
    left.append(Interval(cursor, whole.end))
    return left


def cut_into_days(whole: Interval, longest: int = 1440) -> list[Interval]:
    """The same stretch in pieces of at most `longest` minutes."""
    return [
        Interval(start, min(start + longest, whole.end))
        for start in range(whole.start, whole.end, longest)
    ]
