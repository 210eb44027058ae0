"""How patients say they are doing after a session."""

from datetime import datetime

from sqlmodel import Session, select

from scheduler import audit
from scheduler.audit import Actor
from scheduler.booking.models import Appointment
from scheduler.database import known
from scheduler.errors import Unfit
from scheduler.progress import reviews
from scheduler.progress.models import Score


def record(
    session: Session, actor: Actor, appointment: Appointment, *, value: int, now: datetime
) -> Score:
    """What was said about one session, 0 (none) to 10 (the worst); said again, it is corrected.

    After a session with which a review falls due it is the answer to that review.
    """
    if not 0 <= value <= 10:
        raise Unfit("Please give a number from 0 to 10.", field="value")
    actor.require(appointment.clinic_id)
    score = session.exec(select(Score).where(Score.appointment_id == appointment.id)).first()
    if score is None:
        score = Score(
            clinic_id=appointment.clinic_id,
            course_id=appointment.course_id,
            appointment_id=known(appointment.id),
            value=value,
            review=reviews.falls_due_after(session, appointment),
            at=now,
        )
    score.value, score.at = value, now
    session.add(score)
    session.flush()
    audit.record(
        session, actor, "scored", "appointment", appointment.id,
        clinic_id=appointment.clinic_id, now=now,
    )  # fmt: skip
    return score
