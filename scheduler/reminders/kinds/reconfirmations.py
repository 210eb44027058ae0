"""Answers that give the start of an appointment: confirmations, and questions to confirm once more.

A patient who confirms a time that the clinic has just changed gets the new time and the question
again. That makes the notice of the change redundant (see `due_messages`). If the notice or a
reminder was faster, the answer is redundant. Either is withdrawn if it is no longer true.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, or_, select

from scheduler.booking.models import Appointment
from scheduler.booking.states import LIVE
from scheduler.reminders.kinds.message_kind import MessageKind
from scheduler.reminders.models import Attempt, Message, ReminderRule, Reply
from scheduler.reminders.outbox import obstacles, open_questions
from scheduler.reminders.reasons import Reason

RECONFIRMATION_KINDS = frozenset({"confirmed", open_questions.ASKS_TO_CONFIRM})


@dataclass(frozen=True, kw_only=True)
class Reconfirmation(MessageKind):
    """An answer is true while the appointment has the start that it gives."""

    def outdated(self, session: Session, message: Message, *, now: datetime) -> Reason | None:  # noqa: ARG002
        """The appointment has changed, or another message has given its new start."""
        appointment = (
            session.get(Appointment, message.appointment_id) if message.appointment_id else None
        )
        if appointment is None:
            return None
        if appointment.state not in LIVE or appointment.starts_at != message.about:
            return obstacles.of_appointment(session, message)
        asks_again = message.kind == open_questions.ASKS_TO_CONFIRM
        reply = session.get(Reply, message.reply_id) if message.reply_id else None
        if asks_again and reply and _was_told_since(session, message, reply):
            return Reason.TOLD_BY_OTHER_TEXT
        return None


RECONFIRMATION = Reconfirmation()


def _was_told_since(session: Session, answer: Message, reply: Reply) -> bool:
    """Whether another message has given the same start after the patient replied.

    A message that may not have gone out does not count. Neither does one that went out so shortly
    before the reply that the reply, by the carrier's clock, may answer it.
    """
    reminds = (col(ReminderRule.anchor) == "start") & (col(ReminderRule.offset_minutes) < 0)
    found = session.exec(
        select(Message.id)
        .join(Attempt, col(Attempt.message_id) == Message.id)
        .join(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(
            Message.phone == answer.phone,
            Message.appointment_id == answer.appointment_id,
            Message.about == answer.about,
            col(Message.state).in_(open_questions.SENT_OR_SENDING),
            col(Attempt.outcome).in_(("", "accepted")),
            Attempt.began_at >= reply.at + open_questions.CARRIER_CLOCK_DIFFERS_BY,
            or_(reminds, col(ReminderRule.which) == "moved"),
        )
    )
    return found.first() is not None
