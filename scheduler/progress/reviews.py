"""Reviews: is the course helping? They are computed from the calendar and not stored.

A treatment names the sessions after which a review is due (`review_after`). Cancelled and missed
sessions do not count: the fourth session is the fourth that took place or will take place.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from scheduler.audit.audit_trail import Actor
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.clinic.models import Treatment
from scheduler.progress.models import Score

Attended = TypeVar("Attended")

NOT_ATTENDED = (AppointmentState.CANCELLED, AppointmentState.NO_SHOW)


OPEN_FOR = timedelta(days=60)
"""How long an unanswered review stays on the list."""


@dataclass(frozen=True)
class OpenReview:
    """A due review without an answer. `number`: the session after which it is due."""

    clinic_id: int
    course_id: int
    patient_id: int
    appointment_id: int
    number: int
    due_at: datetime
    """When that session ended; aware, UTC."""


def open_ones(
    session: Session, actor: Actor, *, now: datetime, clinic_id: int | None = None
) -> list[OpenReview]:
    """The newest unanswered review of each course in the last 60 days, ordered by course.

    A score for that session or a later one answers it. Cancelled courses have no reviews.
    """
    since = now - OPEN_FOR
    recent = select(Appointment.course_id).where(
        Appointment.ends_at <= now, Appointment.ends_at > since
    )
    attended = (
        select(  # type: ignore[call-overload]
            Appointment.id,
            Appointment.course_id,
            Appointment.number,
            Appointment.starts_at,
            Appointment.ends_at,
            func.row_number()
            .over(
                partition_by=col(Appointment.course_id),
                order_by=(col(Appointment.starts_at), col(Appointment.id)),
            )
            .label("place"),
        )
        .where(
            col(Appointment.course_id).in_(recent),
            col(Appointment.state).not_in(NOT_ATTENDED),
            actor.scope(col(Appointment.clinic_id)),
        )
        .subquery()
    )
    later = aliased(Appointment)
    answered = exists().where(
        col(Score.appointment_id) == later.id,
        col(Score.course_id) == attended.c.course_id,
        later.starts_at >= attended.c.starts_at,
    )
    rows = session.execute(
        select(  # type: ignore[call-overload]
            Course.clinic_id,
            Course.id,
            Course.patient_id,
            attended.c.id,
            attended.c.number,
            attended.c.ends_at,
            attended.c.place,
            Treatment.review_after,
        )
        .join(attended, attended.c.course_id == Course.id)
        .join(Treatment, col(Treatment.id) == Course.treatment_id)
        .where(
            attended.c.ends_at <= now,
            attended.c.ends_at > since,
            Course.state != CourseState.CANCELLED,
            *([] if clinic_id is None else [Course.clinic_id == clinic_id]),
            ~answered,
        )
        .order_by(Course.id, attended.c.place)
    )
    last = {row[1]: OpenReview(*row[:6]) for row in rows if row[6] in row[7]}
    return list(last.values())


def due_after(attended: Sequence[Attended], review_after: Collection[int]) -> set[Attended]:
    """The sessions, of all attended ones in order, after which a review is due."""
    return {session for number, session in enumerate(attended, start=1) if number in review_after}


def falls_due_after(session: Session, appointment: Appointment) -> bool:
    """Whether a review is due after this session."""
    attended = session.exec(
        select(Appointment.id)
        .where(
            Appointment.course_id == appointment.course_id,
            col(Appointment.state).not_in(NOT_ATTENDED),
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    ).all()
    review_after = session.exec(
        select(Treatment.review_after)
        .join(Course, col(Course.treatment_id) == Treatment.id)
        .where(Course.id == appointment.course_id)
    ).one()
    return appointment.id in due_after(attended, review_after)
