"""The checks that a kind of message makes right before one is sent.

Answers to replies use the defaults.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from scheduler.reminders.models import Message, MessageState, Reply
from scheduler.reminders.outbox import obstacles
from scheduler.reminders.reasons import Reason


class Terms(NamedTuple):
    """When a message must arrive at the latest, and when it was first due."""

    not_after: datetime
    first_due: datetime


@dataclass(frozen=True, kw_only=True)
class MessageKind:
    """One kind of message that no rule derives."""

    sent_after_opt_out: bool = False
    """for the confirmation of an opt-out, and for help that the patient asks for"""
    needs_patient: bool = False
    """whether it may only go to the phone that its patient has now"""
    needs_consent: bool = False
    link_path: str = "my"
    """the pages that its private link opens: /my/{token}"""

    def terms(self, session: Session, message: Message, *, now: datetime) -> Terms | None:
        """The terms on which a message may be sent now. None: not now, and the message says why."""
        if reason := self.obstacle(session, message, now=now):
            message.conclude(MessageState.WITHDRAWN, reason)
            return None
        # A restored database reads replies again that were answered before.
        reply = session.get(Reply, message.reply_id) if message.reply_id else None
        first_due = min(message.due_at, reply.at) if reply else message.due_at
        return Terms(self.not_after(session, message, now=now), first_due)

    def obstacle(self, session: Session, message: Message, *, now: datetime) -> Reason | None:
        """Why a message must not be sent any more."""
        return obstacles.of_recipient(
            session,
            message,
            despite_opt_out=self.sent_after_opt_out,
            needs_patient=self.needs_patient,
            needs_consent=self.needs_consent,
        ) or self.outdated(session, message, now=now)

    def outdated(self, session: Session, message: Message, *, now: datetime) -> Reason | None:  # noqa: ARG002 - answers stay true
        """Why the message is no longer true."""
        return None

    def not_after(self, session: Session, message: Message, *, now: datetime) -> datetime:  # noqa: ARG002 - any hour will do
        """The last instant at which a message that is sent now may arrive."""
        return message.expires_at
