"""Records what happens to a course and its appointments, for history, undo and change notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.events.event_models import AppointmentChange, CourseEvent, EventKind
from scheduler.booking.models import Appointment, Course
from scheduler.storage.database import stored_id


@dataclass(frozen=True)
class AppointmentValues:
    """The values of an appointment that a change can replace."""

    number: int
    starts_at: datetime
    practitioner_id: int
    room_id: int
    state: str

    @classmethod
    def of(cls, appointment: Appointment) -> "AppointmentValues":
        """The present values."""
        return cls(
            appointment.number,
            appointment.starts_at,
            appointment.practitioner_id,
            appointment.room_id,
            appointment.state,
        )


def record(
    session: Session,
    actor: Actor,
    kind: EventKind,
    course: Course,
    *,
    now: datetime,
    reason: str = "",
    changes: Sequence[AppointmentChange] = (),
    **parameters: Any,
) -> CourseEvent:
    """Add an event with its changes; `parameters` are columns of CourseEvent. Does not flush."""
    event = CourseEvent(
        clinic_id=course.clinic_id,
        course_id=stored_id(course.id),
        kind=kind,
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        request_id=actor.request_id,
        reason=reason,
        changes=list(changes),
        **parameters,
    )
    session.add(event)
    return event


def change_of(
    appointment: Appointment, before: AppointmentValues | None, *, now: datetime
) -> AppointmentChange:
    """How an appointment differs from before; `before` None: it is new."""
    change = AppointmentChange(
        appointment_id=stored_id(appointment.id),
        clinic_id=appointment.clinic_id,
        at=now,
        number_after=appointment.number,
        starts_at_after=appointment.starts_at,
        practitioner_id_after=appointment.practitioner_id,
        room_id_after=appointment.room_id,
        state_after=appointment.state,
    )
    if before is not None:
        change.number_before = before.number
        change.starts_at_before = before.starts_at
        change.practitioner_id_before = before.practitioner_id
        change.room_id_before = before.room_id
        change.state_before = before.state
    return change
