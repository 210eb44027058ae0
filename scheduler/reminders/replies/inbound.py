"""Texts to us, kept as they came before anybody reads them: what fails to be read is not lost.

A text is stored by itself, and only then read (`replies.read`) in a transaction of its own. One on
which the program fails is read again a few times and is before staff meanwhile.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from scheduler.clinic.models import Clinic
from scheduler.patients.models import Patient
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import Reply
from scheduler.reminders.sending import backoff
from scheduler.storage.database import stored_id
from scheduler.storage.inserts import insert_or_ignore

MAX_BODY = 1600

PHONE = re.compile(r"\+?[0-9]{3,15}")
"""Who can be answered; banks and the like send under a name."""

AGAIN = timedelta(seconds=5)
"""How long whoever kept a text has to read it; then any worker does."""

FAILED = "The program failed on this text and has not acted on it: please read it."


def keep(
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
    """Store a text, once, whatever number of times it is brought; its id, if it is yet to be read.

    `sent_at`: when it was sent, where that may be long ago. `carrier_did`: STOP, START or HELP,
    where the carrier has acted on it and answered already. `pictures`: how many came with it. None
    also for a sender that is no phone.
    """
    if not PHONE.fullmatch(phone):
        return None
    reply = {
        "carrier_id": carrier_id,
        "phone": phone,
        "body": _storable(body)[:MAX_BODY],
        "carrier_did": _storable(carrier_did)[:10],
        "pictures": pictures,
        "meaning": Intent.UNREAD,
        "reason": "",
        "offered": {},
        "tries": 1,
        "next_read_at": now + AGAIN,
        "at": min(sent_at or now, now),
    }
    insert_or_ignore(session, Reply, [reply])
    return session.exec(
        select(Reply.id).where(Reply.carrier_id == carrier_id, Reply.meaning == Intent.UNREAD)
    ).first()


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and no database half of a pair of surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def wait(session: Session, *, now: datetime) -> bool:
    """Whether there is anything to take. Only reads: it is asked every second."""
    return session.exec(select(Reply.id).where(*_is_due(now)).limit(1)).first() is not None


def take(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Texts to be read now because nobody came to an end with them; the next worker gets others.

    A try is counted before it is made, for a text may end the whole process. From the first that
    failed on, staff see it at the top: it could be anything, danger too.
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
    return col(Reply.meaning) == Intent.UNREAD, col(Reply.next_read_at) <= now


def _clinic_of(session: Session, phone: str) -> int | None:
    """Whose staff are to see it, as far as the register tells; None: those of all clinics."""
    theirs = session.exec(
        select(Patient.clinic_id)
        .where(Patient.phone == phone, col(Patient.erased_at).is_(None))
        .order_by(col(Patient.id).desc())
    ).first()
    every: Sequence[int | None] = session.exec(select(Clinic.id).limit(2)).all()
    return theirs or (every[0] if len(every) == 1 else None)
