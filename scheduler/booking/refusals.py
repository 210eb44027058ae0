"""Why a course cannot be planned, in words for a patient, and what would make it possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from scheduler.booking import reasons, search
from scheduler.booking.compromises import Wishes
from scheduler.booking.dates import NoPlan
from scheduler.booking.paces import on, week_of
from scheduler.booking.reasons import Days
from scheduler.booking.remedies import Remedy
from scheduler.booking.search import NOTHING, Leaving, Resources
from scheduler.clinic.models import Closure
from scheduler.clinic.phases import WEEKDAY_NAMES, Phase, join


class Refused(NoPlan):
    """No plan keeps the pace with what is free; it is known why, and what would help."""

    def __init__(
        self, session_number: int, why: str, *, first: date, last: date, until: date
    ) -> None:
        super().__init__(session_number, why, first=first, last=last, until=until)
        self.remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class Asked:
    """The course that was asked for, and by whom."""

    phases: Sequence[Phase]
    wishes: Wishes
    now: datetime
    patient_calendar_id: int | None = None
    leaving: Leaving = NOTHING


def explain(session: Session, means: Resources, refusal: NoPlan, asked: Asked) -> Refused:
    """The same refusal, with a sentence that says what stands in the way of that session."""
    phase = _phase_of(asked.phases, refusal.session_number)
    end = search_end(means, asked.now)
    last = min(refusal.last, refusal.until, phase.last_day or date.max)
    if refusal.first > last:
        why = _too_late(refusal, phase, end)
    else:
        why = _what_is_free(session, means, _days(refusal.first, last, phase, asked), asked)
        if refusal.last > end == last:
            why += f", and the calendar is open only until {_on(end)}"
    return Refused(
        refusal.session_number,
        why,
        first=refusal.first,
        last=refusal.last,
        until=end if refusal.until == end else refusal.last,
    )


def search_end(means: Resources, now: datetime) -> date:
    """The last day that the calendar of a treatment is open for booking."""
    today = now.astimezone(means.zone).date()
    return date.fromordinal(today.toordinal() + means.treatment.horizon_days)


def _too_late(refusal: NoPlan, phase: Phase, end: date) -> str:
    if phase.last_day and phase.last_day < refusal.until:
        return f"this part of the course is to be over by {_on(phase.last_day)}"
    if refusal.until >= end:
        return f"the calendar is open only until {_on(end)}"
    return f"the course would not be over by {_on(refusal.until)}"


def _days(first: date, last: date, phase: Phase, asked: Asked) -> Days:
    wishes = asked.wishes
    weekdays = frozenset(phase.weekdays)
    if wishes.only_weekdays:
        weekdays = (weekdays & wishes.only_weekdays) if weekdays else wishes.only_weekdays
    return Days(first, last, weekdays, wishes.between if "hours" in wishes.strict else None)


def _what_is_free(session: Session, means: Resources, days: Days, asked: Asked) -> str:
    wishes = asked.wishes
    only = wishes.practitioner_id if "practitioner" in wishes.strict else None
    times = search.times(
        session,
        means,
        first=days.first,
        last=days.last,
        now=asked.now,
        patient_calendar_id=asked.patient_calendar_id,
        leaving=asked.leaving,
    )
    cause = reasons.why(
        days,
        means.shape,
        [who for who in times.practitioners if only in {None, who.practitioner_id}],
        times.rooms,
        zone=means.zone,
        closed=_closed(session, means, days),
        patient_busy=times.patient_busy,
        one=only is not None,
    )
    return f"{cause} {_when(days)}"


def _when(days: Days) -> str:
    words = ""
    if days.weekdays:
        words = f"on {join([WEEKDAY_NAMES[day] for day in sorted(days.weekdays)], 'or')} "
    if days.between:
        start, end = (f"{minute // 60}:{minute % 60:02}" for minute in days.between)
        words += f"between {start} and {end} "
    length = (days.last - days.first).days + 1
    if length == 1:
        return f"{words}on {_on(days.first)}"
    if length % 7 == 0:
        return f"{words}in {week_of(days.first.toordinal(), length)}"
    return f"{words}from {_on(days.first)} to {_on(days.last)}"


def _closed(session: Session, means: Resources, days: Days) -> set[date]:
    found = session.exec(
        select(col(Closure.day)).where(
            Closure.clinic_id == means.treatment.clinic_id,
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


def _on(day: date) -> str:
    return on(day.toordinal())
