"""Texts that did not go as they should: whom staff may have to call, and whether any go at all."""

from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlmodel import Session, col, select

from scheduler.audit import audit_trail, scoped
from scheduler.audit.audit_trail import Actor
from scheduler.infra.errors import Conflict
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.outbox import bulk_holds
from scheduler.reminders.sending import carrier_health

STUCK_AFTER = timedelta(minutes=5)
"""A text that is due for so long, while nothing goes out, is stuck."""

SILENCE = timedelta(minutes=1)

OVER = {MessageState.FAILED, MessageState.EXPIRED}


class StillUnderWay(Conflict):
    sentence = (
        "It is not known yet what becomes of this text. It leaves the list by itself, or stays."
    )


def find(session: Session, actor: Actor, message_id: int) -> Message:
    """A message of one of the actor's clinics, locked. Raises NotFound for any other."""
    return scoped.find(session, actor, Message, message_id, lock=True)


def handle(session: Session, actor: Actor, message: Message, *, now: datetime) -> Message:
    """Somebody has taken care of it. Saying it twice changes nothing. StillUnderWay, if it is."""
    if message.state not in OVER:
        raise StillUnderWay
    if message.for_staff:
        message.for_staff = False
        session.add(message)
        session.flush()
        audit_trail.record(
            session, actor, "handled", "text", message.id, clinic_id=message.clinic_id, now=now
        )
    return message


def are_stuck(session: Session, *, now: datetime) -> bool:
    """Whether texts wait that nobody sends, though nothing is known to be in the way."""
    if carrier_health.trouble(session):
        return False  # the carrier is down: that is known, and no fault of ours
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
    return last is None or last < now - SILENCE
