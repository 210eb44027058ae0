"""Explains why a course cannot be planned: which session, which days, and what blocks them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlmodel import Session, col, select

from scheduler.booking.availability import search, unavailability
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring, Resources
from scheduler.booking.availability.unavailability import Cause, SearchedDays
from scheduler.booking.pace.refusals import CalendarEnds, NoPlan, NothingFree, Remedy
from scheduler.booking.pace.wishes import Wishes
from scheduler.clinic.models import Closure
from scheduler.clinic.phases import Phase


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The phase of the session must be over by a date."""

    by: date
    kind: Literal["part_ends"] = "part_ends"


@dataclass(frozen=True, slots=True)
class CourseTooLong:
    """The course would end after the last day that a plan may use."""

    by: date
    kind: Literal["course_too_long"] = "course_too_long"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something blocks all the days that would keep the pace; with `until`, the calendar ends."""

    cause: Cause
    days: SearchedDays
    until: date | None
    kind: Literal["blocked"] = "blocked"


Reason = CalendarEnds | NothingFree | PartEnds | CourseTooLong | Blocked


class ExplainedNoPlan(NoPlan):
    """No plan, with the reason from the calendars and the remedies that were found."""

    def __init__(
        self, session_number: int, reason: Reason, *, first: date, last: date, until: date
    ) -> None:
        super().__init__(session_number, first=first, last=last, until=until)
        self.reason = reason
        self.remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class PlanRequest:
    """The course that is asked for, and the patient's calendar."""

    phases: Sequence[Phase]
    wishes: Wishes
    now: datetime
    patient_calendar_id: int | None = None
    ignoring: Ignoring = IGNORE_NOTHING


def explain(
    session: Session, resources: Resources, refusal: NoPlan, request: PlanRequest
) -> ExplainedNoPlan:
    """The same refusal with what blocks that session."""
    phase = _phase_of(request.phases, refusal.session_number)
    end = search.last_day(resources, request.now)
    last = min(refusal.last, refusal.until, phase.last_day or date.max)
    reason: Reason
    if refusal.first > last:
        reason = _too_late(refusal, phase, end)
    else:
        days = _days(refusal.first, last, phase, request)
        cause = _cause(session, resources, days, request)
        reason = Blocked(cause, days, end if refusal.last > end == last else None)
    return ExplainedNoPlan(
        refusal.session_number,
        reason,
        first=refusal.first,
        last=refusal.last,
        until=end if refusal.until == end else refusal.last,
    )


def _too_late(refusal: NoPlan, phase: Phase, end: date) -> Reason:
    if phase.last_day and phase.last_day < refusal.until:
        return PartEnds(phase.last_day)
    return CalendarEnds(end) if refusal.until >= end else CourseTooLong(refusal.until)


def _days(first: date, last: date, phase: Phase, request: PlanRequest) -> SearchedDays:
    wishes = request.wishes
    weekdays = frozenset(phase.weekdays)
    if wishes.only_weekdays:
        weekdays = (weekdays & wishes.only_weekdays) if weekdays else wishes.only_weekdays
    between = wishes.between if "hours" in wishes.strict else None
    return SearchedDays(first, last, weekdays, between)


def _cause(
    session: Session, resources: Resources, days: SearchedDays, request: PlanRequest
) -> Cause:
    wishes = request.wishes
    only = wishes.practitioner_id if "practitioner" in wishes.strict else None
    times = search.times(
        session,
        resources,
        first=days.first,
        last=days.last,
        now=request.now,
        patient_calendar_id=request.patient_calendar_id,
        ignoring=request.ignoring,
    )
    return unavailability.why(
        days,
        resources.shape,
        [person for person in times.practitioners if only in {None, person.practitioner_id}],
        times.rooms,
        zone=resources.zone,
        closed=_closed(session, resources, days),
        not_before=search.soonest(resources, request.now),
        patient_busy=times.patient_busy,
        one=only is not None,
    )


def _closed(session: Session, resources: Resources, days: SearchedDays) -> set[date]:
    found = session.exec(
        select(col(Closure.day)).where(
            Closure.clinic_id == resources.treatment.clinic_id,
            col(Closure.starts) == col(Closure.ends),  # all of the day
            col(Closure.day) >= days.first,
            col(Closure.day) <= days.last,
        )
    )
    return set(found)


def _phase_of(phases: Sequence[Phase], number: int) -> Phase:
    for phase in phases:
        if number <= phase.sessions:
            return phase
        number -= phase.sessions
    raise IndexError(number)
