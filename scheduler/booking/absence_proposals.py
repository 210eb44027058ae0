"""Somebody or something will not be there and patients are booked: where each could go instead.

A practitioner is away, a room is out of use, the clinic closes: each is an absence that sessions
are in the way of, and what is in its way is what refuses it says.

A proposal is worked out on the calendar itself, in a savepoint that is taken back: what it says was
possible together. It is carried out as it stands or not at all.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, delete, select

from scheduler.audit import Actor
from scheduler.booking import absences, appointments, closing, courses, diary, moves, trials
from scheduler.booking.absences import Booked, BookedInside, HeldJustNow, Whose
from scheduler.booking.lifecycle import EXPECTED
from scheduler.booking.marks import BreaksPace, Terms
from scheduler.booking.models import AbsenceProposal, Appointment, Course
from scheduler.booking.seating import Seat, SessionsTaken, Wanted
from scheduler.clinic.closures import ALL_DAY, Closed
from scheduler.clinic.models import Clinic, Practitioner, Room
from scheduler.database import known
from scheduler.errors import Conflict, NotFound, Unfit
from scheduler.intervals import instant_of

KEPT = timedelta(days=7)
"""How long a proposal that nobody confirmed is remembered."""

MOST_SESSIONS = 120
"""How many sessions one proposal takes: a practitioner's fortnight, and a clinic's day."""

NOWHERE = "nothing else is free on that day, and no day within two weeks of it keeps the pace"


class Outdated(Conflict):
    """The calendar has changed since this was proposed. Here is what is possible now."""

    slug = "outdated-proposal"


class Unplaced(Conflict):
    """Some sessions have no other place. Say that they are to be cancelled, or move them first."""

    slug = "unplaced"


def of_time_off(
    whose: Whose, *, starts_at: datetime, ends_at: datetime, reason: str = "", now: datetime
) -> AbsenceProposal:
    """An absence of a practitioner, or of a room that is out of use, with nothing proposed yet."""
    return AbsenceProposal(
        clinic_id=whose.clinic_id,
        practitioner_id=None if isinstance(whose, Room) else known(whose.id),
        room_id=known(whose.id) if isinstance(whose, Room) else None,
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
        clinic_id=known(clinic.id),
        closure={
            "day": day.isoformat(),
            "last_day": last_day.isoformat(),
            "starts": starts,
            "ends": ends,
        },
        starts_at=instant_of(Closed(day, starts, ends).span(zone).start),
        ends_at=instant_of(Closed(last_day, starts, ends).span(zone).end),
        reason=reason,
        created_at=now,
    )


def propose(session: Session, actor: Actor, absence: AbsenceProposal) -> AbsenceProposal:
    """Say where each session that is in the way of an absence could go, as of its `created_at`.

    As many as possible have a place; as many of them as possible on their day with whoever is free,
    at the nearest times; the others on a day that keeps the pace of their course. BookedInside for
    sessions that have begun: those stay. Unfit for more sessions than one proposal takes.
    """
    now = absence.created_at
    session.exec(
        delete(AbsenceProposal).where(
            col(AbsenceProposal.clinic_id) == absence.clinic_id,
            col(AbsenceProposal.created_at) < now - KEPT,
            col(AbsenceProposal.confirmed_at).is_(None),
        )
    )
    booked = _in_the_way(session, actor, absence, now)
    if len(booked) > MOST_SESSIONS:
        raise Unfit(
            f"{len(booked)} sessions are booked in this time, and one proposal takes"
            f" {MOST_SESSIONS} at most. Please propose a shorter time first, then the rest.",
            field="last_date" if absence.closure else "ends_at",
        )
    _check_movable(booked, now)
    with session.begin_nested() as attempt:
        seats = _try(session, actor, absence, booked, now=now)
        attempt.rollback()
    absence.placings = [_placing(each, seats.get(known(each.id))) for each in booked]
    session.add(absence)
    session.flush()
    return absence


def anew(
    session: Session, actor: Actor, outdated: AbsenceProposal, *, now: datetime
) -> AbsenceProposal:
    """What is possible now for the same absence."""
    about = outdated.model_dump(exclude={"id", "placings", "created_at", "confirmed_at"})
    return propose(session, actor, AbsenceProposal(**about, created_at=now))


def find(session: Session, actor: Actor, proposal_id: int) -> AbsenceProposal:
    """A proposal at one of the actor's clinics; NotFound for any other."""
    found = session.exec(
        select(AbsenceProposal).where(
            AbsenceProposal.id == proposal_id, actor.scope(col(AbsenceProposal.clinic_id))
        )
    ).first()
    if found is None:
        raise NotFound
    return found


def confirm(
    session: Session,
    actor: Actor,
    proposal: AbsenceProposal,
    *,
    cancel_unplaced: bool = False,
    now: datetime,
) -> None:
    """Enter the absence and move each session to where it was proposed; all of it or nothing.

    Outdated where anything has changed since: a session, or a time that was free. Unplaced where
    some have no place and are not to be cancelled.
    """
    session.refresh(proposal, with_for_update=True)
    if proposal.confirmed_at is not None:
        raise Conflict("This proposal was confirmed already.")
    booked = _locked(session, actor, proposal, now)
    if any("why" in each for each in proposal.placings) and not cancel_unplaced:
        raise Unplaced
    proposal.confirmed_at = now
    session.add(proposal)
    try:
        _carry_out(session, actor, proposal, booked, now=now)
    except (SessionsTaken, BreaksPace, HeldJustNow, BookedInside, Unfit) as problem:
        raise Outdated from problem


