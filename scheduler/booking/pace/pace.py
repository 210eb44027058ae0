"""The three kinds of pace: on which days the next session of a phase may be. Pure.

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
    """Days that the next session may lie on, both ends included.

    `lost`: days by which the course falls behind its pace. `empty`: places left empty in earlier
    weeks. `anchor` and `filled`: what the pace must remember afterwards; an anchor of None is that
    of a phase that begins.
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

    Each window should be full before the next begins. Otherwise places stay empty, and the course
    loses the length of each additional window. Anchor: the first day after the current window.
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
        # The fewest windows that had to follow this one, and that must follow if it stays unfilled.
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
    """Exactly `days` from one session to the next. The course loses each additional day.

    If the phase has weekdays, the session is due on the next of them, and this wait loses nothing.
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
        """The day on which the session after this day is due."""
        soonest = day + self.days
        return soonest + wait_for(self.weekdays, date.fromordinal(soonest).weekday())

    def next_from(self, _anchor: int, day: int) -> int:
        return day + self.days


@dataclass(frozen=True, slots=True)
class Within:
    """`sessions` from first to last within `days`, and not within fewer than `least`.

    The course loses each day by which the last session is later. Anchor: the last of the `days`.
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
        # Days by which the rest must be late after this day, and the last next day that is on time.
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
    """The pace of a phase."""
    if phase.every_days is not None:
        return Gaps(phase.every_days, phase.weekdays)
    if phase.within_days is not None:
        return Within(phase.sessions, phase.within_days, phase.at_least_days or 1)
    sessions, weeks = phase.window
    return Windows(sessions, 7 * weeks)


def opens(phase: Phase, soonest: int) -> int:
    """The first day of a phase: `soonest`, or its fixed first day if that is later."""
    return max(soonest, phase.first_day.toordinal()) if phase.first_day else soonest


def entries(earliest: int, patience: int = 0) -> Iterator[DayRange]:
    """When a phase may begin: within a week of the earliest day, else whole weeks late.

    `patience`: additional days by which it may be late.
    """
    for late in range(LATE_WEEKS + 1 + patience // 7):
        start = earliest + 7 * late
        yield DayRange(start, start + 6, 7 * late, 0, None, 1)


def soonest_in(pace: Pace, anchor: int, day: int, filled: int, left: int) -> int:
    """The first day on which the next session of a phase may be."""
    return next(pace.stretches(anchor, day, filled, left)).first
