"""Messages that the rules of a clinic derive from the calendar."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from scheduler.reminders.kinds.message_kind import MessageKind, Terms
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import bulk_holds, obstacles, outbox
from scheduler.reminders.schedule.types import Decision


@dataclass(frozen=True, kw_only=True)
class DerivedMessage(MessageKind):
    """A message is true if the calendar still requires it."""

    def terms(self, session: Session, message: Message, *, now: datetime) -> Terms | None:
        """Derive the messages of the phone once more. None: not now, and the message says why."""
        desired = outbox.derive(session, [message.phone], now=now).get(message.key)
        if desired is None:
            message.conclude(MessageState.WITHDRAWN, obstacles.of_derived(session, message))
            return None
        for name, value in desired.values().items():
            setattr(message, name, value)
        message.for_staff = message.for_staff or desired.needs_call(now)
        due = desired.due
        # Staff may have stopped a bulk text since it was derived, so the table decides.
        may_go = due.decision == Decision.SEND and not bulk_holds.is_kept_back(session, message)
        if may_go and due.due_at <= now:
            message.state = MessageState.SENDING
            return Terms(due.not_after, due.first_due)
        message.leased_until = None
        return None
