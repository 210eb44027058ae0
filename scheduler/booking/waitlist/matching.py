"""Which free times suit an entry of the waitlist: from the calendar as it is now. Only reads.

What is free is search's to say; here it is held against wishes, pace and the patient's other days.
Nothing is remembered of what became free: a time that nobody was offered is found at the next look.
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
from scheduler.booking.pace.date_search import TooTangled
from scheduler.booking.pace.pace import violations
from scheduler.booking.pace.planner import NoPlan, Opening, Wishes
from scheduler.booking.planning import plan_course
from scheduler.booking.states import EXPECTED
from scheduler.booking.waitlist.availability_cache import Board
from scheduler.booking.waitlist.preferences import Suits
from scheduler.clinic import phases
from scheduler.clinic.phases import Phase
from scheduler.infra.intervals import instant_of
from scheduler.storage.database import stored_id

AHEAD = timedelta(weeks=8)
"""How far ahead a session is looked for where nobody says until when it would do."""

TO_ANSWER = timedelta(minutes=5)
"""Whoever is offered a time has at least so long before it comes too near to be booked."""

COURSES = 4
"""How many whole courses, each beginning later than the one before, are thought of."""

ONE_SESSION = Phase(sessions=1, per_week=1)
"""What is agreed on with somebody who wants no whole course."""

StartWithPractitioner = tuple[datetime, int]
"""A start and who would treat."""


@dataclass(frozen=True)
class WaitlistSearch:
    """One entry before the calendar at one moment."""

    session: Session
    entry: WaitlistEntry
    now: datetime
    board: Board
    offer: Offer | None = None
    """one that runs: what it keeps is overlooked, and nothing but its days is looked at"""

    @property
    def suits(self) -> Suits:
        """What would suit."""
        entry = self.entry
        between = None
        if entry.from_minute is not None and entry.to_minute is not None:
            between = entry.from_minute, entry.to_minute
        return Suits(
            frozenset(entry.weekdays),
            between,
            entry.practitioner_id,
            entry.first_day,
            entry.last_day,
        )


def board_of(session: Session, *, now: datetime) -> Board:
    """What could be offered to anybody now.

    Time to answer is part of the notice, so that nobody says yes to what is too near by then.
    """
    return Board(session, now=now, asked_at=now + TO_ANSWER)


def find(
    session: Session,
    entry: WaitlistEntry,
    *,
    now: datetime,
    board: Board,
    full: Collection[StartWithPractitioner] = (),
) -> list[Opening]:
    """The best that could be offered now, as the sessions it is made of; none: nothing suits.

    `full`: times that enough others have been offered, or are about to be.
    """
    look = WaitlistSearch(session, entry, now, board)
    never_again = had(session, entry)
    for choice in choices(look):
        first = opens(choice[0])
        if first[0] not in never_again and first not in full:
            return choice
    return []


def had(session: Session, entry: WaitlistEntry) -> set[datetime]:
    """Starts that an entry was offered and did not lose: they are not offered to it again."""
    return set(
        session.exec(
            select(Offer.starts_at).where(
                Offer.entry_id == entry.id, Offer.state != OfferState.WITHDRAWN
            )
        )
    )


def still_fits(session: Session, entry: WaitlistEntry, offer: Offer, *, now: datetime) -> bool:
    """Whether what was offered could still be had, and would still suit."""
    leaving = Ignoring(hold_id=offer.hold_id)
    board = Board(session, now=now, asked_at=now, leaving=leaving)
    look = WaitlistSearch(session, entry, now, board, offer)
    wanted = {_place(appointment) for appointment in offer.sessions}
    if entry.wants != "course":
        return any({opens(each)} == wanted for [each] in choices(look))
    means = board.means(entry.treatment_id)
    days = sorted(starts_at.astimezone(means.zone).date() for starts_at, _ in wanted)
    return wanted <= set(map(opens, _suiting(look, means, days[0], days[-1])))


def opens(opening: Opening) -> StartWithPractitioner:
    """When an opening begins, and with whom."""
    return instant_of(opening.starts_at), opening.practitioner_id


def choices(look: WaitlistSearch) -> Iterator[list[Opening]]:
    """Everything that could be offered, the best first."""
    means = look.board.means(look.entry.treatment_id)
    if not means.treatment.active:
        return
    if look.entry.wants == "earlier":
        yield from _earlier(look, means)
    elif look.entry.wants == "session":
        first, last = _window(look, means, AHEAD)
        for opening in _suiting(look, means, first, last):
            yield [opening]
    else:
        yield from _course(look, means)


def _place(each: dict[str, object]) -> StartWithPractitioner:
    return datetime.fromisoformat(str(each["starts_at"])), int(str(each["practitioner_id"]))


def _earlier(look: WaitlistSearch, means: Resources) -> Iterator[list[Opening]]:
    """Times before the patient's own that lie between its neighbours and keep the pace."""
    own = look.session.get(Appointment, look.entry.appointment_id)
    if own is None or own.state not in EXPECTED or own.starts_at <= look.now:
        return
    course = look.session.get_one(Course, own.course_id)
    sessions = courses.appointments_of(look.session, course)
    day = date.fromisoformat(own.wall_time[:10])
    earlier = [
        _day(appointment)
        for appointment in sessions
        if appointment.number < own.number and _counts(appointment)
    ]
    first, last = _window(look, means, timedelta(days=means.treatment.horizon_days))
    first = max(first, max(earlier, default=date.min) + timedelta(days=bool(earlier)))
    last = min(day, last)
    stands = adherence.pace_status(course, sessions)
    kept: dict[date, bool] = {}
    for opening in _suiting(look, means, first, last, but=own):
        if instant_of(opening.starts_at) >= own.starts_at:
            return
        if opening.day not in kept:
            moved = [
                _on(opening.day, appointment) if appointment is own else appointment
                for appointment in sessions
            ]
            kept[opening.day] = not adherence.newly_violated(
                stands, adherence.pace_status(course, moved)
            )
        if kept[opening.day]:
            yield [opening]


