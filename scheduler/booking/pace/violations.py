"""Where the dates of a course leave its pace: one fact for each place. Pure.

Days are ordinals (`date.toordinal`). Sessions are numbered by date, from 1. Every fact names the
session at which the pace is left. Facts of one kind differ in the rule that they measure against:
`phrases.pace` writes the sentence for each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

from scheduler.booking.pace import session_caps
from scheduler.booking.pace.pace import Gaps, Windows, Within, opens, pace_of, soonest_in
from scheduler.clinic.phases import Cap, Phase


@dataclass(frozen=True, slots=True)
class SameDay:
    """The session is on the day of the session before it."""

    number: int
    day: int
    kind: Literal["same_day"] = "same_day"


@dataclass(frozen=True, slots=True)
class TooSoon:
    """The first session of a part comes before the part may begin."""

    number: int
    day: int
    soonest: int
    kind: Literal["too_soon"] = "too_soon"


@dataclass(frozen=True, slots=True)
class BeforePart:
    """The session comes before the fixed first day of its phase."""

    number: int
    day: int
    first: int
    kind: Literal["too_soon"] = "too_soon"


@dataclass(frozen=True, slots=True)
class AfterPart:
    """The session comes after the fixed last day of its phase."""

    number: int
    day: int
    last: int
    kind: Literal["too_late"] = "too_late"


@dataclass(frozen=True, slots=True)
class OffWeekday:
    """The session is on a weekday (0 is Monday) that its phase does not use."""

    number: int
    weekday: int
    weekdays: tuple[int, ...]
    kind: Literal["weekday"] = "weekday"


@dataclass(frozen=True, slots=True)
class CrowdedWindow:
    """A window of `length` days has `count` sessions, more than the `wanted`."""

    number: int
    count: int
    wanted: int
    start: int
    length: int
    kind: Literal["too_fast"] = "too_fast"


@dataclass(frozen=True, slots=True)
class ShortGap:
    """The session comes `days` after the one before, fewer than the `wanted`."""

    number: int
    days: int
    wanted: int
    kind: Literal["too_fast"] = "too_fast"


@dataclass(frozen=True, slots=True)
class ShortSpan:
    """All `sessions` of a phase lie within `days`, fewer than the `least`."""

    number: int
    sessions: int
    days: int
    least: int
    kind: Literal["too_fast"] = "too_fast"


@dataclass(frozen=True, slots=True)
class BeyondCourse:
    """The course has no session of this number."""

    number: int
    kind: Literal["too_many"] = "too_many"


@dataclass(frozen=True, slots=True)
class WeeksLate:
    """The session comes some whole weeks late. `due`: the first and last day that it missed."""

    number: int
    weeks: int
    due: tuple[int, int]
    kind: Literal["late"] = "late"


@dataclass(frozen=True, slots=True)
class LongSpan:
    """The session comes after the `days` that its phase may take, which are `due`."""

    number: int
    day: int
    days: int
    due: tuple[int, int]
    kind: Literal["late"] = "late"


@dataclass(frozen=True, slots=True)
class SparseWindow:
    """A window has `count` sessions, fewer than the `wanted`. `due`: its first and last day."""

    number: int
    count: int
    wanted: int
    due: tuple[int, int]
    kind: Literal["short"] = "short"


@dataclass(frozen=True, slots=True)
class LongGap:
    """The session comes `days` after the one before instead of `wanted`.

    `due`: the first and last day on which it should have been.
    """

    number: int
    days: int
    wanted: int
    due: tuple[int, int]
    kind: Literal["gap"] = "gap"


SlowerPace = WeeksLate | LongSpan | SparseWindow | LongGap
"""Violations by which a course is slower than its pace."""

FasterPace = CrowdedWindow | ShortGap | ShortSpan
"""Violations by which a course is faster than its pace."""

Misplaced = SameDay | TooSoon | BeforePart | AfterPart | OffWeekday | BeyondCourse
"""Sessions on days that they may not use."""

PaceViolation = SlowerPace | FasterPace | Misplaced
"""One way in which dates leave the pace, at the session `number`."""


def violations(phases: Sequence[Phase], days: Sequence[int]) -> list[PaceViolation]:
    """Where days in ascending order are faster or slower than the pace, or off its weekdays.

    Fewer days than the phases have sessions are judged as far as they go; more are one violation.
    Optional phases count like all others: pass only the phases that apply.
    """
    found: list[PaceViolation] = [
        SameDay(number, day)
        for number, (before, day) in enumerate(pairwise(days), start=2)
        if before == day
    ]
    for segment in pace_segments(phases, days):
        found += _in_segment(segment)
    sessions = sum(phase.sessions for phase in phases)
    if sessions < len(days):
        found.append(BeyondCourse(sessions + 1))
    return sorted(found, key=lambda violation: violation.number)


class PaceSegment(NamedTuple):
    """Sessions of a phase that are judged together, as (number, day), and when they may begin.

    A phase is one segment, except where a cap makes it wait: its pace starts again there, in
    another segment, and `cap` is that cap. `soonest` is None for the first segment of the course,
    which may begin on any day.
    """

    phase: Phase
    numbered: list[tuple[int, int]]
    soonest: int | None
    cap: Cap | None = None


def pace_segments(phases: Sequence[Phase], days: Sequence[int]) -> list[PaceSegment]:
    """The segments of a course whose sessions are on these days, in ascending order."""
    caps = session_caps.of(phases)
    found: list[PaceSegment] = []
    number, periods = 0, caps.before
    for phase in phases:
        own: list[tuple[int, int]] = []
        for place, day in enumerate(days[number : number + phase.sessions]):
            number += 1
            locked = caps.until(periods)
            soonest = _soonest(phase, phase.sessions - place, own, found)
            # The first session of the course cannot be late; it can only exceed a cap.
            waits = locked > (day if soonest is None else soonest)
            if not own or waits:
                own = []
                cap = caps.why(periods) if waits else None
                found.append(PaceSegment(phase, own, locked if waits else soonest, cap))
            own.append((number, day))
            periods = caps.after(periods, day)
    return found


def _soonest(
    phase: Phase, left: int, own: Sequence[tuple[int, int]], before: Sequence[PaceSegment]
) -> int | None:
    """The first day that the pace allows for the next session of a phase.

    It follows from the sessions of the phase so far (`own`), or else from the segment before.
    """
    if own:
        pace = pace_of(phase)
        anchor, filled = pace.memory([day for _, day in own])
        return soonest_in(pace, anchor, own[-1][1], filled, left)
    if not before:
        return None
    earlier = [day for _, day in before[-1].numbered]
    last = pace_of(before[-1].phase)
    free_from = last.next_from(last.memory(earlier)[0], earlier[-1])
    return opens(phase, max(free_from, earlier[-1] + 1 + phase.rest_days))


def _in_segment(segment: PaceSegment) -> Iterator[PaceViolation]:
    phase, numbered, soonest, _ = segment
    pace = pace_of(phase)
    if soonest is not None:
        yield from _entry(*numbered[0], soonest)
    yield from _off_weekdays(phase, numbered)
    yield from _off_anchor(phase, numbered, entry_judged=soonest is not None)
    if isinstance(pace, Windows):
        yield from _in_windows(pace, numbered)
    elif isinstance(pace, Gaps):
        yield from _in_gaps(pace, numbered)
    else:
        yield from _in_span(pace, numbered)


def _entry(number: int, day: int, soonest: int) -> Iterator[PaceViolation]:
    if day < soonest:
        yield TooSoon(number, day, soonest)
    elif weeks := (day - soonest) // 7:
        yield WeeksLate(number, weeks, due=(soonest, soonest + 7 * weeks - 1))


def _off_weekdays(phase: Phase, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    if not phase.weekdays:
        return
    for number, day in numbered:
        weekday = date.fromordinal(day).weekday()
        if weekday not in phase.weekdays:
            yield OffWeekday(number, weekday, phase.weekdays)


def _off_anchor(
    phase: Phase, numbered: list[tuple[int, int]], *, entry_judged: bool
) -> Iterator[PaceViolation]:
    """Sessions outside the fixed days of a phase. `entry_judged`: `_entry` has judged the first."""
    if phase.first_day:
        first = phase.first_day.toordinal()
        for number, day in numbered[entry_judged:]:
            if day < first:
                yield BeforePart(number, day, first)
    if phase.last_day:
        last = phase.last_day.toordinal()
        for number, day in numbered:
            if day > last:
                yield AfterPart(number, day, last)


def _in_windows(pace: Windows, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    number, first = numbered[0]
    last_window = (numbered[-1][1] - first) // pace.length
    skipped = 0
    for window in range(last_window + 1):
        start = first + pace.length * window
        count = sum(start <= day < start + pace.length for _, day in numbered)
        if count and skipped:
            missed = pace.length * skipped
            yield WeeksLate(number, missed // 7, due=(start - missed, start - 1))
        if count > pace.per:
            yield CrowdedWindow(number + pace.per, count, pace.per, start, pace.length)
        elif 0 < count < pace.per and window < last_window:
            due = (start, start + pace.length - 1)
            yield SparseWindow(number + count, count, pace.per, due)
        skipped = 0 if count else skipped + 1
        number += count


def _in_gaps(pace: Gaps, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    for (_, before), (number, day) in pairwise(numbered):
        gap, due = day - before, pace.due(before)
        if 0 < gap < pace.days:
            yield ShortGap(number, gap, pace.days)
        elif day > due:
            yield LongGap(number, gap, due - before, due=(due, day - 1))


def _in_span(pace: Within, numbered: list[tuple[int, int]]) -> Iterator[PaceViolation]:
    first = numbered[0][1]
    last = pace.begin(first)
    for number, day in numbered:
        if day > last:
            yield LongSpan(number, day, pace.days, due=(first, last))
    # While the last session is missing, the span cannot be known.
    number, day = numbered[-1]
    if len(numbered) == pace.sessions and (span := day - first + 1) < pace.least:
        yield ShortSpan(number, pace.sessions, span, pace.least)
