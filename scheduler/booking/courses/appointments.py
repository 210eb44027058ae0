"""Moves, swaps, confirms, cancels, starts, completes and misses one appointment."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking import states as booking_states
from scheduler.booking.availability import diary
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import adherence, courses, rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events import change_notices, course_events
from scheduler.booking.events.course_events import AppointmentValues
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.booking.states import EXPECTED, LIVE
from scheduler.infra.errors import Conflict, Invalid, NotFound
from scheduler.storage.database import stored_id

EVENT_OF_STATE = {
    AppointmentState.CONFIRMED: EventKind.APPOINTMENT_CONFIRMED,
    AppointmentState.ARRIVED: EventKind.ARRIVED,
    AppointmentState.COMPLETED: EventKind.COMPLETED,
    AppointmentState.CANCELLED: EventKind.APPOINTMENT_CANCELLED,
    AppointmentState.NO_SHOW: EventKind.MISSED,
}


class TooEarly(Conflict):
    sentence = "This session has not begun yet."

    slug = "too-early"


class AnotherDay(TooEarly):
    sentence = "This session is on a later day; a patient arrives on the day itself."


class NeedsClearance(Conflict):
    sentence = (
        "No practitioner has reviewed the health answers of this patient. The patient can wait, but"
        " must not be treated before the course is cleared."
    )

    slug = "not-cleared"


class TooLate(Conflict):
    sentence = "This session has already begun."

    slug = "too-late"


def find(session: Session, actor: Actor, appointment_id: int) -> Appointment:
    """An appointment at one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Appointment, appointment_id)


def move(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    *,
    starts_at: datetime,
    practitioner_id: int | None = None,
    room_id: int | None = None,
    policy: ChangePolicy = rescheduling.KEEP_PACE,
    now: datetime,
) -> Appointment:
    """Move an appointment, which the patient must then confirm again.

    By default with the same practitioner, or with any if that one no longer gives the treatment,
    and in any room.
    SessionsTaken lists other times; BreaksPace lists the violations that the move would cause.
    """
    check_movable(appointment, now)
    course = session.get_one(Course, appointment.course_id)
    resources = rescheduling.resources_of(session, course)
    practitioner_id = practitioner_id or rescheduling.usual_practitioner(appointment, resources)
    wanted = [RequestedTime(appointment.number, starts_at, practitioner_id, room_id)]
    part = rescheduling.Reschedule(
        course, resources, [appointment], wanted, "starts_at", kept_hours=False
    )
    rescheduling.reschedule(session, actor, [part], policy=policy, now=now)
    return appointment


def swap(
    session: Session,
    actor: Actor,
    one: Appointment,
    other: Appointment,
    *,
    policy: ChangePolicy = rescheduling.KEEP_PACE,
    now: datetime,
) -> None:
    """Swap the times of two appointments, of one course or of two.

    Between two courses the practitioners swap too, if they give the treatment. Within one course
    each appointment keeps its practitioner.
    """
    if one.id == other.id:
        raise Invalid(
            "This is the session itself. Choose another one to swap with.", field="appointment_id"
        )
    if one.clinic_id != other.clinic_id:
        raise NotFound
    for appointment in (one, other):
        check_movable(appointment, now)
    policy = replace(policy, label="two sessions were swapped")
    rescheduling.reschedule(session, actor, _swapped(session, one, other), policy=policy, now=now)


def check_movable(appointment: Appointment, now: datetime) -> None:
    """Raise NotPossible or TooLate if the appointment can no longer be moved."""
    if appointment.state not in EXPECTED:
        words = booking_states.STATE_WORDS[AppointmentState(appointment.state)]
        raise booking_states.NotPossible(f"This appointment is {words}; it cannot be moved now.")
    if appointment.starts_at <= now:
        raise TooLate


def confirm(
    session: Session, actor: Actor, appointment: Appointment, *, now: datetime
) -> Appointment:
    """Record that the patient will come. A second call changes nothing."""
    if appointment.starts_at <= now and appointment.state == AppointmentState.BOOKED:
        raise TooLate
    return _become(session, actor, appointment, AppointmentState.CONFIRMED, now)


def cancel(
    session: Session, actor: Actor, appointment: Appointment, *, reason: str = "", now: datetime
) -> Appointment:
    """Cancel an appointment and free its practitioner and room."""
    if appointment.starts_at <= now and appointment.state in LIVE:
        raise TooLate
    if appointment.state != AppointmentState.CANCELLED:
        appointment.cancelled_late = courses.is_late(session, appointment, now)
        _become(session, actor, appointment, AppointmentState.CANCELLED, now, reason=reason)
        diary.free(session, appointment_ids=[stored_id(appointment.id)])
    return appointment


