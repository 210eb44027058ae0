"""What the carrier says of a message it has taken: in any order, repeated, or never."""

from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from scheduler.audit import CARRIER
from scheduler.patients import consent
from scheduler.reminders.models import Attempt, Message, MessageState, Receipt
from scheduler.sms.sender import Found

RANKS = {
    "accepted": 0,
    "scheduled": 0,
    "queued": 1,
    "sending": 2,
    "sent": 3,
    "canceled": 8,
    "failed": 8,
    "undelivered": 8,
    "delivered": 9,
    "read": 9,
}
"""A message only ever moves up; that it was delivered outweighs whatever else is said."""

TOLD = {MessageState.SENT, MessageState.DELIVERED, MessageState.FAILED}

OPTED_OUT = {"21610", "30004"}

SENTENCES = {
    "21610": "This phone asked for no more texts.",
    "30001": "The carrier had too many texts waiting.",
    "30003": "The phone was off or out of reach.",
    "30004": "The network blocks texts to this phone.",
    "30005": "There is no such phone.",
    "30006": "This phone cannot get texts; it may be a landline.",
    "30007": "The network took this text for spam.",
    "30008": "The network could not deliver it and did not say why.",
    "30036": "It waited for longer than it was of use.",
}
"""Failures are not tried again here: staff see them and can call. Another text is another rule."""


def note(session: Session, *, token: str, said: Found, now: datetime) -> None:
    """Keep a receipt that names one of our attempts; one for an unknown attempt says nothing.

    It may come before the answer to the call itself, and in place of one that was lost.
    """
    attempt = session.exec(select(Attempt).where(Attempt.token == token)).first()
    if attempt is not None:
        took(session, attempt, said.sid)
        apply(session, attempt.message_id, said, now=now)


def took(session: Session, attempt: Attempt, carrier_id: str) -> None:
    """The carrier has this attempt's text: whatever we believed of the message, it went."""
    message = _locked(session, attempt.message_id)
    attempt.outcome, attempt.carrier_id = "accepted", carrier_id
    session.add(attempt)
    # Without a name of the carrier's, it was we who gave it up.
    gave_up = message.state == MessageState.FAILED and message.carrier_id is None
    if gave_up or message.state not in TOLD:
        message.state, message.reason, message.leased_until = MessageState.SENT, "", None
        message.sent_at = attempt.began_at
    if message.carrier_id is None:
        message.carrier_id = carrier_id
    session.add(message)
    session.flush()


def apply(session: Session, message_id: int, said: Found, *, now: datetime) -> None:
    """Move the message on to what all that was said of it comes to; said twice, it is no matter."""
    if said.status not in RANKS:
        return
    message = _locked(session, message_id)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(Receipt)
        .values(
            message_id=message_id,
            carrier_id=said.sid,
            status=said.status,
            error_code=str(said.error_code or ""),
            at=now,
        )
        .on_conflict_do_nothing()
    )
    _conclude(session, message, now)
    session.add(message)
    session.flush()


def _locked(session: Session, message_id: int) -> Message:
    return session.exec(
        select(Message)
        .where(Message.id == message_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _conclude(session: Session, message: Message, now: datetime) -> None:
    """Decided from all receipts together, so that the order in which they came is no matter."""
    receipts = session.exec(
        select(Receipt).where(Receipt.message_id == message.id).order_by(col(Receipt.id))
    ).all()
    weightiest = max(receipts, key=lambda receipt: RANKS[receipt.status])
    rank = RANKS[weightiest.status]
    if rank >= RANKS["delivered"]:
        message.state, message.reason, message.error_code = MessageState.DELIVERED, "", ""
        message.delivered_at, message.next_look_at = weightiest.at, None
    elif rank >= RANKS["failed"]:
        code = max(receipt.error_code for receipt in receipts)
        message.state, message.error_code, message.next_look_at = MessageState.FAILED, code, None
        message.reason = SENTENCES.get(code, "The network could not deliver it.")
        if code in OPTED_OUT:
            consent.stop(session, CARRIER, message.phone, words=message.reason, now=now)
