"""Where a plan does not keep its pace or the wishes, as facts with their causes. Pure.

Days are ordinals (`date.toordinal`), weekdays count from 0 (Monday), hours are minutes of the day.
`phrases.compromises` writes the sentence for each fact.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from scheduler.booking.pace import session_caps
from scheduler.booking.pace.pace import opens
from scheduler.booking.pace.violations import SlowerPace, SparseWindow, pace_segments, violations
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.clinic.phases import Cap, Phase


@dataclass(frozen=True, slots=True)
class NoTimes:
    """Nothing is free from one day to another, or (`some_free`) nothing that fits the course."""

    first: int
    last: int
    some_free: bool


@dataclass(frozen=True, slots=True)
class NoOtherDay:
    """No other day of a window is free, or (`some_free`) no other day that fits the course."""

    some_free: bool


class WeekdayCauseKind(StrEnum):
    PART_FIXED = "part_fixed"
    PACE_DENSER = "pace_denser"
    PACE_BROKEN = "pace_broken"
    NONE_FREE = "none_free"
    NO_OTHER_FREE = "no_other_free"


@dataclass(frozen=True, slots=True)
class WeekdayCause:
    """Why a session is not on a wished weekday.

    `weekdays`: the ones of the phase for `PART_FIXED`, else the ones that the patient wished.
    `as_wished`: there are other wishes too, which a free time might miss.
    """

    kind: WeekdayCauseKind
    weekdays: tuple[int, ...]
    as_wished: bool = False


@dataclass(frozen=True, slots=True)
class CapWait:
    """A session waits until day `since`: at most `sessions` in `days`."""

    session_numbers: tuple[int]
    since: int
    sessions: int
    days: int
    kind: Literal["cap"] = "cap"


@dataclass(frozen=True, slots=True)
class LateStart:
    """The course starts some weeks late."""

    session_numbers: tuple[int]
    weeks: int
    cause: NoTimes
    kind: Literal["late"] = "late"


@dataclass(frozen=True, slots=True)
class Slower:
    """The plan is slower than the pace at a session."""

    violation: SlowerPace
    cause: NoTimes | NoOtherDay

    @property
    def kind(self) -> Literal["late", "short", "gap"]:
        return self.violation.kind

    @property
    def session_numbers(self) -> tuple[int]:
        return (self.violation.number,)


@dataclass(frozen=True, slots=True)
class OffWeekdays:
    """Sessions that are not on a wished weekday; `weekday`: which they are on, if only one."""

    session_numbers: tuple[int, ...]
    weekday: int | None
    cause: WeekdayCause
    kind: Literal["weekday"] = "weekday"


@dataclass(frozen=True, slots=True)
class OffHours:
    """Sessions outside the wished hours; `some_free`: times in them are free, but miss a wish."""

    session_numbers: tuple[int, ...]
    between: tuple[int, int]
    some_free: bool
    kind: Literal["hours"] = "hours"


@dataclass(frozen=True, slots=True)
class OtherPractitioner:
    """Sessions with another practitioner; `some_free`: the wished one is free at other hours."""

    session_numbers: tuple[int, ...]
    some_free: bool
    kind: Literal["practitioner"] = "practitioner"


Compromise = CapWait | LateStart | Slower | OffWeekdays | OffHours | OtherPractitioner
"""Where a plan is not what pace and wishes ask for.

