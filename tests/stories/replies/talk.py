"""Patients who text the clinic, and what they get for it."""

from datetime import datetime
from itertools import count
from typing import Any

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import appointments
from scheduler.reminders.models import Reply
from scheduler.reminders.replies import handle, inbound
from tests.builders.world import ANN, World, appointment

SIDS = count(1)


def reply(world: World, body: str, *, phone: str = ANN, sid: str = "", did: str = "") -> list[str]:
    """Text the clinic, let the worker work, and return what came back."""
    before = len(world.carrier.texts)
    receive(world, body, phone=phone, sid=sid, did=did)
    world.tick()
    return [text for _, text in world.carrier.texts[before:]]


def receive(
    world: World,
    body: str,
    *,
    phone: str = ANN,
    sid: str = "",
    did: str = "",
    sent_at: datetime | None = None,
) -> None:
    """Text the clinic."""
    with world.database.transaction() as session:
        hear(
            session,
            carrier_id=sid or f"SM{next(SIDS):032x}",
            phone=phone,
            body=body,
            carrier_did=did,
            sent_at=sent_at,
            now=world.clock.at,
        )


def hear(session: Session, *, now: datetime, **text: Any) -> None:
    """Keep a text and read it."""
    reply_id = inbound.store(session, now=now, **text)
    if reply_id is not None:
        handle.read(session, reply_id, now=now)


def state(world: World, course: int, number: int = 1) -> str:
    with world.database.transaction(write=False) as session:
        return appointment(session, course, number).state


def last(session: Session) -> Reply:
    return session.exec(select(Reply).order_by(col(Reply.id).desc())).first()  # type: ignore[return-value]


def last_reply(world: World) -> Reply:
    with world.database.transaction(write=False) as session:
        return last(session)


def move(world: World, course: int, starts_at: datetime) -> None:
    with world.database.transaction() as session:
        appointments.move(
            session,
            OPERATOR,
            appointment(session, course, 1),
            starts_at=starts_at,
            now=world.clock.at,
        )