def _course(look: WaitlistSearch, means: Resources) -> Iterator[list[Opening]]:
    """Whole courses at their pace, all of each at times that suit; the best, then later ones."""
    agreed = [phase for phase in plan_course.phases_of(means.treatment) if not phase.optional]
    first, last = _window(look, means, timedelta(weeks=phases.weeks(agreed)) + AHEAD)
    openings = list(_suiting(look, means, first, last))
    for _ in range(COURSES):
        try:
            plan = planner.plan(agreed, openings, Wishes(start_on=first), until=last)
        except (NoPlan, TooTangled):
            return
        chosen = [appointment.opening for appointment in plan.sessions]
        if violations(agreed, [each.day.toordinal() for each in chosen]):
            return
        yield chosen
        first = chosen[0].day + timedelta(days=1)


def _window(look: WaitlistSearch, means: Resources, ahead: timedelta) -> tuple[date, date]:
    """From which day to which a session is looked for."""
    if look.offer is not None:
        only = look.offer.starts_at.astimezone(means.zone).date()
        return only, only
    today = look.now.astimezone(means.zone).date()
    first = max(today, look.entry.first_day or today)
    return first, look.entry.last_day or first + ahead


def _suiting(
    look: WaitlistSearch,
    means: Resources,
    first: date,
    last: date,
    *,
    but: Appointment | None = None,
) -> Iterator[Opening]:
    """Free times that meet the wishes, on days on which the patient has no other session."""
    suits = look.suits
    own_day = _day(but) if but else None
    taken = _taken_days(look, but)
    off = taken if own_day is None else {*taken, own_day}
    for openings in look.board.days(means, first, last, but=off):
        yield from filter(suits.met_by, openings)
    if but is not None and own_day is not None and first <= own_day <= last:
        leaving = Ignoring(look.offer.hold_id if look.offer else None, (stored_id(but.id),))
        yield from filter(suits.met_by, look.board.day(means, own_day, leaving))


def _taken_days(look: WaitlistSearch, but: Appointment | None) -> set[date]:
    rows = look.session.exec(
        select(Appointment.id, Appointment.wall_time).where(
            Appointment.patient_id == look.entry.patient_id,
            Appointment.state != AppointmentState.CANCELLED,
            col(Appointment.starts_at) > look.now - timedelta(days=2),
        )
    )
    return {
        date.fromisoformat(wall_time[:10])
        for appointment_id, wall_time in rows
        if but is None or appointment_id != but.id
    }


def _on(day: date, own: Appointment) -> Appointment:
    """A session as it would be on another day, not to be stored."""
    clock = own.wall_time[10:]
    return Appointment(**own.model_dump() | {"wall_time": f"{day.isoformat()}{clock}"})


def _counts(appointment: Appointment) -> bool:
    return appointment.state != AppointmentState.CANCELLED


def _day(appointment: Appointment) -> date:
    return date.fromisoformat(appointment.wall_time[:10])
