"""Proposes new times for the appointments inside an absence.

An absence is a practitioner away, a room out of use, or a closed clinic. The appointments inside
are those that a refusal lists.

A proposal is worked out on the calendar itself, in a savepoint that is rolled back, so all its
times are possible together. It is confirmed whole or not at all. If an appointment has no other
time, the rest of its course is postponed with it where possible.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, delete, select

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.absences import closures, postponement, relocation, time_off
from scheduler.booking.absences.time_off import BlockingAppointment, BookedInside, HeldByForm, Whose
from scheduler.booking.availability import diary
from scheduler.booking.availability.allocation import Allocation
from scheduler.booking.models import AbsenceProposal, Appointment
from scheduler.booking.states import EXPECTED
from scheduler.booking.stored_values import PlacedAt, Placing, PlannedClosure, Postponed
from scheduler.clinic.closures import ALL_DAY, Closed
from scheduler.clinic.models import Clinic, Practitioner, Room
from scheduler.infra.errors import Invalid, Problem
from scheduler.infra.intervals import instant_of
from scheduler.storage.database import stored_id

PROPOSAL_KEPT_FOR = timedelta(days=7)
"""How long an unconfirmed proposal is kept."""

MAX_SESSIONS_IN_PROPOSAL = 120
"""How many sessions one proposal takes: a practitioner's fortnight, and a clinic's day."""


def of_time_off(
    whose: Whose, *, starts_at: datetime, ends_at: datetime, reason: str = "", now: datetime
) -> AbsenceProposal:
    """An absence of a practitioner, or of a room that is out of use, with nothing proposed yet."""
    return AbsenceProposal(
        clinic_id=whose.clinic_id,
        practitioner_id=None if isinstance(whose, Room) else stored_id(whose.id),
        room_id=stored_id(whose.id) if isinstance(whose, Room) else None,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        created_at=now,
    )


def of_closure(
    clinic: Clinic,
    *,
    day: date,
    last_day: date | None = None,
    starts: str = ALL_DAY,
    ends: str = ALL_DAY,
    reason: str = "",
    now: datetime,
) -> AbsenceProposal:
    """The same for a clinic that closes, as in `closing.close`."""
    zone, last_day = ZoneInfo(clinic.timezone), last_day or day
    return AbsenceProposal(
        clinic_id=stored_id(clinic.id),
        closure=PlannedClosure(day=day, last_day=last_day, starts=starts, ends=ends),
        starts_at=instant_of(Closed(day, starts, ends).span(zone).start),
        ends_at=instant_of(Closed(last_day, starts, ends).span(zone).end),
        reason=reason,
        created_at=now,
    )


def propose(session: Session, actor: Actor, absence: AbsenceProposal) -> AbsenceProposal:
    """Propose a time for each appointment inside an absence, as of its `created_at`.

    As many as possible get a time; as many of those as possible stay on their day, with any free
    practitioner, near their old time. The others get a day that keeps their course's pace. If there
    is no such day, the course is postponed from that appointment on. Times held by booking forms do
    not block; they are reported in `held_until`. Raises BookedInside for appointments that have
    begun, which stay, and Invalid for more appointments than one proposal takes.
    """
    now = absence.created_at
    session.exec(
        delete(AbsenceProposal).where(
            col(AbsenceProposal.clinic_id) == absence.clinic_id,
            col(AbsenceProposal.created_at) < now - PROPOSAL_KEPT_FOR,
            col(AbsenceProposal.confirmed_at).is_(None),
        )
    )
    booked = in_the_way(session, actor, absence, now)
    if len(booked) > MAX_SESSIONS_IN_PROPOSAL:
        raise Invalid(
            f"{len(booked)} sessions are booked in this time, and one proposal takes"
            f" {MAX_SESSIONS_IN_PROPOSAL} at most. Please propose a shorter time first, then the"
            " rest.",
            field="last_date" if absence.closure else "ends_at",
        )
    if stay := staying(booked, now):
        raise BookedInside([BlockingAppointment.of(appointment) for appointment in stay])
    with session.begin_nested() as attempt:
        absence.placings = _try(session, actor, absence, booked, now=now)
        attempt.rollback()
    session.add(absence)
    session.flush()
    audit_trail.record(
        session,
        actor,
        Action.PROPOSED,
        "absence proposal",
        absence.id,
        clinic_id=absence.clinic_id,
        now=now,
        appointment_ids=[placing.appointment_id for placing in absence.placings],
    )
    return absence


def propose_again(
    session: Session, actor: Actor, outdated: AbsenceProposal, *, now: datetime
) -> AbsenceProposal:
    """Propose what is possible now for the same absence."""
    session.refresh(outdated)  # a savepoint that was rolled back has expired its values
    same = AbsenceProposal(
        clinic_id=outdated.clinic_id,
        practitioner_id=outdated.practitioner_id,
        room_id=outdated.room_id,
        closure=outdated.closure,
        starts_at=outdated.starts_at,
        ends_at=outdated.ends_at,
        reason=outdated.reason,
        created_at=now,
    )
    return propose(session, actor, same)


def find(session: Session, actor: Actor, proposal_id: int) -> AbsenceProposal:
    """A proposal at one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, AbsenceProposal, proposal_id)


