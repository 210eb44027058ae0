"""Replies that wait for staff."""

from datetime import datetime

from sqlmodel import Session

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.reminders.models import Reply


def find(session: Session, actor: Actor, reply_id: int) -> Reply:
    """A reply at one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Reply, reply_id)


def handle(session: Session, actor: Actor, reply: Reply, *, now: datetime) -> Reply:
    """Mark a reply as handled. Repeating it changes nothing."""
    if reply.handled_at is None:
        reply.handled_at = now
        session.add(reply)
        session.flush()
        audit_trail.record(
            session, actor, Action.HANDLED, "reply", reply.id, clinic_id=reply.clinic_id, now=now
        )
    return reply