def sessions_of(session: Session, proposal: AbsenceProposal) -> dict[int, Appointment]:
    """The sessions that a proposal is about, by their ids."""
    ids = [each["appointment_id"] for each in proposal.placings]
    rows = session.exec(select(Appointment).where(col(Appointment.id).in_(ids)))
    return {known(each.id): each for each in rows}


def _in_the_way(
    session: Session, actor: Actor, absence: AbsenceProposal, now: datetime
) -> list[Appointment]:
    """The sessions for which an absence is refused as things stand, by their start."""
    try:
        with session.begin_nested() as attempt:
            _enter(session, actor, absence, now)
            attempt.rollback()
    except BookedInside as refusal:
        ids = [each.appointment_id for each in refusal.appointments]
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


def _check_movable(booked: Sequence[Appointment], now: datetime) -> None:
    stay = [each for each in booked if each.state not in EXPECTED or each.starts_at <= now]
    if stay:
        raise BookedInside(
            [Booked(known(each.id), each.course_id, each.number, each.starts_at) for each in stay]
        )


def _try(
    session: Session,
    actor: Actor,
    absence: AbsenceProposal,
    booked: Sequence[Appointment],
    *,
    now: datetime,
) -> dict[int, Seat]:
    """Seat all that can be seated, on the calendar as it would be with the absence."""
    diary.free(session, appointment_ids=[known(each.id) for each in booked])
    _enter(session, actor, absence, now)
    return trials.seat_all(session, booked, now=now)


def _placing(appointment: Appointment, seat: Seat | None) -> dict[str, Any]:
    about = {"appointment_id": known(appointment.id), "version": appointment.version}
    if seat is None:
        return {**about, "why": NOWHERE}
    return {
        **about,
        "starts_at": instant_of(seat.starts_at).isoformat(),
        "practitioner_id": seat.practitioner_id,
        "room_id": seat.room_id,
    }


def _locked(
    session: Session, actor: Actor, proposal: AbsenceProposal, now: datetime
) -> list[Appointment]:
    """The sessions to move, for us alone; Outdated unless they are those that were looked at."""
    courses.lock(session, *[each.course_id for each in sessions_of(session, proposal).values()])
    booked = _in_the_way(session, actor, proposal, now)
    if {each.id: each.version for each in booked} != {
        key: each["version"] for key, each in _placings(proposal).items()
    }:
        raise Outdated
    return booked


def _carry_out(
    session: Session,
    actor: Actor,
    proposal: AbsenceProposal,
    booked: Sequence[Appointment],
    *,
    now: datetime,
) -> None:
    placings = _placings(proposal)
    diary.free(session, appointment_ids=[known(each.id) for each in booked])
    _enter(session, actor, proposal, now)
    of_course: dict[int, list[Appointment]] = defaultdict(list)
    for each in booked:
        if "why" in placings[known(each.id)]:
            appointments.cancel(session, actor, each, reason=proposal.reason, now=now)
        else:
            of_course[each.course_id].append(each)
    parts = [
        moves.Part(course, moves.means_of(session, course), moved, _wanted(moved, placings), "")
        for course_id, moved in sorted(of_course.items())
        for course in [session.get_one(Course, course_id)]
    ]
    terms = Terms(reason=proposal.reason, deed=_what(proposal))
    moves.rearrange(session, actor, parts, terms=terms, now=now)


def _placings(proposal: AbsenceProposal) -> dict[int, dict[str, Any]]:
    return {each["appointment_id"]: each for each in proposal.placings}


def _wanted(moved: Sequence[Appointment], placings: dict[int, dict[str, Any]]) -> list[Wanted]:
    # The very rooms: which one is taken first is not all the same where there are few.
    return [
        Wanted(
            each.number,
            datetime.fromisoformat(to["starts_at"]),
            to["practitioner_id"],
            to.get("room_id"),  # a program of before this did not say it
        )
        for each in moved
        for to in [placings[known(each.id)]]
    ]


def _enter(session: Session, actor: Actor, absence: AbsenceProposal, now: datetime) -> None:
    """The absence itself, on the calendar."""
    if absence.closure:
        closing.close(
            session,
            actor,
            session.get_one(Clinic, absence.clinic_id),
            day=date.fromisoformat(absence.closure["day"]),
            last_day=date.fromisoformat(absence.closure["last_day"]),
            starts=absence.closure["starts"],
            ends=absence.closure["ends"],
            reason=absence.reason,
            now=now,
        )
        return
    absences.take_time_off(
        session,
        actor,
        _whose(session, absence),
        starts_at=absence.starts_at,
        ends_at=absence.ends_at,
        reason=absence.reason,
        now=now,
    )


def _whose(session: Session, absence: AbsenceProposal) -> Whose:
    if absence.room_id is not None:
        return session.get_one(Room, absence.room_id)
    return session.get_one(Practitioner, absence.practitioner_id)


def _what(absence: AbsenceProposal) -> str:
    """What has happened, for whoever reads why a session was moved."""
    if absence.closure:
        return "the clinic is closed"
    return "the practitioner is away" if absence.room_id is None else "the room is out of use"
