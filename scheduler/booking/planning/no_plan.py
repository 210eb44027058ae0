"""Why a course cannot be planned, in words for a patient, and what would make it possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from scheduler.booking.availability import search, unavailability
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring, Resources
from scheduler.booking.availability.unavailability import Days
from scheduler.booking.pace.compromises import Wishes
from scheduler.booking.pace.date_search import NoPlan
from scheduler.booking.pace.pace import on, week_of
from scheduler.booking.pace.remedies import Remedy
from scheduler.clinic.models import Closure
from scheduler.clinic.phases import Phase
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _


class Refused(NoPlan):
    sentence = "No plan keeps the pace with what is free; it is known why, and what would help."

    def __init__(
        self, session_number: int, why: str, *, first: date, last: date, until: date
    ) -> None:
        super().__init__(session_number, why, first=first, last=last, until=until)
        self.remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class PlanRequest:
    """The course that was asked for, and by whom."""

    phases: Sequence[Phase]
    wishes: Wishes
    now: datetime
    patient_calendar_id: int | None = None
    leaving: Ignoring = IGNORE_NOTHING


def explain(session: Session, means: Resources, refusal: NoPlan, asked: PlanRequest) -> Refused:
    """The same refusal, with a sentence that says what stands in the way of that session."""
    phase = _phase_of(asked.phases, refusal.session_number)
    end = search.last_day(means, asked.now)
    last = min(refusal.last, refusal.until, phase.last_day or date.max)
    if refusal.first > last:
        why = _too_late(refusal, phase, end)
    else:
        why = _what_is_free(session, means, _days(refusal.first, last, phase, asked), asked)
        if refusal.last > end == last:
            until = _("%(why)s, and the calendar is open only until %(day)s")
            why = until % {"why": why, "day": _on(end)}
    return Refused(
        refusal.session_number,
        why,
        first=refusal.first,
        last=refusal.last,
        until=end if refusal.until == end else refusal.last,
    )


def _too_late(refusal: NoPlan, phase: Phase, end: date) -> str:
    if phase.last_day and phase.last_day < refusal.until:
        return _("this part of the course is to be over by %(day)s") % {"day": _on(phase.last_day)}
    if refusal.until >= end:
        return _("the calendar is open only until %(day)s") % {"day": _on(end)}
    return _("the course would not be over by %(day)s") % {"day": _on(refusal.until)}


def _days(first: date, last: date, phase: Phase, asked: PlanRequest) -> Days:
    wishes = asked.wishes
    weekdays = frozenset(phase.weekdays)
    if wishes.only_weekdays:
        weekdays = (weekdays & wishes.only_weekdays) if weekdays else wishes.only_weekdays
    return Days(first, last, weekdays, wishes.between if "hours" in wishes.strict else None)


def _what_is_free(session: Session, means: Resources, days: Days, asked: PlanRequest) -> str:
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
    cause = unavailability.why(
        days,
        means.shape,
        [who for who in times.practitioners if only in {None, who.practitioner_id}],
        times.rooms,
        zone=means.zone,
        closed=_closed(session, means, days),
        not_before=search.soonest(means, asked.now),
        patient_busy=times.patient_busy,
        one=only is not None,
    )
    return _("%(cause)s %(when)s") % {"cause": _(cause), "when": _when(days)}


def _when(days: Days) -> str:
    words = []
    if days.weekdays:
        named = [translation.weekday_names()[day] for day in sorted(days.weekdays)]
        words.append(_("on %(weekdays)s") % {"weekdays": translation.join(named, either=True)})
    if days.between:
        start, end = (f"{minute // 60}:{minute % 60:02}" for minute in days.between)
        words.append(_("between %(start)s and %(end)s") % {"start": start, "end": end})
    length = (days.last - days.first).days + 1
    if length == 1:
        words.append(_("on %(day)s") % {"day": _on(days.first)})
    elif length % 7 == 0:
        words.append(_("in %(weeks)s") % {"weeks": week_of(days.first.toordinal(), length)})
    else:
        first, last = _on(days.first), _on(days.last)
        words.append(_("from %(first)s to %(last)s") % {"first": first, "last": last})
    return " ".join(words)


def _closed(session: Session, means: Resources, days: Days) -> set[date]:
    found = session.exec(
        select(col(Closure.day)).where(
            Closure.clinic_id == means.treatment.clinic_id,
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


def _on(day: date) -> str:
    return on(day.toordinal())
