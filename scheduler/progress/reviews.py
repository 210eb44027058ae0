"""When it falls due to ask whether a course helps. Nothing is stored: the calendar tells.

A treatment says after which of its sessions (`review_after`). Sessions that were cancelled or
missed do not count: after the fourth means after four that took place, or still will.
"""

from collections.abc import Collection, Sequence
from typing import TypeVar

from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.clinic.models import Treatment

Attended = TypeVar("Attended")

NOT_ATTENDED = (AppointmentState.CANCELLED, AppointmentState.NO_SHOW)


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
