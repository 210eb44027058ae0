"""How patients say they are doing after a session."""

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

ASKED_FOR = timedelta(days=14)
"""How long after a session it is of use to say how one is; then too much else has happened."""


def record(
    session: Session, actor: Actor, appointment: Appointment, *, value: int, now: datetime
) -> Score:
    """What was said about one session, 0 (none) to 10 (the worst); said again, it is corrected.

    After a session with which a review falls due it is the answer to that review.
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
    sentence = "How somebody is can be said of a session that has been."


def enter(
    session: Session, actor: Actor, appointment: Appointment, *, value: int, now: datetime
) -> Score:
    """What a patient said to staff about a session. NotYet for one that has not been."""
    if appointment.state in reviews.NOT_ATTENDED or appointment.ends_at > now:
        raise NotYet
    return record(session, actor, appointment, value=value, now=now)


def of_courses(session: Session, course_ids: Collection[int]) -> dict[int, list[Score]]:
    """What was said about courses, by course, in the order in which it was said."""
    said: dict[int, list[Score]] = {course_id: [] for course_id in course_ids}
    for score in session.exec(
        select(Score)
        .where(col(Score.course_id).in_(course_ids))
        .order_by(col(Score.at), col(Score.id))
    ):
        said[score.course_id].append(score)
    return said


def of_course(session: Session, course_id: int) -> dict[int, Score]:
    """What was said about a course, by the id of the session that it was said about."""
    given = session.exec(
        select(Score).where(Score.course_id == course_id).order_by(col(Score.appointment_id))
    )
    return {score.appointment_id: score for score in given}


def due(
    appointments: Collection[Appointment], *, zone: ZoneInfo, now: datetime
) -> Appointment | None:
    """The session that may be scored now: the latest that took place, from the next day on.

    On the day itself people are tired or sore from the session, and it would tell of that.
    """
    over = [
        appointment
        for appointment in appointments
        if appointment.state not in reviews.NOT_ATTENDED and appointment.ends_at <= now
    ]
    if not over:
        return None
    last = max(over, key=lambda each: each.ends_at)
    is_next_day = last.ends_at.astimezone(zone).date() < now.astimezone(zone).date()
    return last if is_next_day and now - last.ends_at < ASKED_FOR else None
