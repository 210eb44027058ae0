"""Finds free times that suit a waitlist entry, from the current calendar. Only reads.

The search finds what is free. This module compares it with the patient's preferences, pace and
other appointments. Nothing is stored about times that became free: the next run finds them again.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from scheduler.booking.availability.search import Ignoring, Resources
from scheduler.booking.courses import adherence, courses
from scheduler.booking.models import (
    Appointment,
    AppointmentState,
    Course,
    Offer,
    OfferState,
    WaitlistEntry,
)
from scheduler.booking.pace import planner
from scheduler.booking.pace.planner import NoPlan, Opening, Wishes
from scheduler.booking.pace.refusals import TooTangled
from scheduler.booking.pace.violations import violations
from scheduler.booking.planning import plan_course
from scheduler.booking.states import EXPECTED
from scheduler.booking.waitlist.availability_cache import AvailabilityCache
from scheduler.booking.waitlist.preferences import Preferences
from scheduler.clinic import phases
from scheduler.clinic.phases import Phase
from scheduler.infra.intervals import instant_of
from scheduler.storage.database import stored_id

SEARCH_AHEAD = timedelta(weeks=8)
"""How far ahead to search if the entry has no last day."""

TIME_TO_ANSWER = timedelta(minutes=5)
"""An offered time stays bookable for at least this long."""

MOST_COURSES = 4
"""The most whole courses that are tried, each starting later than the one before."""

ONE_SESSION = Phase(sessions=1, per_week=1)
"""The phase of an entry that wants one appointment, not a course."""

StartWithPractitioner = tuple[datetime, int]
"""A start and the id of the practitioner."""


@dataclass(frozen=True)
class WaitlistSearch:
    """One entry and the calendar at one moment."""

    session: Session
    entry: WaitlistEntry
    now: datetime
    free: AvailabilityCache
    offer: Offer | None = None
    """A running offer: its hold counts as free, and only its day is searched."""

    @property
    def preferences(self) -> Preferences:
        """The times that the patient accepts."""
        entry = self.entry
        between = None
        if entry.from_minute is not None and entry.to_minute is not None:
            between = entry.from_minute, entry.to_minute
        return Preferences(
            frozenset(entry.weekdays),
            between,
            entry.practitioner_id,
            entry.first_day,
            entry.last_day,
        )


def availability(session: Session, *, now: datetime) -> AvailabilityCache:
    """The free times that can be offered now.

    The time to answer is added to the notice, so that an accepted offer is never too late to book.
    """
    return AvailabilityCache(session, now=now, asked_at=now + TIME_TO_ANSWER)


def find(
    session: Session,
    entry: WaitlistEntry,
    *,
    now: datetime,
    free: AvailabilityCache,
    full: Collection[StartWithPractitioner] = (),
) -> list[Opening]:
    """The openings of the best offer for an entry; empty if nothing suits.

    `full`: starts that have already been offered to as many patients as the clinic allows.
    """
    search = WaitlistSearch(session, entry, now, free)
    offered_before = offered_starts(session, entry)
    for choice in choices(search):
        first = start_of(choice[0])
        if first[0] not in offered_before and first not in full:
            return choice
    return []


def offered_starts(session: Session, entry: WaitlistEntry) -> set[datetime]:
    """Starts that this entry was offered, except withdrawn offers. They are not offered again."""
    return set(
        session.exec(
            select(Offer.starts_at).where(
                Offer.entry_id == entry.id, Offer.state != OfferState.WITHDRAWN
            )
        )
    )


def still_fits(session: Session, entry: WaitlistEntry, offer: Offer, *, now: datetime) -> bool:
    """Whether an offer is still free and still suits the patient."""
    ignoring = Ignoring(hold_id=offer.hold_id)
    free = AvailabilityCache(session, now=now, asked_at=now, ignoring=ignoring)
    search = WaitlistSearch(session, entry, now, free, offer)
    wanted = {(offered.starts_at, offered.practitioner_id) for offered in offer.sessions}
    if entry.wants != "course":
        return any({start_of(opening)} == wanted for [opening] in choices(search))
    resources = free.resources(entry.treatment_id)
    days = sorted(starts_at.astimezone(resources.zone).date() for starts_at, _ in wanted)
    return wanted <= set(map(start_of, _suiting(search, resources, days[0], days[-1])))


def start_of(opening: Opening) -> StartWithPractitioner:
    """The start and the practitioner of an opening."""
    return instant_of(opening.starts_at), opening.practitioner_id


def choices(search: WaitlistSearch) -> Iterator[list[Opening]]:
    """All possible offers, the best first."""
    resources = search.free.resources(search.entry.treatment_id)
    if not resources.treatment.active:
        return
    if search.entry.wants == "earlier":
        yield from _earlier(search, resources)
    elif search.entry.wants == "session":
        first, last = _window(search, resources, SEARCH_AHEAD)
        for opening in _suiting(search, resources, first, last):
            yield [opening]
    else:
        yield from _course(search, resources)


def _earlier(search: WaitlistSearch, resources: Resources) -> Iterator[list[Opening]]:
    """Times before the patient's own appointment, after the one before it, that keep the pace."""
    own = search.session.get(Appointment, search.entry.appointment_id)
    if own is None or own.state not in EXPECTED or own.starts_at <= search.now:
        return
    course = search.session.get_one(Course, own.course_id)
    sessions = courses.appointments_of(search.session, course)
    day = date.fromisoformat(own.wall_time[:10])
    earlier = [
        _day(appointment)
        for appointment in sessions
        if appointment.number < own.number and _counts(appointment)
    ]
    first, last = _window(search, resources, timedelta(days=resources.treatment.horizon_days))
    first = max(first, max(earlier, default=date.min) + timedelta(days=bool(earlier)))
    last = min(day, last)
    before = adherence.pace_status(course, sessions)
    kept: dict[date, bool] = {}
    for opening in _suiting(search, resources, first, last, own=own):
        if instant_of(opening.starts_at) >= own.starts_at:
            return
        if opening.day not in kept:
            moved = [
                _on(opening.day, appointment) if appointment is own else appointment
                for appointment in sessions
            ]
            kept[opening.day] = not adherence.newly_violated(
                before, adherence.pace_status(course, moved)
            )
        if kept[opening.day]:
            yield [opening]