Kinds: late, short, gap (slower than the pace); cap (a cap makes a session wait); weekday, hours,
practitioner (a wish is missed).
"""

Offers = Mapping[int, Sequence[Opening]]
"""All openings by the ordinal of their day."""

_Numbered = Sequence[tuple[int, Opening]]
"""Sessions, each with its number in the course."""


def find(
    phases: Sequence[Phase],
    chosen: Sequence[Opening],
    offers: Offers,
    wishes: Wishes,
    *,
    kept: int = 0,
) -> tuple[Compromise, ...]:
    """All compromises of a course, by session: first of its pace, then of its wishes.

    The first `kept` sessions were not planned and cause no compromise.
    """
    planned = list(enumerate(chosen, start=1))[kept:]
    found: list[Compromise] = [
        *([] if kept else _late_start(phases, chosen[0].day.toordinal(), offers, wishes)),
        *_cap_waits(phases, chosen, wishes, kept),
        *_slower(phases, chosen, offers, kept),
        *_off_weekdays(phases, planned, chosen, offers, wishes),
        *_off_hours(planned, offers, wishes),
        *_other_practitioner(planned, offers, wishes),
    ]
    return tuple(sorted(found, key=lambda compromise: compromise.session_numbers[0]))


def _cap_waits(
    phases: Sequence[Phase], chosen: Sequence[Opening], wishes: Wishes, kept: int
) -> Iterator[CapWait]:
    caps = session_caps.of(phases)
    if not kept and (since := caps.until(caps.before)) > wishes.start_on.toordinal():
        yield _cap_wait(1, since, caps.why(caps.before))
    for segment in pace_segments(phases, [opening.day.toordinal() for opening in chosen]):
        number = segment.numbered[0][0]
        if segment.cap and number > kept:
            yield _cap_wait(number, segment.soonest or 0, segment.cap)


def _cap_wait(number: int, since: int, cap: Cap) -> CapWait:
    return CapWait((number,), since, cap.sessions, cap.days)


def _late_start(
    phases: Sequence[Phase], first: int, offers: Offers, wishes: Wishes
) -> Iterator[LateStart]:
    caps = session_caps.of(phases)
    start = opens(phases[0], max(wishes.start_on.toordinal(), caps.until(caps.before)))
    if weeks := (first - start) // 7:
        yield LateStart((1,), weeks, _no_times(start, start + 7 * weeks - 1, offers))


def _slower(
    phases: Sequence[Phase], chosen: Sequence[Opening], offers: Offers, kept: int
) -> Iterator[Slower]:
    days = [opening.day.toordinal() for opening in chosen]
    for violation in violations(phases, days):
        if isinstance(violation, SlowerPace) and violation.number > kept:
            weekdays = _phase_of(phases, violation.number).weekdays
            yield Slower(violation, _why_slower(violation, weekdays, days, offers))


def _why_slower(
    violation: SlowerPace, weekdays: tuple[int, ...], taken: Sequence[int], offers: Offers
) -> NoTimes | NoOtherDay:
    first, last = violation.due
    if not isinstance(violation, SparseWindow):
        return _no_times(first, last, offers, weekdays)
    others = [day for day in range(first, last + 1) if day not in taken]
    return NoOtherDay(_some_free(others, offers, weekdays))


def _no_times(first: int, last: int, offers: Offers, weekdays: tuple[int, ...] = ()) -> NoTimes:
    return NoTimes(first, last, _some_free(range(first, last + 1), offers, weekdays))


def _some_free(days: Sequence[int], offers: Offers, weekdays: tuple[int, ...]) -> bool:
    return any(
        day in offers and (not weekdays or date.fromordinal(day).weekday() in weekdays)
        for day in days
    )


def _off_weekdays(
    phases: Sequence[Phase],
    planned: _Numbered,
    chosen: Sequence[Opening],
    offers: Offers,
    wishes: Wishes,
) -> Iterator[OffWeekdays]:
    by_cause: dict[WeekdayCause, list[tuple[int, Opening]]] = {}
    for number, opening in planned:
        if not wishes.day_met(opening.day):
            fixed = _phase_of(phases, number).weekdays
            cause = _why_that_weekday(opening, fixed, chosen, offers, wishes)
            by_cause.setdefault(cause, []).append((number, opening))
    for cause, missed in by_cause.items():
        weekdays = {opening.day.weekday() for _, opening in missed}
        weekday = weekdays.pop() if len(weekdays) == 1 else None
        yield OffWeekdays(_numbers(missed), weekday, cause)


def _why_that_weekday(
    opening: Opening,
    fixed: tuple[int, ...],
    chosen: Sequence[Opening],
    offers: Offers,
    wishes: Wishes,
) -> WeekdayCause:
    if fixed and not wishes.weekdays.intersection(fixed):
        return WeekdayCause(WeekdayCauseKind.PART_FIXED, fixed)
    wished = tuple(sorted(wishes.weekdays))
    monday = opening.day.toordinal() - opening.day.weekday()
    taken = {other.day.toordinal() for other in chosen}
    others = {monday + weekday for weekday in wished} - taken
    if not others:
        return WeekdayCause(WeekdayCauseKind.PACE_DENSER, wished)
    if any(not wishes.missed_by(offer) for day in others for offer in offers.get(day, ())):
        return WeekdayCause(WeekdayCauseKind.PACE_BROKEN, wished)
    limits = wishes.between is not None or wishes.practitioner_id is not None
    some_taken = len(others) < len(wished)
    kind = WeekdayCauseKind.NO_OTHER_FREE if some_taken else WeekdayCauseKind.NONE_FREE
    return WeekdayCause(kind, wished, as_wished=limits)


def _off_hours(planned: _Numbered, offers: Offers, wishes: Wishes) -> Iterator[OffHours]:
    missed = [(number, opening) for number, opening in planned if not wishes.time_met(opening)]
    if missed and wishes.between is not None:
        free = any(wishes.time_met(offer) for offer in _same_days(missed, offers))
        yield OffHours(_numbers(missed), wishes.between, free)


def _other_practitioner(
    planned: _Numbered, offers: Offers, wishes: Wishes
) -> Iterator[OtherPractitioner]:
    missed = [(number, opening) for number, opening in planned if not wishes.person_met(opening)]
    if missed:
        free = any(wishes.person_met(offer) for offer in _same_days(missed, offers))
        yield OtherPractitioner(_numbers(missed), free)


def _same_days(missed: _Numbered, offers: Offers) -> Iterator[Opening]:
    """All openings on the days of some sessions."""
    for _, opening in missed:
        yield from offers[opening.day.toordinal()]


def _numbers(numbered: _Numbered) -> tuple[int, ...]:
    return tuple(number for number, _ in numbered)


def _phase_of(phases: Sequence[Phase], number: int) -> Phase:
    for phase in phases:
        if number <= phase.sessions:
            return phase
        number -= phase.sessions
    raise IndexError(number)
