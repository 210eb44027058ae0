"""Applies delivery reports. They may come in any order, more than once, or never."""

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
"""A message only moves to a higher rank, so "delivered" overrides every other report."""

CONFIRMED_BY_CARRIER = {MessageState.SENT, MessageState.DELIVERED, MessageState.FAILED}


def note(session: Session, *, token: str, report: Found, now: datetime) -> None:
    """Apply a delivery report to the attempt with this token; an unknown token is ignored.

    The report may come before the answer to the call, or replace an answer that was lost.
    """
    attempt = session.exec(select(Attempt).where(Attempt.token == token)).first()
    if attempt is not None:
        record_acceptance(session, attempt, report.sid)
        apply(session, attempt.message_id, report, now=now)


def record_acceptance(session: Session, attempt: Attempt, carrier_id: str) -> None:
    """Record that the carrier has the message of this attempt, whatever we believed before."""
    message = _locked(session, attempt.message_id)
    attempt.outcome, attempt.carrier_id = "accepted", carrier_id
    session.add(attempt)
    # A failed message without a carrier id was given up by us, not by the carrier.
    gave_up = message.state == MessageState.FAILED and message.carrier_id is None
    if gave_up or message.state not in CONFIRMED_BY_CARRIER:
        message.state, message.reason, message.leased_until = MessageState.SENT, "", None
        message.for_staff = False
        message.sent_at = attempt.began_at
    if message.carrier_id is None:
        message.carrier_id = carrier_id
    session.add(message)
    session.flush()


def apply(session: Session, message_id: int, report: Found, *, now: datetime) -> None:
    """Store a report and set the message's state from all its reports. Repeats change nothing."""
    if report.status not in RANKS:
        return
    message = _locked(session, message_id)
    row = {
        "message_id": message_id,
        "carrier_id": report.sid,
        "status": report.status,
        "error_code": str(report.error_code or ""),
        "at": now,
    }
    insert_or_ignore(session, Receipt, [row])
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
    """Set the state from all reports together, so that their order does not matter."""
    receipts = session.exec(
        select(Receipt).where(Receipt.message_id == message.id).order_by(col(Receipt.id))
    ).all()
    final = max(receipts, key=lambda receipt: RANKS[receipt.status])
    rank = RANKS[final.status]
    if rank >= RANKS["delivered"]:
        message.state, message.reason, message.error_code = MessageState.DELIVERED, "", ""
        message.delivered_at, message.next_look_at = final.at, None
        message.for_staff = False
        register.note_phone(session, message.phone, "")
        resends.withdraw(session, message)
    elif rank >= RANKS["failed"]:
        _fail(session, message, max(receipt.error_code for receipt in receipts), now)


def _fail(session: Session, message: Message, code: str, now: datetime) -> None:
    if (message.state, message.error_code) == (MessageState.FAILED, code):
        return  # reported before, and acted on then
    message.state, message.error_code, message.next_look_at = MessageState.FAILED, code, None
    number = int(code) if code else None
    meaning = codes.meaning(number)
    message.reason = meaning.sentence if code else "The network could not deliver it."
    message.for_staff = True
    act_on_error(session, message, number, now=now)
    if meaning.tries_again and resends.owe(session, message, wait=meaning.wait, now=now):
        message.reason += " It is sent once more."
        message.for_staff = False


def act_on_error(session: Session, message: Message, code: int | None, *, now: datetime) -> None:
    """Apply what an error code says about the phone or about our carrier account."""
    meaning = codes.meaning(code)
    match meaning.policy:
        case Policy.OPTED_OUT:
            consent.stop(session, CARRIER, message.phone, words=meaning.sentence, now=now)
        case Policy.FLAG:
            register.note_phone(session, message.phone, meaning.sentence)
        case Policy.STOP:
            carrier_health.stop(session, meaning.sentence, now=now)
    if meaning.policy in {Policy.STOP, Policy.MEND} or code in codes.ALARMING:
        LOG.error("message %s failed (error %s): %s", message.id, code, meaning.sentence)
