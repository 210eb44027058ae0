"""A second text in place of one that the network did not deliver: once, and only while of use.

It is a message of its own beside the first, counted against the limits as any other. The calendar
is asked again whether it holds. Should the first arrive after all, the second is withdrawn.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session, col, select, update

from scheduler.reminders.models import Message, MessageState
from scheduler.storage.inserts import insert_or_ignore

MARK = "~2"
"""What the key of a second text ends in."""

COPIED = (
    "clinic_id",
    "kind",
    "rule_id",
    "course_id",
    "appointment_id",
    "patient_id",
    "phone_code_id",
    "link_id",
    "about",
    "phone",
    "language",
    "text",
    "asked",
    "priority",
    "expires_at",
)


def first_key(key: str) -> str:
    """The key of the text that a second one stands in for; a first one's own."""
    return key.removesuffix(MARK)


def owe(session: Session, first: Message, *, wait: timedelta, now: datetime) -> bool:
    """Owe a second text after a while; whether there will be one."""
    if first.key.endswith(MARK) or now + wait >= first.expires_at:
        return False
    row = {name: getattr(first, name) for name in COPIED}
    row |= {
        "key": first.key + MARK,
        "state": MessageState.OWED,
        "due_at": now + wait,
        "next_look_at": now + wait,
        "created_at": now,
    }
    insert_or_ignore(session, Message, [row])
    return True


def withdraw(session: Session, first: Message) -> None:
    """The first text has arrived."""
    session.exec(
        update(Message)
        .where(col(Message.key) == first.key + MARK, col(Message.state) == MessageState.OWED)
        .values(state=MessageState.WITHDRAWN, reason="The first text arrived after all.")
        .execution_options(synchronize_session="fetch")
    )


def owed(session: Session, phones: Collection[str]) -> dict[tuple[str, str], str]:
    """Second texts that have not gone out: by phone and the first one's key, their own."""
    rows = session.exec(
        select(Message.phone, Message.key).where(
            col(Message.phone).in_(phones),
            col(Message.key).endswith(MARK),
            col(Message.rule_id).is_not(None),
            col(Message.state).in_({MessageState.OWED, MessageState.SENDING}),
        )
    )
    return {(phone, first_key(key)): key for phone, key in rows}
