"""Messages that send patients on the waitlist the private link to their page.

This module is not notified of new entries. It compares the private links of entries with the
existing messages: an open entry has one message, an ended entry has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from scheduler.booking.models import WaitlistEntry
from scheduler.booking.waitlist import entries
from scheduler.clinic.models import Clinic
from scheduler.patients.models import Patient
from scheduler.reminders import message_key
from scheduler.reminders.kinds.message_kind import MessageKind
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import immediate, outbox
from scheduler.reminders.reasons import Reason
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link

KIND = "waiting"

EXPIRES_AFTER = timedelta(minutes=30)
"""Later than this after the form, a message would surprise the patient more than it helps."""


@dataclass(frozen=True, kw_only=True)
class WaitlistPageMessage(MessageKind):
    """The message is true while the patient waits."""

    def outdated(self, session: Session, message: Message, *, now: datetime) -> Reason | None:  # noqa: ARG002
        """The entry is over."""
        link = session.get_one(Link, message.link_id)
        entry = session.get_one(WaitlistEntry, link.subject_id)
        return None if entry.state in entries.OPEN_STATES else Reason.NOT_WAITING


WAITLIST_PAGE = WaitlistPageMessage(needs_patient=True, needs_consent=True, link_path="waiting")


def owe_missing(session: Session, *, now: datetime) -> None:
    """Owe a message for each new entry that has none."""
    for link, entry in _without_message(session, now):
        patient = session.get_one(Patient, entry.patient_id)
        outbox.take_turn(session, [patient.phone])
        if _find(session, entry) is not None:
            continue  # another worker was first, while this one waited for its turn
        immediate.owe(
            session,
            session.get_one(Clinic, entry.clinic_id),
            KIND,
            key=_key(entry),
            phone=patient.phone,
            language=patient.language,
            now=now,
            expires_at=link.created_at + EXPIRES_AFTER,
            patient_id=patient.id,
            link_id=link.id,
        )


def is_any_missing(session: Session, *, now: datetime) -> bool:
    """Whether `owe_missing` has something to do. Only reads."""
    return bool(_without_message(session, now))


def has_page(session: Session, entry: WaitlistEntry) -> bool:
    """Whether the carrier has accepted the message with the address of the page."""
    message = _find(session, entry)
    return message is not None and message.state in {MessageState.SENT, MessageState.DELIVERED}


def _key(entry: WaitlistEntry) -> message_key.MessageKey:
    return message_key.of_waitlist_page(stored_id(entry.id))


def _find(session: Session, entry: WaitlistEntry) -> Message | None:
    return session.exec(select(Message).where(Message.key == _key(entry))).first()


def _without_message(session: Session, now: datetime) -> Sequence[tuple[Link, WaitlistEntry]]:
    """Recent entries without a message, each with its newest link."""
    rows = session.exec(
        select(Link, WaitlistEntry)
        .join(WaitlistEntry, col(WaitlistEntry.id) == Link.subject_id)
        .join(Patient, col(Patient.id) == WaitlistEntry.patient_id)
        .where(
            Link.purpose == entries.WAITLIST_LINK,
            Link.created_at > now - EXPIRES_AFTER,
            col(Link.revoked_at).is_(None),
            col(WaitlistEntry.state).in_(entries.OPEN_STATES),
            col(Patient.sms_consent),
            col(Patient.textable),
        )
        .order_by(col(Link.id))
    ).all()
    newest = {_key(entry): (link, entry) for link, entry in rows}
    if newest:
        existing = session.exec(select(Message.key).where(col(Message.key).in_(newest))).all()
        newest = {key: found for key, found in newest.items() if key not in existing}
    return list(newest.values())
