"""Adds sessions to a course: an optional phase, or one that makes up for a missed session."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import allocation, reservation
from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.reservation import ClaimLost
from scheduler.booking.availability.search import Resources
from scheduler.booking.courses import adherence, courses, placement, replanning, rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events import change_notices, course_events
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.clinic.phases import MAX_COURSE_SESSIONS, Phase
from scheduler.infra.errors import Conflict, Invalid
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id

MISSED = frozenset({AppointmentState.NO_SHOW, AppointmentState.CANCELLED})


def extend(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    phase: int,
    wishes: Wishes,
    policy: ChangePolicy,
    now: datetime,
) -> list[Appointment]:
    """Add the sessions of an optional phase, which a review has released, at its pace.

    `phase`: its position in the course, from 1. It then follows the phases that are not optional.
    """
    agreed = list(course.phases)
    if not 1 <= phase <= len(agreed):
        raise Invalid(
            f"The treatment has no phase {phase}. Send the number of one of its phases.",
            field="phase",
        )
    if not agreed[phase - 1].optional:
        raise Conflict("This phase is already part of the course.")
    before = adherence.planned_phases(course)
    released = replace(agreed.pop(phase - 1), optional=False)
    sessions = courses.appointments_of(session, course)
    planned = [
        *adherence.cut_to(before, len(sessions)),
        released,
    ]
    _check_room(sessions, released.sessions)
    stood = rescheduling.pace_status(session, course)
    course.phases = [
        *(agreed_phase for agreed_phase in agreed if not agreed_phase.optional),
        released,
        *(agreed_phase for agreed_phase in agreed if agreed_phase.optional),
    ]
    added = _add(session, course, planned, wishes=wishes, make_up=False, now=now)
    rescheduling.check_pace(session, course, stood, policy=policy, now=now)
    _record(session, actor, EventKind.EXTENDED, course, added, policy=policy, now=now, phase=phase)
    return added


def make_up(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    wishes: Wishes,
    policy: ChangePolicy,
    now: datetime,
) -> Appointment:
    """Add a session for one that was missed or cancelled, at the pace after the last.

    Raises Conflict if no session was missed or cancelled.
    """
    sessions = courses.appointments_of(session, course)
    if not to_make_up(course, sessions):
        raise Conflict("No session of this course needs a make-up session.")
    _check_room(sessions, 1)
    planned = adherence.cut_to(adherence.planned_phases(course), len(sessions) + 1)
    stood = rescheduling.pace_status(session, course)
    [added] = _add(session, course, planned, wishes=wishes, make_up=True, now=now)
    rescheduling.check_pace(session, course, stood, policy=policy, now=now)
    _record(session, actor, EventKind.MADE_UP, course, [added], policy=policy, now=now)
    return added


def to_make_up(course: Course, sessions: Sequence[Appointment]) -> int:
    """How many missed or cancelled sessions of a course have no make-up session yet."""
    if course.state == CourseState.CANCELLED:
        return 0
    missed = sum(appointment.state in MISSED for appointment in sessions)
    return max(0, missed - sum(appointment.make_up for appointment in sessions))


def _check_room(sessions: Sequence[Appointment], more: int) -> None:
    if len(sessions) + more > MAX_COURSE_SESSIONS:
        raise Conflict(f"A course has at most {MAX_COURSE_SESSIONS} sessions.")


def _add(
    session: Session,
    course: Course,
    planned: Sequence[Phase],
    *,
    wishes: Wishes,
    make_up: bool,
    now: datetime,
) -> list[Appointment]:
    """Plan and book the sessions of the phases beyond the existing ones."""
    if course.state == CourseState.CANCELLED:
        raise Conflict("This course is cancelled.")
    resources = rescheduling.resources_of(session, course)
    kept = courses.appointments_of(session, course)

    def plan_and_book() -> list[Appointment]:
        openings = replanning.plan_tail(
            session,
            course,
            [replanning.opening_of(appointment, resources) for appointment in kept],
            planned,
            wishes=wishes,
            resources=resources,
            now=now,
        )
        return _book(session, course, resources, openings, before=len(kept), now=now)

    added = reservation.retry(plan_and_book, after=SessionsTaken)
    for appointment in added:
        appointment.make_up = make_up
        session.add(appointment)
    if course.state == CourseState.COMPLETED:
        course.state = CourseState.ACTIVE
    return added


def _book(
    session: Session,
    course: Course,
    resources: Resources,
    openings: Sequence[Opening],
    *,
    before: int,
    now: datetime,
) -> list[Appointment]:
    patient = session.get_one(Patient, course.patient_id)
    wanted = [
        RequestedTime(number, instant_of(opening.starts_at), opening.practitioner_id)
        for number, opening in enumerate(openings, start=before + 1)
    ]
    agreed = course.phases
    with session.begin_nested():
        seats = allocation.allocate(session, resources, wanted, patient=patient, now=now)
        phase_of = placement.phase_numbers(agreed, before + len(seats))[before:]
        added = [
            placement.new_appointment(course, seat, resources, phase, now)
            for seat, phase in zip(seats, phase_of, strict=True)
        ]
        session.add_all(added)
        session.flush()
        if not placement.claim(session, resources, added, seats, patient=patient, now=now):
            raise ClaimLost
    return added


def _record(
    session: Session,
    actor: Actor,
    kind: EventKind,
    course: Course,
    added: Sequence[Appointment],
    *,
    policy: ChangePolicy,
    now: datetime,
    **details: int,
) -> None:
    changes = [course_events.change_of(appointment, None, now=now) for appointment in added]
    course_events.record(session, actor, kind, course, now=now, reason=policy.why, changes=changes)
    change_notices.give(session, actor, changes)
    courses.audit(
        session,
        actor,
        kind,
        course,
        now,
        appointments=[
            [stored_id(appointment.id), appointment.starts_at.isoformat()] for appointment in added
        ],
        reason=policy.why,
        **details,
    )
