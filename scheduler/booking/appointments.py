"""One session of a course: moved, confirmed, cancelled, arrived at, completed, missed."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler import audit
from scheduler.audit import Actor
from scheduler.booking import courses, diary, lifecycle, moves, search
from scheduler.booking.lifecycle import EXPECTED, LIVE
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.booking.seating import Wanted
from scheduler.clinic.models import Treatment
from scheduler.database import known
from scheduler.errors import Conflict, NotFound


class TooEarly(Conflict):
    """This session has not begun yet."""

    slug = "too-early"


class AnotherDay(TooEarly):
    """This session is on a later day; a patient arrives on the day itself."""


class TooLate(Conflict):
    """This session has begun already."""

    slug = "too-late"


def find(session: Session, actor: Actor, appointment_id: int) -> Appointment:
    """An appointment at one of the actor's clinics; NotFound for any other."""
    appointment = session.exec(
        select(Appointment).where(
            Appointment.id == appointment_id, actor.scope(col(Appointment.clinic_id))
        )
    ).first()
    if appointment is None:
        raise NotFound
    return appointment


def move(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    *,
    starts_at: datetime,
    practitioner_id: int | None = None,
    now: datetime,
) -> Appointment:
    """Give one session another time; SessionsTaken offers others. It is to be confirmed anew.

    With the same practitioner where nobody says otherwise, or with anyone who gives the treatment
    where that one no longer does.
    """
    if appointment.state not in EXPECTED:
        words = lifecycle.WORDS[AppointmentState(appointment.state)]
        raise lifecycle.NotPossible(f"This appointment is {words}; it cannot be moved now.")
    if appointment.starts_at <= now:
        raise TooLate
    course = session.get_one(Course, appointment.course_id)
    means = search.resources(session, session.get_one(Treatment, course.treatment_id))
    who = practitioner_id or moves.usual_practitioner(appointment, means)
    moves.move_all(
        session,
        actor,
        course,
        moved=[appointment],
        wanted=[Wanted(appointment.number, starts_at, who)],
        means=means,
        now=now,
        field="starts_at",
    )
    return appointment


def confirm(
    session: Session, actor: Actor, appointment: Appointment, *, now: datetime
) -> Appointment:
    """The patient will come. Saying it twice changes nothing."""
    if appointment.starts_at <= now and appointment.state == AppointmentState.BOOKED:
        raise TooLate
    return _become(session, actor, appointment, AppointmentState.CONFIRMED, now)


def cancel(
    session: Session, actor: Actor, appointment: Appointment, *, reason: str = "", now: datetime
) -> Appointment:
    """The session will not be; its practitioner and room are free again."""
    if appointment.starts_at <= now and appointment.state in LIVE:
        raise TooLate
    if appointment.state != AppointmentState.CANCELLED:
        appointment.news_at = courses.news(actor, now)
        _become(session, actor, appointment, AppointmentState.CANCELLED, now, reason=reason)
        diary.free(session, appointment_ids=[known(appointment.id)])
    return appointment


def arrive(
    session: Session, actor: Actor, appointment: Appointment, *, now: datetime
) -> Appointment:
    """The patient is here: on the session's own local day, or later."""
    zone = ZoneInfo(appointment.zone)
    if now.astimezone(zone).date() < appointment.starts_at.astimezone(zone).date():
        raise AnotherDay
    return _become(session, actor, appointment, AppointmentState.ARRIVED, now)


def complete(
    session: Session, actor: Actor, appointment: Appointment, *, now: datetime
) -> Appointment:
    """The session has been. The last one completes the course."""
    if appointment.starts_at > now:
        raise TooEarly
    return _become(session, actor, appointment, AppointmentState.COMPLETED, now)


def miss(session: Session, actor: Actor, appointment: Appointment, *, now: datetime) -> Appointment:
    """The patient did not come."""
    if appointment.starts_at > now:
        raise TooEarly
    return _become(session, actor, appointment, AppointmentState.NO_SHOW, now)


def _become(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    state: AppointmentState,
    now: datetime,
    **details: str,
) -> Appointment:
    if not lifecycle.follow(appointment.state, state):
        return appointment
    before = appointment.state
    appointment.state = state
    appointment.changed_at = now
    session.add(appointment)
    course = session.get_one(Course, appointment.course_id)
    courses.touch(session, course, now)
    audit.record(
        session,
        actor,
        f"is {state}",
        "appointment",
        appointment.id,
        clinic_id=appointment.clinic_id,
        now=now,
        before=before,
        **details,
    )
    _close_course(session, course)
    return appointment


def _close_course(session: Session, course: Course) -> None:
    """A course without any session still to come is over."""
    states = {each.state for each in courses.appointments_of(session, course)}
    if states & LIVE or course.state == CourseState.CANCELLED:
        return
    over = states & {AppointmentState.COMPLETED, AppointmentState.NO_SHOW}
    course.state = CourseState.COMPLETED if over else CourseState.CANCELLED
    session.add(course)
    session.flush()
