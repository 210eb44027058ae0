"""Takes back the last change of a patient while the old times are free.

One change is what one request did, whether to one appointment or to the whole course.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select, update

from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import courses, rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events import change_notices, course_events
from scheduler.booking.events.event_models import AppointmentChange, CourseEvent, EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.states import EXPECTED
from scheduler.infra.errors import Conflict, Invalid
from scheduler.storage.database import stored_id

WITHIN = timedelta(minutes=30)
"""How long a patient can take a change back."""

MOST = 10
"""How often a patient may change the times of a course within a day, changes back included."""

CHANGES_OF_TIMES = frozenset(
    {
        EventKind.MOVED,
        EventKind.APPOINTMENT_CANCELLED,
        EventKind.CANCELLED,
        EventKind.TAKEN_BACK,
        EventKind.SHIFTED,
        EventKind.REPLANNED,
        EventKind.EXTENDED,
        EventKind.MADE_UP,
    }
)

CANCELLATIONS = frozenset({EventKind.CANCELLED, EventKind.APPOINTMENT_CANCELLED})


class TooLateToUndo(Conflict):
    sentence = "This can no longer be undone, because the course has changed since."


class TimeGone(Conflict):
    sentence = "This cannot be undone, because the time is taken now."


class ChangeKind(StrEnum):
    """The kinds of changes that a patient can take back."""

    MOVED = "moved"
    CANCELLED = "cancelled"
    COURSE_CANCELLED = "course cancelled"


@dataclass(frozen=True)
class PreviousState:
    """The values of an appointment before a change."""

    appointment: Appointment
    starts_at: datetime
    practitioner_id: int
    state: str


@dataclass(frozen=True)
class UndoableChange:
    """The last change of a course, by its patient. `until`: until when it can be taken back."""

    id: int
    """of its first event"""
    kind: ChangeKind
    until: datetime
    before: Sequence[PreviousState]
    events: Sequence[CourseEvent]


def last(session: Session, course: Course, *, now: datetime) -> UndoableChange | None:
    """The last change, if the patient made it, and lately enough to take it back."""
    found = _events(session, course, since=now - WITHIN)
    if not found or found[-1].actor_kind != "patient" or found[-1].kind == EventKind.TAKEN_BACK:
        return None
    events = [event for event in found if _request(event) == _request(found[-1])]
    before = _before(session, course, events)
    kind = kind_of(events)
    if not before or any(
        previous.starts_at <= now or not _is_unchanged(previous, kind) for previous in before
    ):
        return None
    first = events[0]
    return UndoableChange(stored_id(first.id), kind, first.at + WITHIN, before, events)


def take_back(
    session: Session, actor: Actor, course: Course, change_id: int, *, now: datetime
) -> bool:
    """Undo all of a change or nothing. Returns False if it was undone before.

    Raises TooLateToUndo for a change that is not the last one or is too old, and TimeGone if
    another booking has taken an old time.
    """
    change = last(session, course, now=now)
    if change is None or change.id != change_id:
        if change is None and _was_taken_back(session, course, change_id):
            return False
        raise TooLateToUndo
    try:
        with session.begin_nested():
            _restore(session, actor, course, change, now)
    except (SessionsTaken, Invalid) as gone:
        raise TimeGone from gone
    _record(session, actor, course, change, now)
    return True


def changes_of_the_day(session: Session, course: Course, *, now: datetime) -> int:
    """How often the patient has changed times of a course in the last 24 hours.

    A cancellation does not count; taking it back does.
    """
    found = _events(session, course, since=now - timedelta(days=1))
    return len(
        {
            _request(event)
            for event in found
            if event.actor_kind == "patient" and event.kind not in CANCELLATIONS
        }
    )


def kind_of(events: Collection[CourseEvent]) -> ChangeKind:
    """The kind of change that the events of one request make up."""
    kinds = {event.kind for event in events}
    if EventKind.CANCELLED in kinds:
        return ChangeKind.COURSE_CANCELLED
    if EventKind.APPOINTMENT_CANCELLED in kinds:
        return ChangeKind.CANCELLED
    return ChangeKind.MOVED


def _restore(
    session: Session, actor: Actor, course: Course, change: UndoableChange, now: datetime
) -> None:
    if change.kind != ChangeKind.MOVED:
        _restore_course(session, course, change.events)
    wanted = [
        RequestedTime(previous.appointment.number, previous.starts_at, previous.practitioner_id)
        for previous in change.before
    ]
    for previous in change.before:
        previous.appointment.state, previous.appointment.cancelled_late = previous.state, False
        session.add(previous.appointment)
    moved = [previous.appointment for previous in change.before]
    resources = rescheduling.resources_of(session, course)
    part = rescheduling.Reschedule(course, resources, moved, wanted, "change", held=True)
    policy = ChangePolicy(restore=True, label="a change was taken back")
    rescheduling.reschedule(session, actor, [part], policy=policy, now=now)
    for previous in change.before:
        # Rescheduling leaves it to be confirmed; it may have been confirmed before.
        previous.appointment.state = previous.state
        session.add(previous.appointment)
    change_notices.reopen(session, change.events)
    session.flush()


def _restore_course(session: Session, course: Course, events: Sequence[CourseEvent]) -> None:
    event = next(event for event in events if event.kind in CANCELLATIONS)
    course.state, course.cancel_reason = event.course_state_before or course.state, ""
    if event.pace_exceptions_before is not None:
        course.pace_exceptions = event.pace_exceptions_before
    session.add(course)


def _record(
    session: Session, actor: Actor, course: Course, change: UndoableChange, now: datetime
) -> None:
    event = course_events.record(session, actor, EventKind.TAKEN_BACK, course, now=now)
    session.flush()
    session.exec(
        update(CourseEvent)
        .where(col(CourseEvent.id).in_([taken_back.id for taken_back in change.events]))
        .values(taken_back_by_id=event.id)
    )
    courses.audit(
        session,
        actor,
        EventKind.TAKEN_BACK,
        course,
        now,
        of=change.id,
        was=change.kind,
        sessions=sorted(previous.appointment.number for previous in change.before),
    )


def _events(session: Session, course: Course, *, since: datetime) -> list[CourseEvent]:
    """The events that changed the times of a course since an instant, in order."""
    return list(
        session.exec(
            select(CourseEvent)
            .where(
                CourseEvent.course_id == course.id,
                CourseEvent.at > since,
                col(CourseEvent.kind).in_(CHANGES_OF_TIMES),
            )
            .order_by(col(CourseEvent.id))
        )
    )


def _request(event: CourseEvent) -> tuple[str, datetime]:
    return event.request_id, event.at


def _before(session: Session, course: Course, events: Sequence[CourseEvent]) -> list[PreviousState]:
    """The earlier values of the appointments that the events moved or cancelled."""
    appointments = {
        appointment.id: appointment for appointment in courses.appointments_of(session, course)
    }
    changes = session.exec(
        select(AppointmentChange)
        .where(
            col(AppointmentChange.event_id).in_([event.id for event in events]),
            col(AppointmentChange.starts_at_before).is_not(None),
        )
        .order_by(col(AppointmentChange.id))
    )
    return [_previous(change, appointments[change.appointment_id]) for change in changes]


def _previous(change: AppointmentChange, appointment: Appointment) -> PreviousState:
    starts_at = stored_id(change.starts_at_before)
    if starts_at == change.starts_at_after:
        # The change did not move it. New zone rules may since have given its wall time another
        # instant, so keep the present one.
        starts_at = appointment.starts_at
    return PreviousState(
        appointment,
        starts_at,
        stored_id(change.practitioner_id_before),
        stored_id(change.state_before),
    )


def _is_unchanged(previous: PreviousState, kind: ChangeKind) -> bool:
    """Whether an appointment is still as the change left it."""
    if kind == ChangeKind.MOVED:
        return previous.appointment.state in EXPECTED
    return previous.appointment.state == AppointmentState.CANCELLED


def _was_taken_back(session: Session, course: Course, change_id: int) -> bool:
    event = session.get(CourseEvent, change_id)
    return event is not None and event.course_id == course.id and event.taken_back_by_id is not None
