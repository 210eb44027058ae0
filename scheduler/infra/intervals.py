"""Arithmetic on half-open intervals of whole UTC minutes since 1970. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

Minute = int
"""A whole minute since 1970-01-01T00:00Z."""


class Interval(NamedTuple):
    """From minute `start` up to, not including, minute `end`."""

    start: Minute
    end: Minute


def minute_of(instant: datetime) -> Minute:
    """The minute of an aware instant. Raises ValueError for a naive datetime, or for seconds."""
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
    """Whether two intervals share a minute. Adjacent intervals do not."""
    return one.start < other.end and other.start < one.end


def subtract(whole: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """The parts of `whole`, in order, that no interval of `taken` (in any order) covers."""
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
    """The interval in pieces of at most `longest` minutes."""
    return [
        Interval(start, min(start + longest, whole.end))
        for start in range(whole.start, whole.end, longest)
    ]