def _course(search: WaitlistSearch, resources: Resources) -> Iterator[list[Opening]]:
    """Whole courses that keep the pace at suitable times: the best one, then later ones."""
    agreed = [phase for phase in plan_course.phases_of(resources.treatment) if not phase.optional]
    first, last = _window(search, resources, timedelta(weeks=phases.weeks(agreed)) + SEARCH_AHEAD)
    openings = list(_suiting(search, resources, first, last))
    for _ in range(MOST_COURSES):
        try:
            plan = planner.plan(agreed, openings, Wishes(start_on=first), until=last)
        except (NoPlan, TooTangled):
            return
        chosen = [planned.opening for planned in plan.sessions]
        if violations(agreed, [opening.day.toordinal() for opening in chosen]):
            return
        yield chosen
        first = chosen[0].day + timedelta(days=1)


def _window(search: WaitlistSearch, resources: Resources, ahead: timedelta) -> tuple[date, date]:
    """The first and last day to search."""
    if search.offer is not None:
        only = search.offer.starts_at.astimezone(resources.zone).date()
        return only, only
    today = search.now.astimezone(resources.zone).date()
    first = max(today, search.entry.first_day or today)
    return first, search.entry.last_day or first + ahead


def _suiting(
    search: WaitlistSearch,
    resources: Resources,
    first: date,
    last: date,
    *,
    own: Appointment | None = None,
) -> Iterator[Opening]:
    """Free times that the patient accepts, on days without another appointment of theirs."""
    preferences = search.preferences
    own_day = _day(own) if own else None
    taken = _taken_days(search, own)
    off = taken if own_day is None else {*taken, own_day}
    for openings in search.free.days(resources, first, last, but=off):
        yield from filter(preferences.met_by, openings)
    if own is not None and own_day is not None and first <= own_day <= last:
        ignoring = Ignoring(search.offer.hold_id if search.offer else None, (stored_id(own.id),))
        yield from filter(preferences.met_by, search.free.day(resources, own_day, ignoring))


def _taken_days(search: WaitlistSearch, own: Appointment | None) -> set[date]:
    rows = search.session.exec(
        select(Appointment.id, Appointment.wall_time).where(
            Appointment.patient_id == search.entry.patient_id,
            Appointment.state != AppointmentState.CANCELLED,
            col(Appointment.starts_at) > search.now - timedelta(days=2),
        )
    )
    return {
        date.fromisoformat(wall_time[:10])
        for appointment_id, wall_time in rows
        if own is None or appointment_id != own.id
    }


def _on(day: date, own: Appointment) -> Appointment:
    """A copy of an appointment on another day. It is never stored."""
    clock = own.wall_time[10:]
    return Appointment(**own.model_dump() | {"wall_time": f"{day.isoformat()}{clock}"})


def _counts(appointment: Appointment) -> bool:
    return appointment.state != AppointmentState.CANCELLED


def _day(appointment: Appointment) -> date:
    return date.fromisoformat(appointment.wall_time[:10])
