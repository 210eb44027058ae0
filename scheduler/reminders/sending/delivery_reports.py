"""What the carrier says of a message it has taken: in any order, repeated, or never."""

import logging
from datetime import datetime

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import CARRIER
from scheduler.patients import consent, register
from scheduler.reminders.models import Attempt, Message, MessageState, Receipt
from scheduler.reminders.outbox import resends
from scheduler.reminders.sending import carrier_health
from scheduler.sms import codes
from scheduler.sms.codes import Policy
from scheduler.sms.sender import Found
from scheduler.storage.inserts import insert_or_ignore

LOG = logging.getLogger(__name__)

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
        message.for_staff = False
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
    report = {
        "message_id": message_id,
        "carrier_id": said.sid,
        "status": said.status,
        "error_code": str(said.error_code or ""),
        "at": now,
    }
    insert_or_ignore(session, Receipt, [report])
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
        message.for_staff = False
        register.note_phone(session, message.phone, "")
        resends.withdraw(session, message)
    elif rank >= RANKS["failed"]:
        _fail(session, message, max(receipt.error_code for receipt in receipts), now)


def _fail(session: Session, message: Message, code: str, now: datetime) -> None:
    if (message.state, message.error_code) == (MessageState.FAILED, code):
        return  # said before, and the conclusions were drawn then
    message.state, message.error_code, message.next_look_at = MessageState.FAILED, code, None
    number = int(code) if code else None
    meaning = codes.meaning(number)
    message.reason = meaning.sentence if code else "The network could not deliver it."
    message.for_staff = True
    draw_conclusions(session, message, number, now=now)
    if meaning.tries_again and resends.owe(session, message, wait=meaning.wait, now=now):
        message.reason += " It is sent once more."
        message.for_staff = False


def draw_conclusions(
    session: Session, message: Message, code: int | None, *, now: datetime
) -> None:
    """What an error tells about the phone, and about our account with the carrier."""
    meaning = codes.meaning(code)
    match meaning.do:
        case Policy.OPTED_OUT:
            consent.stop(session, CARRIER, message.phone, words=meaning.sentence, now=now)
        case Policy.FLAG:
            register.note_phone(session, message.phone, meaning.sentence)
        case Policy.STOP:
            carrier_health.stop(session, meaning.sentence, now=now)
    if meaning.do in {Policy.STOP, Policy.MEND} or code in codes.ALARMING:
        LOG.error("message %s failed (error %s): %s", message.id, code, meaning.sentence)
