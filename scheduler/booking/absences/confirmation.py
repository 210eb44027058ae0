"""Confirms a proposal: enters the absence and moves all appointments as proposed, or nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.absences import proposals
from scheduler.booking.absences.time_off import BookedInside, HeldByForm
from scheduler.booking.availability import diary
from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import appointments, courses, rescheduling
from scheduler.booking.courses.adherence import BreaksPace, ChangePolicy
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import AbsenceProposal, Appointment, Course
from scheduler.booking.stored_values import Placing
from scheduler.infra.errors import Conflict, Invalid
from scheduler.storage.database import stored_id


class Outdated(Conflict):
    sentence = "The calendar has changed since this proposal. Confirm the new one in `proposal`."

    slug = "outdated-proposal"


class Held(Conflict):
    sentence = (
        "A patient holds a time in this absence on the booking form. Wait until `held_until`, or"
        " send `held`: `release`."
    )

    slug = "held-just-now"


class Unplaced(Conflict):
    sentence = (
        "Some sessions have no free time. Send `unplaced`: `cancel` to cancel them, or move them"
        " first."
    )

    slug = "unplaced"


def confirm(
    session: Session,
    actor: Actor,
    proposal: AbsenceProposal,
    *,
    cancel_unplaced: bool = False,
    release_held: bool = False,
    now: datetime,
) -> None:
    """Enter the absence and move each appointment as proposed, all or nothing.

    Raises Outdated if an appointment or a proposed time has changed since. Raises Unplaced if some
    appointments have no new time and must not be cancelled. Raises Held if a booking form holds a
    time inside the absence; `release_held` releases that hold instead.
    """
    session.refresh(proposal, with_for_update=True)
    if proposal.confirmed_at is not None:
        raise Conflict("This proposal is already confirmed.")
    booked = _locked(session, actor, proposal, now)
    if any(placing.to is None for placing in proposal.placings) and not cancel_unplaced:
        raise Unplaced
    proposal.confirmed_at = now
    session.add(proposal)
    try:
        _carry_out(session, actor, proposal, booked, release_held=release_held, now=now)
    except HeldByForm as problem:
        raise Held from problem
    except (SessionsTaken, BreaksPace, BookedInside, Invalid) as problem:
        raise Outdated from problem


def _locked(
    session: Session, actor: Actor, proposal: AbsenceProposal, now: datetime
) -> list[Appointment]:
    """The sessions to move, for us alone; Outdated unless they are those that were looked at."""
    about = proposals.sessions_of(session, proposal).values()
    courses.lock(session, *[appointment.course_id for appointment in about])
    for appointment in about:
        session.expire(
            appointment
        )  # another transaction may have changed it before we got the lock
    placings = _placings(proposal)
    booked = proposals.in_the_way(session, actor, proposal, now)
    if {appointment.id for appointment in booked} != {
        key for key, placing in placings.items() if placing.inside
    }:
        raise Outdated
    if proposals.staying(booked, now):  # the start that has passed changed no row
        raise Outdated
    ids = {appointment.id for appointment in booked}
    found = [
        *booked,
        *(
            appointment
            for appointment in _later(session, booked, placings, now)
            if appointment.id not in ids
        ),
    ]
    if {appointment.id: appointment.version for appointment in found} != {
        key: placing.version for key, placing in placings.items()
    }:
        raise Outdated
    return found


def _later(
    session: Session,
    booked: Sequence[Appointment],
    placings: Mapping[int, Placing],
    now: datetime,
) -> Iterator[Appointment]:
    """The present appointments of each postponed course, from the first affected one on."""
    for course_id, number in sorted(_firsts(booked, placings).items()):
        course = session.get_one(Course, course_id)
        yield from rescheduling.rest_of(session, course, from_number=number, now=now)


def _firsts(booked: Iterable[Appointment], placings: Mapping[int, Placing]) -> dict[int, int]:
    """By course id, the number of the first session that is postponed."""
    firsts: dict[int, int] = {}
    for appointment in booked:
        if placings[stored_id(appointment.id)].postponed:
            firsts[appointment.course_id] = min(
                appointment.number, firsts.get(appointment.course_id, appointment.number)
            )
    return firsts


def _carry_out(
    session: Session,
    actor: Actor,
    proposal: AbsenceProposal,
    booked: Sequence[Appointment],
    *,
    release_held: bool,
    now: datetime,
) -> None:
    placings = _placings(proposal)
    diary.free(session, appointment_ids=[stored_id(appointment.id) for appointment in booked])
    proposals.enter(session, actor, proposal, release_held=release_held, now=now)
    of_course: dict[int, list[Appointment]] = defaultdict(list)
    for appointment in booked:
        if placings[stored_id(appointment.id)].to is None:
            appointments.cancel(session, actor, appointment, reason=proposal.reason, now=now)
        else:
            of_course[appointment.course_id].append(appointment)
    firsts = _firsts(booked, placings)
    parts = [
        rescheduling.Reschedule(
            course,
            rescheduling.resources_of(session, course),
            moved,
            _wanted(moved, placings),
            "",
            later=course_id in firsts,
        )
        for course_id, moved in sorted(of_course.items())
        for course in [session.get_one(Course, course_id)]
    ]
    policy = ChangePolicy(reason=proposal.reason, label=_what(proposal))
    rescheduling.reschedule(session, actor, parts, policy=policy, now=now)
    for course_id, number in sorted(firsts.items()):
        [weeks] = {
            postponed.by_weeks
            for appointment in of_course[course_id]
            if (postponed := placings[stored_id(appointment.id)].postponed)
        }
        courses.record(
            session,
            actor,
            EventKind.REPLANNED if weeks is None else EventKind.SHIFTED,
            session.get_one(Course, course_id),
            now=now,
            reason=proposal.reason,
            from_number=number,
            **({} if weeks is None else {"by_days": 7 * weeks}),
        )


def _placings(proposal: AbsenceProposal) -> dict[int, Placing]:
    return {placing.appointment_id: placing for placing in proposal.placings}


def _wanted(moved: Sequence[Appointment], placings: Mapping[int, Placing]) -> list[RequestedTime]:
    # Request the proposed rooms: with few rooms, the order in which they are taken matters.
    return [
        RequestedTime(appointment.number, to.starts_at, to.practitioner_id, to.room_id)
        for appointment in moved
        if (to := placings[stored_id(appointment.id)].to)
    ]


def _what(absence: AbsenceProposal) -> str:
    """The event that caused the moves, for the history of the course."""
    if absence.closure:
        return "the clinic is closed"
    return "the practitioner is away" if absence.room_id is None else "the room is out of use"