def sessions_of(session: Session, proposal: AbsenceProposal) -> dict[int, Appointment]:
    """The sessions that a proposal is about, by their ids."""
    ids = [placing.appointment_id for placing in proposal.placings]
    rows = session.exec(select(Appointment).where(col(Appointment.id).in_(ids)))
    return {stored_id(row.id): row for row in rows}


def in_the_way(
    session: Session, actor: Actor, absence: AbsenceProposal, now: datetime
) -> list[Appointment]:
    """The appointments that prevent an absence, in order of their start."""
    try:
        with session.begin_nested() as attempt:
            enter(session, actor, absence, release_held=True, now=now)
            attempt.rollback()
    except BookedInside as refusal:
        ids = [appointment.appointment_id for appointment in refusal.appointments]
    else:
        return []
    return list(
        session.exec(
            select(Appointment)
            .where(col(Appointment.id).in_(ids))
            .order_by(col(Appointment.starts_at), col(Appointment.id))
            .execution_options(populate_existing=True)
        )
    )


def staying(booked: Sequence[Appointment], now: datetime) -> list[Appointment]:
    """The sessions that are not moved, because they have begun or the patient has arrived."""
    return [
        appointment
        for appointment in booked
        if appointment.state not in EXPECTED or appointment.starts_at <= now
    ]


def _try(
    session: Session,
    actor: Actor,
    absence: AbsenceProposal,
    booked: Sequence[Appointment],
    *,
    now: datetime,
) -> list[Placing]:
    """Place all that can be placed, on the calendar as it would be with the absence."""
    diary.free(session, appointment_ids=[stored_id(appointment.id) for appointment in booked])
    absence.held_until = _enter_anyhow(session, actor, absence, now)
    seats = relocation.seat_all(session, booked, now=now)
    stuck = [appointment for appointment in booked if stored_id(appointment.id) not in seats]
    rests, refused = postponement.postpone(session, stuck, seats, until=absence.ends_at, now=now)
    inside = {appointment.id for appointment in booked}
    later = {
        stored_id(appointment.id): Placing(
            appointment_id=stored_id(appointment.id),
            version=appointment.version,
            to=_placed_at(rest.seats[stored_id(appointment.id)]),
            postponed=Postponed(by_weeks=rest.weeks),
            inside=appointment.id in inside,
        )
        for rest in rests
        for appointment in rest.sessions
    }
    alone = {
        stored_id(appointment.id): _placing(
            appointment,
            seats.get(stored_id(appointment.id)),
            refused.get(appointment.course_id),
        )
        for appointment in booked
    }
    return list((alone | later).values())


def _enter_anyhow(
    session: Session, actor: Actor, absence: AbsenceProposal, now: datetime
) -> datetime | None:
    """Until when a booking form holds a time inside; the hold is released to try the proposal."""
    try:
        with session.begin_nested():
            enter(session, actor, absence, now=now)
    except HeldByForm as held:
        enter(session, actor, absence, release_held=True, now=now)
        return held.until
    return None


def _placing(appointment: Appointment, seat: Allocation | None, problem: Problem | None) -> Placing:
    """Where one appointment goes without the rest of its course."""
    return Placing(
        appointment_id=stored_id(appointment.id),
        version=appointment.version,
        to=_placed_at(seat) if seat else None,
        not_later=postponement.refusal_json(problem) if problem and not seat else None,
    )


def _placed_at(seat: Allocation) -> PlacedAt:
    return PlacedAt(
        starts_at=instant_of(seat.starts_at),
        practitioner_id=seat.practitioner_id,
        room_id=seat.room_id,
    )


def enter(
    session: Session,
    actor: Actor,
    absence: AbsenceProposal,
    *,
    release_held: bool = False,
    now: datetime,
) -> None:
    """The absence itself, on the calendar; `release_held` as in `absences.claim`."""
    if absence.closure:
        closures.close(
            session,
            actor,
            session.get_one(Clinic, absence.clinic_id),
            day=absence.closure.day,
            last_day=absence.closure.last_day,
            starts=absence.closure.starts,
            ends=absence.closure.ends,
            reason=absence.reason,
            release_held=release_held,
            now=now,
        )
        return
    time_off.take_time_off(
        session,
        actor,
        _whose(session, absence),
        starts_at=absence.starts_at,
        ends_at=absence.ends_at,
        reason=absence.reason,
        release_held=release_held,
        now=now,
    )


def _whose(session: Session, absence: AbsenceProposal) -> Whose:
    if absence.room_id is not None:
        return session.get_one(Room, absence.room_id)
    return session.get_one(Practitioner, absence.practitioner_id)