def arrive(
    session: Session, actor: Actor, appointment: Appointment, *, now: datetime
) -> Appointment:
    """Record that the patient has arrived, on the local day of the appointment or later."""
    zone = ZoneInfo(appointment.zone)
    if now.astimezone(zone).date() < appointment.starts_at.astimezone(zone).date():
        raise AnotherDay
    return _become(session, actor, appointment, AppointmentState.ARRIVED, now)


def complete(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    *,
    may_clear: bool = True,
    now: datetime,
) -> Appointment:
    """Record that an appointment took place. The last one completes the course.

    An actor who may clear a course that waits for clearance clears it by this. Raises
    NeedsClearance for another actor.
    """
    if appointment.starts_at > now:
        raise TooEarly
    course = session.get_one(Course, appointment.course_id)
    if course.state == CourseState.NEEDS_CLEARANCE:
        if not may_clear:
            raise NeedsClearance
        courses.clear(session, actor, course, now=now)
    return _become(session, actor, appointment, AppointmentState.COMPLETED, now)


def miss(session: Session, actor: Actor, appointment: Appointment, *, now: datetime) -> Appointment:
    """Record that the patient did not come."""
    if appointment.starts_at > now:
        raise TooEarly
    return _become(session, actor, appointment, AppointmentState.NO_SHOW, now)


def _swapped(
    session: Session, one: Appointment, other: Appointment
) -> list[rescheduling.Reschedule]:
    course = session.get_one(Course, one.course_id)
    resources = rescheduling.resources_of(session, course)
    if one.course_id == other.course_id:
        wanted = [
            RequestedTime(
                appointment.number,
                there.starts_at,
                rescheduling.usual_practitioner(appointment, resources),
            )
            for appointment, there in ((one, other), (other, one))
        ]
        return [rescheduling.Reschedule(course, resources, [one, other], wanted, "appointment_id")]
    parts = []
    for appointment, there in ((one, other), (other, one)):
        course = session.get_one(Course, appointment.course_id)
        resources = rescheduling.resources_of(session, course)
        practitioner_id = rescheduling.usual_practitioner(
            there, resources
        ) or rescheduling.usual_practitioner(appointment, resources)
        wanted = [RequestedTime(appointment.number, there.starts_at, practitioner_id)]
        parts.append(
            rescheduling.Reschedule(course, resources, [appointment], wanted, "appointment_id")
        )
    return parts


def _become(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    state: AppointmentState,
    now: datetime,
    *,
    reason: str = "",
) -> Appointment:
    if not booking_states.follow(appointment.state, state):
        return appointment
    before = AppointmentValues.of(appointment)
    appointment.state = state
    appointment.changed_at = now
    session.add(appointment)
    course = session.get_one(Course, appointment.course_id)
    course_state = course.state
    session.flush()
    # A cancelled appointment violates nothing.
    adherence.record_violations(
        course, courses.off_pace(session, course), (), reason="a session was cancelled"
    )
    courses.bump_version(session, course, now)
    change = course_events.change_of(appointment, before, now=now)
    late = state == AppointmentState.CANCELLED and appointment.cancelled_late
    course_events.record(
        session,
        actor,
        EVENT_OF_STATE[state],
        course,
        now=now,
        reason=reason,
        changes=[change],
        late=late,
        course_state_before=course_state,
    )
    if state == AppointmentState.CANCELLED:
        change_notices.give(session, actor, [change])
    details = {"reason": reason, "late": late} if state == AppointmentState.CANCELLED else {}
    audit_trail.record(
        session,
        actor,
        Action(EVENT_OF_STATE[state]),
        "appointment",
        appointment.id,
        clinic_id=appointment.clinic_id,
        now=now,
        before=before.state,
        number=appointment.number,
        **details,
    )
    _close_course(session, course)
    return appointment


def _close_course(session: Session, course: Course) -> None:
    """Complete or cancel a course that has no appointment left."""
    states = {appointment.state for appointment in courses.appointments_of(session, course)}
    if states & LIVE or course.state == CourseState.CANCELLED:
        return
    over = states & {AppointmentState.COMPLETED, AppointmentState.NO_SHOW}
    course.state = CourseState.COMPLETED if over else CourseState.CANCELLED
    session.add(course)
    session.flush()
