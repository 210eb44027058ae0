"""Replies that wait for staff."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.infra.errors import NotFound
from scheduler.reminders.models import Reply


def find(session: Session, actor: Actor, reply_id: int) -> Reply:
    """A reply that the actor may see. Raises NotFound for any other."""
    reply = session.exec(select(Reply).where(Reply.id == reply_id, is_seen_by(actor))).first()
    if reply is None:
        raise NotFound
    return reply


def is_seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition for replies that an actor sees: of the actor's clinics, or of no clinic.

    A reply of an unknown phone is of no clinic if several clinics text from one number. The staff
    of all of them see it.
    """
    clinic_id: Any = col(Reply.clinic_id)
    return or_(actor.scope(clinic_id), clinic_id.is_(None))


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
