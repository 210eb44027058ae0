"""Answers that say when a session is, looked at once more right before they go out.

Who confirms a time that the clinic has just changed is told the new one and asked again. That makes
the news of the change needless (see `timing`); where the news, or a reminder, were faster, it is
the answer that says nothing new. What is no longer true is not said at all.
"""

from sqlmodel import Session, col, or_, select

from scheduler.booking.models import Appointment
from scheduler.booking.states import LIVE
from scheduler.reminders.models import Attempt, Message, ReminderRule, Reply
from scheduler.reminders.outbox import open_questions, outbox

KINDS = {"confirmed", open_questions.ASKS_TO_CONFIRM}

TOLD_MEANWHILE = "Another text has told the new time meanwhile."


def why_gone(session: Session, answer: Message) -> str:
    """Why an answer of these kinds must not go after all; empty: it may."""
    appointment = session.get(Appointment, answer.appointment_id) if answer.appointment_id else None
    if appointment is None:
        return ""
    if appointment.state not in LIVE or appointment.starts_at != answer.about:
        return outbox.what_happened(session, answer)
    is_told = answer.kind == open_questions.ASKS_TO_CONFIRM and _is_told_since(session, answer)
    return TOLD_MEANWHILE if is_told else ""


def _is_told_since(session: Session, answer: Message) -> bool:
    """Whether another text has told the same time since the patient wrote.

    One that may not have gone counts for nothing; nor does one that went so soon that the patient,
    by a carrier's clock that differs from ours, may have written in answer to it.
    """
    reply = session.get_one(Reply, int(answer.key.split(":")[1]))
    reminds = (col(ReminderRule.anchor) == "start") & (col(ReminderRule.offset_minutes) < 0)
    found = session.exec(
        select(Message.id)
        .join(Attempt, col(Attempt.message_id) == Message.id)
        .join(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(
            Message.phone == answer.phone,
            Message.appointment_id == answer.appointment_id,
            Message.about == answer.about,
            col(Message.state).in_(open_questions.GOES),
            col(Attempt.outcome).in_(("", "accepted")),
            Attempt.began_at >= reply.at + open_questions.CLOCKS_DIFFER_BY,
            or_(reminds, col(ReminderRule.which) == "moved"),
        )
    )
    return found.first() is not None
