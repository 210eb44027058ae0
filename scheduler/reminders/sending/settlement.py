"""Settlement: records how a call to the carrier ended, and what happens to its message."""

from datetime import datetime, timedelta

from sqlmodel import Session, select

from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.reasons import Reason
from scheduler.reminders.sending import backoff, carrier_health, claims, delivery_reports
from scheduler.reminders.sending.attempts import SendAttempt
from scheduler.reminders.sending.carrier_health import Outcome
from scheduler.reminders.sending.claims import Claim
from scheduler.sms.sender import (
    Accepted,
    LeaseLost,
    RateLimited,
    Refused,
    TryLater,
    Unknown,
    Unreached,
)

FIRST_LOOKUP = timedelta(seconds=40)
"""After this the carrier has accepted or dropped an unanswered call. It gives up after 26 s."""

REPORT_DUE = timedelta(minutes=10)
"""How long to wait for a delivery report before asking the carrier."""


def record_outcome(
    session: Session, attempt: SendAttempt, outcome: Outcome, *, jitter: float, now: datetime
) -> None:
    """Record how the carrier answered a call.

    The message stays as it is if a delivery report came first or another worker recovered it. But
    an accepted message counts as sent, whatever was recorded since.
    """
    # The message is locked first, as everywhere, so that no two transactions wait for each other.
    message = session.exec(
        select(Message).where(Message.id == attempt.message_id).with_for_update()
    ).one()
    row = session.exec(select(Attempt).where(Attempt.token == attempt.token)).one()
    _record_attempt(row, outcome)
    session.add(row)
    is_ours = message.fence == attempt.fence and message.state in {
        MessageState.SENDING,
        MessageState.UNKNOWN,
    }
    if is_ours:
        _record_message(session, message, outcome, jitter, now)
        session.add(message)
    elif isinstance(outcome, Accepted):
        # Another worker recovered the message and did not find it, yet it went out.
        delivery_reports.record_acceptance(session, row, outcome.sid)
    session.flush()
    carrier_health.record_outcome(session, outcome, now=now)


def record_internal_error(session: Session, claim: Claim, *, jitter: float, now: datetime) -> None:
    """Retry a message later on which the program failed, and give it up after too many tries."""
    message = claims.find(session, claim)
    if message is None:
        return
    message.tries += 1
    message.next_look_at = backoff.next_try(message.tries, now, jitter=jitter)
    if message.next_look_at:
        message.conclude(MessageState.OWED, "")
        message.for_staff = False
    else:
        message.conclude(MessageState.FAILED, Reason.PROGRAM_FAILED)
    session.add(message)
    session.flush()


def _record_attempt(attempt: Attempt, outcome: Outcome) -> None:
    if attempt.outcome == "accepted":
        return  # a delivery report was faster
    match outcome:
        case Accepted():
            attempt.outcome, attempt.carrier_id = "accepted", outcome.sid
        case Refused():
            attempt.outcome, attempt.error_code = "refused", str(outcome.code or "")
        case TryLater():
            attempt.outcome = "later"
        case LeaseLost():
            attempt.outcome = "lapsed"
        case Unknown():
            attempt.outcome = "unknown"


def _record_message(
    session: Session, message: Message, outcome: Outcome, jitter: float, now: datetime
) -> None:
    message.leased_until = None
    match outcome:
        case Accepted():
            message.state, message.reason = MessageState.SENT, ""
            message.error_code, message.for_staff = "", False
            message.carrier_id, message.sent_at = outcome.sid, now
            message.next_look_at = now + REPORT_DUE
        case Unknown():
            message.state, message.reason = MessageState.UNKNOWN, outcome.sentence
            message.next_look_at = now + FIRST_LOOKUP
        case LeaseLost():
            message.state, message.tries = MessageState.OWED, message.tries - 1
        case Unreached() | RateLimited():
            # The carrier is at fault, so this does not count as a try of the message.
            message.tries -= 1
            _retry_later(message, outcome, 1, jitter, now)
        case TryLater():
            _retry_later(message, outcome, message.tries, jitter, now)
        case Refused():
            _record_refusal(session, message, outcome, now)


def _record_refusal(session: Session, message: Message, refusal: Refused, now: datetime) -> None:
    message.reason, message.for_staff = refusal.sentence, True
    message.error_code = str(refusal.code or "")
    if refusal.config:
        # The message is fine. It waits until our account with the carrier is repaired.
        message.state, message.tries = MessageState.OWED, message.tries - 1
        message.next_look_at = now + carrier_health.REPAIR
        return
    message.state = MessageState.FAILED
    if refusal.opted_out and message.kind == "stopped":
        # The carrier handled the STOP, confirmed it, and accepts no more messages.
        message.state, message.for_staff = MessageState.WITHDRAWN, False
        message.reason = Reason.STOP_CONFIRMED_BY_CARRIER
    delivery_reports.act_on_error(session, message, refusal.code, now=now)


def _retry_later(
    message: Message, outcome: TryLater, tries: int, jitter: float, now: datetime
) -> None:
    message.reason = outcome.sentence
    message.next_look_at = backoff.next_try(tries, now, outcome.retry_after, jitter=jitter)
    message.state = MessageState.OWED if message.next_look_at else MessageState.FAILED
    message.for_staff = message.for_staff or message.state == MessageState.FAILED
