"""Decides which diary entries can follow a zone change if some of them would collide. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scheduler.infra.intervals import Interval

Key = tuple[str, int]
"""Owner of a diary entry: ("appointment", 7), ("time off", 3), ("closure", 1)."""

ABSENCES = {"time off", "closure"}


class DiaryStretch(NamedTuple):
    """A stretch of one calendar and its owner."""

    calendar_id: int
    span: Interval
    key: Key


@dataclass(frozen=True)
class MovingEntry:
    """An owner whose instants must follow the clock: its stretches before and after."""

    key: Key
    before: Sequence[DiaryStretch]
    after: Sequence[DiaryStretch]


def settle(movers: Sequence[MovingEntry], standing: Iterable[DiaryStretch]) -> dict[Key, Key]:
    """The owners that cannot move because another has their new time, each with that other.

    They keep their old stretches. Absences have precedence over appointments, and earlier bookings
    over later ones. Absences may overlap each other.
    """
    stays: dict[Key, Key] = {}
    fixed = list(standing)
    while True:
        entries = list(fixed)
        for mover in movers:
            entries += mover.before if mover.key in stays else mover.after
        moving = {mover.key for mover in movers if mover.key not in stays}
        lost = _losers(entries, moving)
        if not lost:
            return stays
        stays |= lost


def _losers(entries: Iterable[DiaryStretch], moving: set[Key]) -> dict[Key, Key]:
    """The owners that must stay because of an overlap, each with the owner that it overlaps."""
    lost: dict[Key, Key] = {}
    for one, other in _overlaps(entries):
        if one in lost or other in lost:
            continue
        able = [key for key in (one, other) if key in moving]
        if able:
            loser = max(able, key=_rank)
            lost[loser] = other if loser == one else one
    return lost


def _overlaps(entries: Iterable[DiaryStretch]) -> Iterable[tuple[Key, Key]]:
    by_calendar: dict[int, list[DiaryStretch]] = defaultdict(list)
    for entry in entries:
        by_calendar[entry.calendar_id].append(entry)
    for calendar in by_calendar.values():
        calendar.sort(key=lambda entry: entry.span)
        for place, entry in enumerate(calendar):
            for later in calendar[place + 1 :]:
                if later.span.start >= entry.span.end:
                    break
                if entry.key == later.key or {entry.key[0], later.key[0]} <= ABSENCES:
                    continue
                yield entry.key, later.key


def _rank(key: Key) -> tuple[bool, int]:
    kind, number = key
    return kind not in ABSENCES, number
