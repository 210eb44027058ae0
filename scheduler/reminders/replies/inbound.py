"""Stores incoming texts before they are read, so that a failure while reading loses none.

A text is stored in one transaction and read (`handle.read`) in another. A text on which the program
fails is retried a few times, and staff see it in the meantime.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from scheduler.clinic.models import Clinic
from scheduler.infra.phone import of_sender
from scheduler.patients.models import Patient
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import OfferedChoice, Reply
from scheduler.reminders.sending import backoff
from scheduler.storage import stored_instants
from scheduler.storage.database import stored_id
from scheduler.storage.inserts import insert_or_ignore

MAX_BODY = 1600

PHONE_DIGITS = re.compile(r"\+?[0-9]{3,15}")
"""Senders that can be answered. Banks, for example, send under a name."""

READ_WITHIN = timedelta(seconds=5)
"""How long the process that stored a text has to read it. After that, any worker reads it."""

FAILED = "The program failed on this text and has not acted on it. Please read it."


def store(
    session: Session,
    *,
    carrier_id: str,
    phone: str,
    body: str,
    now: datetime,
    sent_at: datetime | None = None,
    carrier_did: str = "",
    pictures: int = 0,
) -> int | None:
    """Store a text once, however often it is delivered. Returns its id if it is still unread.

    `sent_at`: when the carrier received it, if that may be long ago. `carrier_did`: STOP, START or
    HELP if the carrier has acted on it and answered. Returns None for a sender without a number.
    """
    phone = of_sender(phone)
    if not PHONE_DIGITS.fullmatch(phone):
        return None
    reply = {
        "carrier_id": carrier_id,
        "phone": phone,
        "body": _storable(body)[:MAX_BODY],
        "carrier_did": _storable(carrier_did)[:10],
        "pictures": pictures,
        "meaning": Intent.UNREAD,
        "reason": "",
        "offered": OfferedChoice(),
        "tries": 1,
        "next_read_at": now + READ_WITHIN,
        "at": min(sent_at or now, now),
    }
    insert_or_ignore(session, Reply, [reply])
    return session.exec(
        select(Reply.id).where(Reply.carrier_id == carrier_id, Reply.meaning == Intent.UNREAD)
    ).first()


def _storable(text: str) -> str:
    """The text without NUL (PostgreSQL rejects it) and lone surrogates (no database takes them)."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Whether any unread text is due. Only reads, since it is called every second."""
    return session.exec(select(Reply.id).where(*_is_due(now)).limit(1)).first() is not None


def claim(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Claim texts that no process has finished reading. Another worker gets other texts.

    The try is counted before it is made, because a text may crash the process. After the first
    failure the text is urgent for staff: it could be an emergency.
    """
    replies = session.exec(
        select(Reply)
        .where(*_is_due(now))
        .order_by(col(Reply.at), col(Reply.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for reply in replies:
        reply.tries += 1
        reply.next_read_at = backoff.next_try(reply.tries, now)
        reply.for_staff, reply.urgent, reply.reason = True, True, FAILED
        reply.clinic_id = _clinic_of(session, reply.phone)
        session.add(reply)
    session.flush()
    return [stored_id(reply.id) for reply in replies]


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Reply.meaning) == Intent.UNREAD,
        stored_instants.is_over(Reply.next_read_at, now=now, longest=backoff.LONGEST),
    )


def _clinic_of(session: Session, phone: str) -> int | None:
    """The clinic whose staff see it; None puts it before the staff of all clinics."""
    clinic_id = session.exec(
        select(Patient.clinic_id)
        .where(Patient.phone == phone, col(Patient.erased_at).is_(None))
        .order_by(col(Patient.id).desc())
    ).first()
    clinic_ids: Sequence[int | None] = session.exec(select(Clinic.id).limit(2)).all()
    return clinic_id or (clinic_ids[0] if len(clinic_ids) == 1 else None)
