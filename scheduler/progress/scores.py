"""Pain scores of patients after sessions."""

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.models import Appointment
from scheduler.infra.errors import Conflict, Invalid
from scheduler.progress import reviews
from scheduler.progress.models import Score
from scheduler.storage.database import stored_id

SCORE_WITHIN = timedelta(days=14)
"""How long after a session a score is meaningful; later, other causes matter more."""


def record(
    session: Session, actor: Actor, appointment: Appointment, *, value: int, now: datetime
) -> Score:
    """Store the score of one session, 0 (none) to 10 (the worst), replacing an earlier one.

    It also answers a review that is due after that session.
    """
    if not 0 <= value <= 10:
        raise Invalid("Please give a number from 0 to 10.", field="value")
    actor.require(appointment.clinic_id)
    score = session.exec(select(Score).where(Score.appointment_id == appointment.id)).first()
    if score is None:
        score = Score(
            clinic_id=appointment.clinic_id,
            course_id=appointment.course_id,
            appointment_id=stored_id(appointment.id),
            value=value,
            review=reviews.falls_due_after(session, appointment),
            at=now,
        )
    score.value, score.at = value, now
    session.add(score)
    session.flush()
    audit_trail.record(
        session, actor, Action.SCORED, "appointment", appointment.id,
        clinic_id=appointment.clinic_id, now=now,
    )  # fmt: skip
    return score


class NotYet(Conflict):
    sentence = "This session has not taken place. Enter a score after it has ended."


def enter(
    session: Session, actor: Actor, appointment: Appointment, *, value: int, now: datetime
) -> Score:
    """Store a score that a patient told staff. Raises NotYet before the end of the session."""
    if appointment.state in reviews.NOT_ATTENDED or appointment.ends_at > now:
        raise NotYet
    return record(session, actor, appointment, value=value, now=now)


def of_courses(session: Session, course_ids: Collection[int]) -> dict[int, list[Score]]:
    """The scores by course id, in the order in which they were given."""
    scores: dict[int, list[Score]] = {course_id: [] for course_id in course_ids}
    for score in session.exec(
        select(Score)
        .where(col(Score.course_id).in_(course_ids))
        .order_by(col(Score.at), col(Score.id))
    ):
        scores[score.course_id].append(score)
    return scores


def of_course(session: Session, course_id: int) -> dict[int, Score]:
    """The scores of a course, by appointment id."""
    scores = session.exec(
        select(Score).where(Score.course_id == course_id).order_by(col(Score.appointment_id))
    )
    return {score.appointment_id: score for score in scores}


def due(
    appointments: Collection[Appointment], *, zone: ZoneInfo, now: datetime
) -> Appointment | None:
    """The session to score now: the latest attended one, from the next day on.

    On the same day, patients are tired or sore from the session, which would affect the score.
    """
    attended = [
        appointment
        for appointment in appointments
        if appointment.state not in reviews.NOT_ATTENDED and appointment.ends_at <= now
    ]
    if not attended:
        return None
    last = max(attended, key=lambda appointment: appointment.ends_at)
    is_next_day = last.ends_at.astimezone(zone).date() < now.astimezone(zone).date()
    return last if is_next_day and now - last.ends_at < SCORE_WITHIN else None
