"""Takes back what was recorded last about one appointment: a status, a cancellation or a move.

Staff can do this as long as nothing depends on it. A notice that may have reached the patient gets
a new one after it; a cancellation or a move that was a slip sends nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import Actor
from scheduler.booking import states
from scheduler.booking.availability.limits import ADMINS_ONLY, SOFT, Permit
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import adherence, courses, extensions, rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events import change_notices, course_events
from scheduler.booking.events.course_events import AppointmentValues
from scheduler.booking.events.event_models import AppointmentChange, CourseEvent, EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.booking.states import EXPECTED, STATE_WORDS
from scheduler.infra.errors import Conflict
from scheduler.storage.database import stored_id

UNSENT_FOR = timedelta(minutes=2)
"""No notice of a change goes out sooner, unless the appointment is near."""
NEAR = timedelta(hours=12)
"""Notices about an appointment that begins this soon may go out at once."""

PASSED = SOFT - ADMINS_ONLY
"""An appointment gets back the time that it had. Only a closure since then stops that."""

AS_BEFORE = ChangePolicy(
    restore=True, label="a change was taken back", permit=Permit(passed=PASSED, could_pass=PASSED)
)


class NothingToUndo(Conflict):
    sentence = "There is nothing of this kind to undo. Load the appointment again."

    slug = "not-undoable"


class OthersDepend(Conflict):
    sentence = "Something else depends on this. Undo that first."

    slug = "not-undoable"


def undo_state(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    state: AppointmentState,
    *,
    now: datetime,
) -> None:
    """Give an appointment the state before `state`. A course that `state` completed goes on.

    Raises NothingToUndo if it has another state, and OthersDepend if a make-up session exists for a
    missed one.
    """
    if appointment.state != state:
        words = STATE_WORDS[AppointmentState(appointment.state)]
        raise NothingToUndo(
            f"This appointment is {words}, so there is nothing to undo. Load it again."
        )
    change = _last_change(session, appointment, AppointmentChange.state_after == state)
    course = session.get_one(Course, appointment.course_id)
    if state == AppointmentState.NO_SHOW:
        _check_make_up(session, course)
    before = AppointmentValues.of(appointment)
    appointment.state = change.state_before or AppointmentState.BOOKED
    appointment.changed_at = now
    session.add(appointment)
    session.flush()
    if course.state == CourseState.COMPLETED and appointment.state in states.LIVE:
        course.state = CourseState.ACTIVE
    _record(session, actor, appointment, before, change, now=now)


def restore(session: Session, actor: Actor, appointment: Appointment, *, now: datetime) -> None:
    """Take back a cancellation. Raises SessionsTaken with free times near it if its time is taken.

    A course that was cancelled with it is active again, with this appointment.
    """
    if appointment.state != AppointmentState.CANCELLED:
        raise NothingToUndo("This appointment is not cancelled. Load it again.")
    change = _last_change(
        session, appointment, AppointmentChange.state_after == AppointmentState.CANCELLED
    )
    course = session.get_one(Course, appointment.course_id)
    before = AppointmentValues.of(appointment)
    appointment.cancelled_late = False
    if course.state in {CourseState.CANCELLED, CourseState.COMPLETED}:
        earlier = change.event.course_state_before or CourseState.ACTIVE
        course.state = CourseState.ACTIVE if earlier == CourseState.CANCELLED else earlier
        course.cancel_reason = ""
    _put_back(session, actor, appointment, change, appointment.starts_at, now=now)
    _record(session, actor, appointment, before, change, now=now)


def undo_move(session: Session, actor: Actor, appointment: Appointment, *, now: datetime) -> None:
    """Give an appointment the time and practitioner that it had before its last move.

    Raises NothingToUndo if it was not moved, or has changed since, and SessionsTaken if the time is
    taken.
    """
    change = _last_change(
        session,
        appointment,
        AppointmentChange.starts_at_before != AppointmentChange.starts_at_after,
    )
    if appointment.state not in EXPECTED or appointment.starts_at != change.starts_at_after:
        raise NothingToUndo("This appointment has changed since it was moved. Move it instead.")
    before = AppointmentValues.of(appointment)
    starts_at = stored_id(change.starts_at_before)
    _put_back(session, actor, appointment, change, starts_at, now=now)
    _record(session, actor, appointment, before, change, now=now)


def _last_change(session: Session, appointment: Appointment, *which: object) -> AppointmentChange:
    """The last change of an appointment of this kind that was not taken back."""
    change = session.exec(
        select(AppointmentChange)
        .join(CourseEvent, col(CourseEvent.id) == AppointmentChange.event_id)
        .where(
            AppointmentChange.appointment_id == appointment.id,
            col(AppointmentChange.state_before).is_not(None),
            col(CourseEvent.taken_back_by_id).is_(None),
            CourseEvent.kind != EventKind.TAKEN_BACK,
            *which,  # type: ignore[arg-type]  # conditions on columns
        )
        .order_by(col(AppointmentChange.id).desc())
    ).first()
    if change is None:
        raise NothingToUndo
    return change


def _check_make_up(session: Session, course: Course) -> None:
    sessions = courses.appointments_of(session, course)
    make_ups = [
        appointment
        for appointment in sessions
        if appointment.make_up and appointment.state != AppointmentState.CANCELLED
    ]
    if make_ups and not extensions.to_make_up(course, sessions):
        raise OthersDepend(
            f"Session {make_ups[-1].number} makes up for this one. Cancel it first if it is not"
            " needed."
        )


def _put_back(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    change: AppointmentChange,
    starts_at: datetime,
    *,
    now: datetime,
) -> None:
    """Put an appointment on the calendars again as it was before a change."""
    course = session.get_one(Course, appointment.course_id)
    resources = rescheduling.resources_of(session, course)
    before = change.practitioner_id_before or appointment.practitioner_id
    practitioner_id = before if resources.gives(before) else None
    appointment.state = change.state_before or AppointmentState.BOOKED
    session.add(appointment)
    wanted = [RequestedTime(appointment.number, starts_at, practitioner_id)]
    part = rescheduling.Reschedule(
        course, resources, [appointment], wanted, "starts_at", held=True, later=True
    )
    rescheduling.reschedule(session, actor, [part], policy=AS_BEFORE, now=now)
    # Rescheduling leaves it to be confirmed; it may have been confirmed before.
    appointment.state = change.state_before or AppointmentState.BOOKED
    session.add(appointment)
    session.flush()


def _record(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    before: AppointmentValues,
    undone: AppointmentChange,
    *,
    now: datetime,
) -> None:
    """Record the undo and link it to the event that it takes back."""
    course = session.get_one(Course, appointment.course_id)
    change = course_events.change_of(appointment, before, now=now)
    event = course_events.record(
        session, actor, EventKind.TAKEN_BACK, course, now=now, changes=[change]
    )
    session.flush()
    for taken_back in _taken_back(session, appointment, undone):
        taken_back.taken_back_by_id = event.id
        session.add(taken_back)
    change_notices.correct(session, change, undone, tell=_may_be_known(undone, actor, now))
    adherence.record_violations(
        course, courses.off_pace(session, course), (), reason=AS_BEFORE.label
    )
    courses.bump_version(session, course, now)
    courses.audit(
        session,
        actor,
        EventKind.TAKEN_BACK,
        course,
        now,
        of=undone.event_id,
        was=undone.event.kind,
        sessions=[appointment.number],
    )
    session.flush()


def _taken_back(
    session: Session, appointment: Appointment, undone: AppointmentChange
) -> Sequence[CourseEvent]:
    """The event that is taken back, and the move back that is part of the undo."""
    moves_back = session.exec(
        select(CourseEvent)
        .join(AppointmentChange, col(AppointmentChange.event_id) == col(CourseEvent.id))
        .where(
            AppointmentChange.appointment_id == appointment.id,
            col(AppointmentChange.id) > undone.id,
            CourseEvent.kind == EventKind.MOVED,
        )
    ).all()
    if undone.event.kind == EventKind.CANCELLED:  # its other appointments stay cancelled
        return moves_back
    return [undone.event, *moves_back]


def _may_be_known(undone: AppointmentChange, actor: Actor, now: datetime) -> bool:
    """Whether the patient may know of a change, and so must learn that it was taken back."""
    if undone.event.actor_kind == "patient" and actor.kind != "patient":
        return True
    near = min(filter(None, (undone.starts_at_before, undone.starts_at_after))) - now <= NEAR
    return near or now - undone.at >= UNSENT_FOR
