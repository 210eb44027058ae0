"""A practitioner will be away and patients are booked: where each could go, and all of it at once.

A proposal is worked out on the calendar itself, in a savepoint that is taken back: what it says was
possible together. It is carried out as it stands or not at all.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete, select

from scheduler.audit import Actor
from scheduler.booking import absences, appointments, courses, diary, moves, trials
from scheduler.booking.absences import Booked, BookedInside, HeldJustNow
from scheduler.booking.lifecycle import EXPECTED
from scheduler.booking.marks import BreaksPace, Terms
from scheduler.booking.models import (
    AbsenceProposal,
    Appointment,
    Course,
    DiaryEntry,
)
from scheduler.booking.seating import Seat, SessionsTaken, Wanted
from scheduler.clinic.models import Practitioner, TimeOff
from scheduler.database import known
from scheduler.errors import Conflict, NotFound, Unfit
from scheduler.intervals import instant_of

KEPT = timedelta(days=7)
"""How long a proposal that nobody confirmed is remembered."""

MOST_SESSIONS = 120
"""How many sessions one proposal takes: a practitioner's fortnight, and a clinic's day."""

NOWHERE = "nobody else is free on that day, and no day within two weeks of it keeps the pace"


class Outdated(Conflict):
    """The calendar has changed since this was proposed. Here is what is possible now."""

    slug = "outdated-proposal"


class Unplaced(Conflict):
    """Some sessions have no other place. Say that they are to be cancelled, or move them first."""

    slug = "unplaced"


def propose(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    now: datetime,
) -> AbsenceProposal:
    """Where each session that needs this practitioner then could go, in order of preference.

    As many as possible have a place; as many of them as possible on their day with whoever is free,
    at the nearest times; the others on a day that keeps the pace of their course. BookedInside for
    sessions that have begun: those stay. Unfit for more sessions than one proposal takes.
    """
    session.exec(
        delete(AbsenceProposal).where(
            col(AbsenceProposal.clinic_id) == practitioner.clinic_id,
            col(AbsenceProposal.created_at) < now - KEPT,
            col(AbsenceProposal.confirmed_at).is_(None),
        )
    )
    proposal = AbsenceProposal(
        clinic_id=practitioner.clinic_id,
        practitioner_id=known(practitioner.id),
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        created_at=now,
    )
    booked = _booked(session, practitioner, starts_at, ends_at)
    if len(booked) > MOST_SESSIONS:
        raise Unfit(
            f"{len(booked)} sessions are booked in this time, and one proposal takes"
            f" {MOST_SESSIONS} at most. Please propose a shorter time first, then the rest.",
            field="ends_at",
        )
    _check_movable(booked, now)
    with session.begin_nested() as attempt:
        seats = _try(session, actor, proposal, booked, now=now)
        attempt.rollback()
    proposal.placings = [_placing(each, seats.get(known(each.id))) for each in booked]
    session.add(proposal)
    session.flush()
    return proposal


def find(session: Session, actor: Actor, practitioner_id: int, proposal_id: int) -> AbsenceProposal:
    """A proposal for a practitioner at one of the actor's clinics; NotFound for any other."""
    found = session.exec(
        select(AbsenceProposal).where(
            AbsenceProposal.id == proposal_id,
            AbsenceProposal.practitioner_id == practitioner_id,
            actor.scope(col(AbsenceProposal.clinic_id)),
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
) -> TimeOff:
    """Take the time off and move each session to where it was proposed; all of it or nothing.

    Outdated where anything has changed since: a session, or a time that was free. Unplaced where
    some have no place and are not to be cancelled.
    """
    session.refresh(proposal, with_for_update=True)
    if proposal.confirmed_at is not None:
        raise Conflict("This proposal was confirmed already.")
    practitioner = session.get_one(Practitioner, proposal.practitioner_id)
    booked = _locked(session, practitioner, proposal)
    if any("why" in each for each in proposal.placings) and not cancel_unplaced:
        raise Unplaced
    proposal.confirmed_at = now
    session.add(proposal)
    try:
        return _carry_out(session, actor, proposal, booked, now=now)
    except (SessionsTaken, BreaksPace, HeldJustNow, BookedInside, Unfit) as problem:
        raise Outdated from problem


def sessions_of(session: Session, proposal: AbsenceProposal) -> dict[int, Appointment]:
    """The sessions that a proposal is about, by their ids."""
    ids = [each["appointment_id"] for each in proposal.placings]
    rows = session.exec(select(Appointment).where(col(Appointment.id).in_(ids)))
    return {known(each.id): each for each in rows}


def _booked(
    session: Session, practitioner: Practitioner, starts_at: datetime, ends_at: datetime
) -> list[Appointment]:
    """The sessions that need the practitioner's hands in a stretch of time, by their start."""
    first, last = int(starts_at.timestamp()) // 60, int(ends_at.timestamp()) // 60
    ids = select(DiaryEntry.appointment_id).where(
        DiaryEntry.calendar_id == practitioner.calendar_id,
        DiaryEntry.from_minute > first - diary.LONGEST,
        DiaryEntry.from_minute < last,
        DiaryEntry.to_minute > first,
        col(DiaryEntry.appointment_id).is_not(None),
    )
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
    proposal: AbsenceProposal,
    booked: Sequence[Appointment],
    *,
    now: datetime,
) -> dict[int, Seat]:
    """Seat all that can be seated, on the calendar as it would be without the practitioner."""
    diary.free(session, appointment_ids=[known(each.id) for each in booked])
    _take_off(session, actor, proposal, now)
    return trials.seat_all(session, booked, now=now)


def _placing(appointment: Appointment, seat: Seat | None) -> dict[str, Any]:
    about = {"appointment_id": known(appointment.id), "version": appointment.version}
    if seat is None:
        return {**about, "why": NOWHERE}
    starts_at = instant_of(seat.starts_at).isoformat()
    return {**about, "starts_at": starts_at, "practitioner_id": seat.practitioner_id}


def _locked(
    session: Session,
    practitioner: Practitioner,
    proposal: AbsenceProposal,
) -> list[Appointment]:
    """The sessions to move, for us alone; Outdated unless they are those that were looked at."""
    courses.lock(session, *[each.course_id for each in sessions_of(session, proposal).values()])
    booked = _booked(session, practitioner, proposal.starts_at, proposal.ends_at)
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
) -> TimeOff:
    placings = _placings(proposal)
    diary.free(session, appointment_ids=[known(each.id) for each in booked])
    time_off = _take_off(session, actor, proposal, now)
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
    terms = Terms(reason=proposal.reason, deed="the practitioner is away")
    moves.rearrange(session, actor, parts, terms=terms, now=now)
    return time_off


def _placings(proposal: AbsenceProposal) -> dict[int, dict[str, Any]]:
    return {each["appointment_id"]: each for each in proposal.placings}


def _wanted(moved: Sequence[Appointment], placings: dict[int, dict[str, Any]]) -> list[Wanted]:
    found = [(each.number, placings[known(each.id)]) for each in moved]
    return [
        Wanted(number, datetime.fromisoformat(to["starts_at"]), to["practitioner_id"])
        for number, to in found
    ]


def _take_off(
    session: Session,
    actor: Actor,
    proposal: AbsenceProposal,
    now: datetime,
) -> TimeOff:
    practitioner = session.get_one(Practitioner, proposal.practitioner_id)
    return absences.take_time_off(
        session,
        actor,
        practitioner,
        starts_at=proposal.starts_at,
        ends_at=proposal.ends_at,
        reason=proposal.reason,
        now=now,
    )
