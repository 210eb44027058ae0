"""Replies that wait for somebody at the clinic."""

from datetime import datetime

from sqlmodel import Session, col, select

from scheduler.audit import audit_trail
from scheduler.audit.audit_trail import Actor
from scheduler.infra.errors import NotFound
from scheduler.reminders.models import Reply


def find(session: Session, actor: Actor, reply_id: int) -> Reply:
    """A reply to one of the actor's clinics; NotFound for any other."""
    reply = session.exec(
        select(Reply).where(Reply.id == reply_id, actor.scope(col(Reply.clinic_id)))  # type: ignore[arg-type]
    ).first()
    if reply is None:
        raise NotFound
    return reply


def handle(session: Session, actor: Actor, reply: Reply, *, now: datetime) -> Reply:
    """Somebody has taken care of it. Saying it twice changes nothing."""
    if reply.handled_at is None:
        reply.handled_at = now
        session.add(reply)
        session.flush()
        audit_trail.record(
            session, actor, "handled", "reply", reply.id, clinic_id=reply.clinic_id, now=now
        )
    return reply
