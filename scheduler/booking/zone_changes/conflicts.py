"""Which entries of the diary can follow changed clocks, where some would land on others. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scheduler.infra.intervals import Interval

Key = tuple[str, int]
"""What an entry is about: ("appointment", 7), ("time off", 3), ("closure", 1)."""

ABSENCES = {"time off", "closure"}


class DiaryStretch(NamedTuple):
    """What something takes of one calendar."""

    calendar_id: int
    span: Interval
    key: Key


@dataclass(frozen=True)
class MovingEntry:
    """Something whose instants are to follow the clock: what it took, and what it is to take."""

    key: Key
    before: Sequence[DiaryStretch]
    after: Sequence[DiaryStretch]


def settle(movers: Sequence[MovingEntry], standing: Iterable[DiaryStretch]) -> dict[Key, Key]:
    """Those that cannot move because another has their new time, each with that other.

    They keep what they took. Absences, which say when nobody is there, go before sessions; of two
    sessions the one that was agreed first goes before the other. Absences may share minutes.
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
    """Of each two that share a minute the one that has to stay; who gave way once meets nobody."""
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
