"""Sends a message once more if the network did not deliver it and it has not expired.

A resend is a message of its own. It counts against the limits, and the calendar is checked again
before it goes out. If the first message arrives after all, the resend is withdrawn.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session, col, select, update

from scheduler.reminders import message_key
from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.reasons import Reason
from scheduler.storage.inserts import insert_or_ignore

COPIED = (
    "clinic_id",
    "kind",
    "rule_id",
    "course_id",
    "appointment_id",
    "patient_id",
    "phone_code_id",
    "link_id",
    "reply_id",
    "about",
    "phone",
    "language",
    "text",
    "asked",
    "priority",
    "expires_at",
)


def owe(session: Session, first: Message, *, wait: timedelta, now: datetime) -> bool:
    """Owe a resend after a wait. False if the message is a resend itself or will have expired."""
    if message_key.is_resend(first.key) or now + wait >= first.expires_at:
        return False
    row = {name: getattr(first, name) for name in COPIED}
    row |= {
        "key": message_key.resend_of(first.key),
        "state": MessageState.OWED,
        "due_at": now + wait,
        "next_look_at": now + wait,
        "created_at": now,
    }
    insert_or_ignore(session, Message, [row])
    return True


def withdraw(session: Session, first: Message) -> None:
    """Withdraw the resend of a message that has arrived."""
    session.exec(
        update(Message)
        .where(
            col(Message.key) == message_key.resend_of(first.key),
            col(Message.state) == MessageState.OWED,
        )
        .values(state=MessageState.WITHDRAWN, reason=Reason.FIRST_TEXT_ARRIVED)
        .execution_options(synchronize_session="fetch")
    )


def pending(session: Session, phones: Collection[str]) -> dict[tuple[str, str], MessageKey]:
    """By phone and the key of the first message, the keys of resends that have not gone out."""
    rows = session.exec(
        select(Message.phone, Message.key).where(
            col(Message.phone).in_(phones),
            col(Message.key).endswith(message_key.RESEND),
            col(Message.rule_id).is_not(None),
            col(Message.state).in_({MessageState.OWED, MessageState.SENDING}),
        )
    )
    return {(phone, message_key.without_resend(key)): MessageKey(key) for phone, key in rows}
