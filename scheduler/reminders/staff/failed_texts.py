"""Texts that failed, so that staff may call instead, and whether sending is stuck."""

from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlmodel import Session, col, select

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.infra.errors import Conflict
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.outbox import bulk_holds
from scheduler.reminders.sending import carrier_health

STUCK_AFTER = timedelta(minutes=5)
"""A text that is overdue by this much while nothing is sent is stuck."""

NOTHING_SENT_FOR = timedelta(minutes=1)

FINAL = {MessageState.FAILED, MessageState.EXPIRED, MessageState.WITHDRAWN}


class StillUnderWay(Conflict):
    sentence = "The outcome of this text is not known yet. Try again in a few minutes."


def find(session: Session, actor: Actor, message_id: int) -> Message:
    """A message of one of the actor's clinics, locked. Raises NotFound for any other."""
    return scoped.find(session, actor, Message, message_id, lock=True)


def handle(session: Session, actor: Actor, message: Message, *, now: datetime) -> Message:
    """Mark a text as handled, once. Raises StillUnderWay before its outcome is known."""
    if message.state not in FINAL:
        raise StillUnderWay
    if message.for_staff:
        message.for_staff = False
        session.add(message)
        session.flush()
        audit_trail.record(
            session, actor, Action.HANDLED, "text", message.id, clinic_id=message.clinic_id, now=now
        )
    return message


def are_stuck(session: Session, *, now: datetime) -> bool:
    """Whether texts are overdue and nothing is sent, without a known reason."""
    if carrier_health.trouble(session):
        return False  # a carrier that is down is known and reported elsewhere
    long_ago = now - STUCK_AFTER
    waits = session.exec(
        select(Message.id)
        .where(
            Message.state == MessageState.OWED,
            Message.due_at < long_ago,
            Message.expires_at > now,
            or_(col(Message.next_look_at).is_(None), col(Message.next_look_at) < long_ago),
            ~bulk_holds.holds_back(),
        )
        .limit(1)
    ).first()
    if waits is None:
        return False
    last = session.exec(select(Attempt.began_at).order_by(col(Attempt.id).desc()).limit(1)).first()
    return last is None or last < now - NOTHING_SENT_FOR
