"""What a pace means: on which days the next session of a phase may be. Pure.

Days are ordinals (`date.toordinal`). Two constants bound how far a course may fall behind its pace:
a course or a later phase starts at most LATE_WEEKS late and leaves out at most that many weeks in
a row, and a gap of days is at most LATE_DAYS longer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from scheduler.clinic.phases import Phase, wait_for

LATE_WEEKS = 4
LATE_DAYS = 8


class DayRange(NamedTuple):
    """Days, first and last included, that the next session may lie on.

    `lost` is by how many days that makes the course later than its pace, `empty` how many places
    it leaves empty in weeks gone by. `anchor` and `filled` are what must be remembered from then
    on; an anchor of None is the one of a phase just begun.
    """

    first: int
    last: int
    lost: int
    empty: int
    anchor: int | None
    filled: int


@dataclass(frozen=True, slots=True)
class Windows:
    """`per` sessions in each window of `length` days, counted from the first session.

    A window is full before the next begins. Where that cannot be, places are left empty, and the
    course is later by each whole window that it then takes more. Anchor: the first day after the
    current window.
    """

    per: int
    length: int

    @property
    def ideal(self) -> Fraction:
        return Fraction(self.length, self.per)

    def begin(self, day: int) -> int:
        return day + self.length

    def memory(self, own: Sequence[int]) -> tuple[int, int]:
        window = (own[-1] - own[0]) // self.length
        start = own[0] + self.length * window
        return start + self.length, min(self.per, sum(day >= start for day in own))

    def stretches(
        self, anchor: int, day: int, filled: int, left: int, patience: int = 0
    ) -> Iterator[DayRange]:
        if filled < self.per:
            yield DayRange(day + 1, anchor - 1, 0, 0, anchor, filled + 1)
        # The fewest windows that still had to follow, and that have to follow one with this one.
        needed = self._windows(left - (self.per - filled))
        more = 1 + self._windows(left - self.per) - needed
        for skipped in range(max(1, 7 * LATE_WEEKS // self.length) + 1 + patience // self.length):
            start = anchor + self.length * skipped
            end = start + self.length
            empty = self.per - filled + self.per * skipped
            yield DayRange(start, end - 1, self.length * (skipped + more), empty, end, 1)

    def next_from(self, anchor: int, _day: int) -> int:
        return anchor

    def _windows(self, sessions: int) -> int:
        return -(-max(0, sessions) // self.per)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Exactly `days` from one session to the next; each day more holds the course up by a day.

    Where the phase has weekdays, the next of them is meant: waiting for it holds nothing up.
    """

    days: int
    weekdays: tuple[int, ...] = ()

    @property
    def ideal(self) -> Fraction:
        return Fraction(self.days)

    def begin(self, _day: int) -> int:
        return 0

    def memory(self, _own: Sequence[int]) -> tuple[int, int]:
        return 0, 1

    def stretches(
        self, _anchor: int, day: int, _filled: int, _left: int, patience: int = 0
    ) -> Iterator[DayRange]:
        due = self.due(day)
        for more in range(LATE_DAYS + 1 + patience):
            yield DayRange(due + more, due + more, more, 0, 0, 1)

    def due(self, day: int) -> int:
        """When the session after one on this day should be."""
        soonest = day + self.days
        return soonest + wait_for(self.weekdays, date.fromordinal(soonest).weekday())

    def next_from(self, _anchor: int, day: int) -> int:
        return day + self.days


@dataclass(frozen=True, slots=True)
class Within:
    """`sessions` from first to last inside `days`, and not inside fewer than `least`.

    Each day that the last one is beyond them holds the course up by a day. Anchor: the last day
    that still counts.
    """

    sessions: int
    days: int
    least: int = 1

    @property
    def ideal(self) -> Fraction:
        return Fraction(self.days - 1, max(1, self.sessions - 1))

    def begin(self, day: int) -> int:
        return day + self.days - 1

    def memory(self, own: Sequence[int]) -> tuple[int, int]:
        return self.begin(own[0]), 1

    def stretches(
        self, anchor: int, day: int, _filled: int, left: int, patience: int = 0
    ) -> Iterator[DayRange]:
        # The soonest that the rest can be over, after this day and after each later one.
        over = max(0, day + left - anchor)
        on_time = max(day + 1, anchor - left + 1)
        soonest = anchor - self.days + self.least if left == 1 else 0
        yield DayRange(max(day + 1, soonest), on_time, 0, 0, anchor, 1)
        for more in range(1, 7 * LATE_WEEKS + patience - over + 1):
            yield DayRange(on_time + more, on_time + more, more, 0, anchor, 1)

    def next_from(self, _anchor: int, day: int) -> int:
        return day + max(1, int(self.ideal))


Pace = Windows | Gaps | Within


def pace_of(phase: Phase) -> Pace:
    """The rule behind the pace of a phase."""
    if phase.every_days is not None:
        return Gaps(phase.every_days, phase.weekdays)
    if phase.within_days is not None:
        return Within(phase.sessions, phase.within_days, phase.at_least_days or 1)
    sessions, weeks = phase.window
    return Windows(sessions, 7 * weeks)


def opens(phase: Phase, soonest: int) -> int:
    """The first day that a phase can have, which would otherwise begin on `soonest`."""
    return max(soonest, phase.first_day.toordinal()) if phase.first_day else soonest


def entries(earliest: int, patience: int = 0) -> Iterator[DayRange]:
    """When a phase may begin: within a week of the earliest day, else some whole weeks late.

    `patience`: by how many days more than usual it may be late.
    """
    for late in range(LATE_WEEKS + 1 + patience // 7):
        start = earliest + 7 * late
        yield DayRange(start, start + 6, 7 * late, 0, None, 1)


def soonest_in(pace: Pace, anchor: int, day: int, filled: int, left: int) -> int:
    """The first day on which a phase can go on after a session on this one."""
    return next(pace.stretches(anchor, day, filled, left)).first
