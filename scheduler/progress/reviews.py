"""When it falls due to ask whether a course helps. Nothing is stored: the calendar tells.

A treatment says after which of its sessions (`review_after`). Sessions that were cancelled or
missed do not count: after the fourth means after four that took place, or still will.
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
"""How long after a session a review that nobody has answered is of interest."""


@dataclass(frozen=True)
class OpenReview:
    """A review that has fallen due and that nobody has answered; `number`: after which session."""

    clinic_id: int
    course_id: int
    patient_id: int
    appointment_id: int
    number: int
    due_at: datetime
    """when that session ended; aware, UTC"""


def open_ones(
    session: Session, actor: Actor, *, now: datetime, clinic_id: int | None = None
) -> list[OpenReview]:
    """The reviews that wait, one a course, by course: the last that fell due in the last 60 days.

    A number that was given for that session, or for a later one, has answered it. A course that
    was cancelled is not reviewed.
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
    """Of the sessions that take place, in order, those after which a review falls due."""
    return {each for number, each in enumerate(attended, start=1) if number in review_after}


def falls_due_after(session: Session, appointment: Appointment) -> bool:
    """Whether it is to be asked after this session if the course helps."""
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
