"""Who may send a message, and what became of it: the transactions around one call to the carrier.

`claim` takes messages for a while, `intend` looks again whether they still hold and writes the call
down, `settle` writes what the carrier said. In between no transaction is open. A worker may die or
freeze anywhere: `recover` finds what it left. Each claim has a higher fence than the one before, so
that whoever comes late cannot settle what is somebody else's by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import NamedTuple

from sqlalchemy import exists, or_
from sqlmodel import Session, col, func, select, update

from scheduler.booking.models import Appointment
from scheduler.infra.errors import Invalid, NotFound
from scheduler.patients import consent
from scheduler.patients.models import PhoneCode
from scheduler.reminders.kinds import lost_links, reconfirmations, waitlist_offers, waitlist_pages
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.outbox import bulk_holds, outbox, previews
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.segments import count
from scheduler.reminders.sending import backoff, carrier_health, delivery_reports
from scheduler.reminders.sending.carrier_health import Outcome
from scheduler.sms.sender import (
    Accepted,
    LeaseLost,
    RateLimited,
    Refused,
    TryLater,
    Unknown,
    Unreached,
)
from scheduler.storage import links
from scheduler.storage.links import Link

LEASE = timedelta(seconds=60)
"""How long a worker may keep a message to itself."""

READ_APART = timedelta(minutes=1)
"""Two workers read the time so far apart at most: they share a clock."""

FIRST_LOOK = timedelta(seconds=40)
"""After this the carrier has either taken an unanswered text or given it up; it says 26 s."""

SILENCE = timedelta(minutes=10)
"""How long after a text was taken its receipt is waited for before we ask."""

LINK_OUTLIVES = timedelta(days=14)
"""How long after the last session a private link still opens the course."""

LINK_LIVES = timedelta(days=1)
"""Less than this a link does not live, however long the course is over: a text speaks of it."""

SENT_THOUGH_STOPPED = {"stopped", "emergency", "help"}
"""Answers that a phone gets that wants no texts: the one that says so, and help it asks for."""

LONGEST_VALIDITY = 36_000
"""Seconds; the carrier keeps no text waiting for longer."""

CALL = timedelta(seconds=10)
"""A call may take so long; the carrier counts a text's time from the moment it has it."""

PLACES = {"offer": "offers", "waiting": "waiting", "course": "my"}
"""Where the pages are that private links lead to, by the purpose of the link."""

TOO_LATE = "It could not be sent while it was of use."


@dataclass(frozen=True)
class Secrets:
    """What private links and codes are made of, and where the links lead."""

    key: str
    public_url: str


@dataclass(frozen=True)
class Claim:
    """A message that this worker alone may send until the lease is over."""

    message_id: int
    fence: int
    segments: int = 1
    """what it takes of the carrier's pace"""


@dataclass(frozen=True)
class SendAttempt:
    """One call to the carrier, as it is about to be made. Holds secrets: never log it."""

    message_id: int
    fence: int
    token: str
    phone: str
    text: str
    not_after: datetime
    """by when it must have arrived: later it is of no use, or wakes somebody"""
    first_due: datetime
    """before that nobody can have sent it"""
    is_first: bool
    """as far as we know nobody has tried to send it before"""
    known_ids: frozenset[str] = frozenset()
    """what the carrier calls other texts of ours to this phone"""

    def valid_seconds(self, now: datetime) -> int:
        """How long the carrier may keep it, were it called now; less than 1: call no more."""
        left = int((self.not_after - now - CALL).total_seconds())
        return min(LONGEST_VALIDITY, left)


def expire(session: Session, *, now: datetime) -> None:
    """Give up what could not be sent while it was of use; staff see it and may call instead."""
    late = _next(Message.state == MessageState.OWED, Message.expires_at <= now)
    session.exec(
        update(Message)
        .where(col(Message.id).in_(late))
        .values(state=MessageState.EXPIRED, reason=TOO_LATE, for_staff=True)
    )
    # Whether it went out may be found out yet. Until then somebody had better know.
    lost = _next(
        Message.state == MessageState.UNKNOWN,
        Message.expires_at <= now,
        col(Message.for_staff).is_(False),
    )
    session.exec(update(Message).where(col(Message.id).in_(lost)).values(for_staff=True))


def claim(
    session: Session,
    *,
    worker: str,
    now: datetime,
    limit: int,
    segments: int | None = None,
    public_url: str = "",
    lease: timedelta = LEASE,
) -> list[Claim]:
    """Take up to `limit` messages that are due, answers first; nobody else gets them meanwhile.

    No more once `segments` are used up; the last of them may take more than there are left. Their
    links will begin with `public_url`.
    """
    taking = _within(_due(session, now=now, limit=limit), segments, public_url)
    taken = session.execute(
        update(Message)
        .where(col(Message.id).in_(taking))
        .values(
            state=MessageState.SENDING,
            fence=col(Message.fence) + 1,
            leased_until=now + lease,
            worker=worker,
        )
        .returning(col(Message.id), col(Message.fence))
        .execution_options(synchronize_session=False)
    )
    claims = (Claim(message_id, fence, taking[message_id]) for message_id, fence in taken)
    return sorted(claims, key=lambda claim: claim.message_id)


def _due(session: Session, *, now: datetime, limit: int) -> Sequence[tuple[int, str]]:
    """Which messages are next, with their texts; nobody else gets them in this transaction."""
    due = (
        _next(
            Message.state == MessageState.OWED,
            Message.due_at <= now,
            Message.expires_at > now,
            or_(col(Message.next_look_at).is_(None), col(Message.next_look_at) <= now),
            ~bulk_holds.holds_back(),
        )
        .order_by(col(Message.asked).desc(), col(Message.due_at), col(Message.id))
        .limit(limit)
        .add_columns(col(Message.text))
    )
    return [(row[0], row[1]) for row in session.execute(due)]


def _within(
    texts: Sequence[tuple[int, str]], segments: int | None, public_url: str
) -> dict[int, int]:
    """By message, the segments of those that begin within so many. No text is cut in two."""
    found, used = {}, 0
    for message_id, text in texts:
        if segments is not None and used >= segments:
            break
        found[message_id] = segments_of(text, public_url)
        used += found[message_id]
    return found


def segments_of(text: str, public_url: str) -> int:
    """What a stored text takes once its link or code is filled in: each is as long as another."""
    link = f"{public_url}/{max(PLACES.values(), key=len)}/{previews.TOKEN}"
    return count(templating.reveal(text, link=link, code="000000")).segments


def begin_attempt(
    session: Session, claim: Claim, *, secrets: Secrets, now: datetime, lease: timedelta = LEASE
) -> SendAttempt | None:
    """Look again whether the text still holds, and write down that it is about to be sent.

    None: it does not hold, or it is no longer ours.
    """
    phone = session.exec(select(Message.phone).where(Message.id == claim.message_id)).one()
    outbox.take_turn(session, [phone])
    message = _claimed(session, claim)
    if message is None or message.leased_until is None or message.leased_until <= now:
        return None
    terms = _terms(session, message, now)
    if terms is None:
        session.flush()
        return None
    try:
        text = revealed(session, message, secrets, now=now)
    except (NotFound, Invalid) as problem:
        _put(message, MessageState.FAILED, problem.sentence)
        session.flush()
        return None
    attempt = Attempt(
        message_id=claim.message_id,
        fence=claim.fence,
        token=token_hex(16),
        began_at=now,
    )
    message.leased_until = now + lease
    message.tries += 1
    session.add(attempt)
    session.flush()
    return SendAttempt(
        message_id=claim.message_id,
        fence=claim.fence,
        token=attempt.token,
        phone=phone,
        text=text,
        not_after=terms.not_after,
        first_due=terms.first_due,
        is_first=message.tries == 1,
        known_ids=carrier_ids(session, phone),
    )


def carrier_ids(session: Session, phone: str) -> frozenset[str]:
    """What the carrier calls those of our texts to a phone that it is known to have taken."""
    ids = session.exec(
        select(Attempt.carrier_id)
        .join(Message, col(Message.id) == Attempt.message_id)
        .where(Message.phone == phone, col(Attempt.carrier_id).is_not(None))
    )
    return frozenset(sid for sid in ids if sid)


def _claimed(session: Session, claim: Claim) -> Message | None:
    return session.exec(
        select(Message)
        .where(
            Message.id == claim.message_id,
            Message.fence == claim.fence,
            Message.state == MessageState.SENDING,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


class _Terms(NamedTuple):
    not_after: datetime
    first_due: datetime


def _terms(session: Session, message: Message, now: datetime) -> _Terms | None:
    """By when the text, sent now, must have arrived, and since when it is due.

    None: it may not go now, and the message says what becomes of it.
    """
    if message.expires_at - now < CALL + timedelta(seconds=1):
        _put(message, MessageState.EXPIRED, TOO_LATE)
        return None
    if message.rule_id is None:
        if reason := _why_not(session, message, now):
            _put(message, MessageState.WITHDRAWN, reason)
            return None
        is_offer = message.kind in waitlist_offers.KINDS
        latest = (
            waitlist_offers.not_after(session, message, now=now) if is_offer else message.expires_at
        )
        return _Terms(latest, message.due_at)
    want = outbox.derive(session, [message.phone], now=now).get(message.key)
    if want is None:
        _put(message, MessageState.WITHDRAWN, outbox.why_gone(session, message))
        return None
    for name, value in want.values().items():
        setattr(message, name, value)
    # Asked of the table once more: it may have been stopped while we looked.
    free = want.owed.verdict == "owed" and not bulk_holds.is_kept_back(session, message)
    if free and want.owed.due_at <= now:
        message.state = MessageState.SENDING
        return _Terms(want.owed.not_after, want.owed.first_due)
    message.leased_until = None
    return None


def _why_not(session: Session, message: Message, now: datetime) -> str:
    """Why a text that follows no rule must not go after all; empty: it may."""
    stopped = consent.is_stopped(session, message.phone)
    if stopped and message.kind not in SENT_THOUGH_STOPPED:
        return "The phone asked for no more texts."
    if message.kind in reconfirmations.KINDS:
        return reconfirmations.why_gone(session, message)
    if message.kind in lost_links.KINDS:
        return lost_links.why_gone(session, message)
    if message.kind == waitlist_pages.KIND:
        return waitlist_pages.why_gone(session, message)
    return (
        waitlist_offers.why_gone(session, message, now=now)
        if message.kind in waitlist_offers.KINDS
        else ""
    )


def _put(message: Message, state: MessageState, reason: str) -> None:
    message.state, message.reason, message.leased_until = state, reason, None
    message.for_staff = state != MessageState.WITHDRAWN


def revealed(session: Session, message: Message, secrets: Secrets, *, now: datetime) -> str:
    """The text with its link or code filled in, the same each time it is asked for."""
    link = code = None
    if "{link}" in message.text:
        found = _link(session, message, secrets.key, now)
        place = PLACES[found.purpose]
        link = f"{secrets.public_url}/{place}/{links.token_of(secrets.key, found.nonce)}"
    if "{code}" in message.text:
        phone_code = session.get(PhoneCode, message.phone_code_id)
        code = links.code_of(secrets.key, phone_code.nonce) if phone_code else None
    text = templating.reveal(message.text, link=link, code=code)
    return templating.bound(text, code=code, public_url=secrets.public_url) if code else text


def _link(session: Session, message: Message, key: str, now: datetime) -> Link:
    link = session.get(Link, message.link_id) if message.link_id else None
    if link is not None:
        return link
    if message.course_id is None:
        raise NotFound
    last = session.exec(
        select(func.max(Appointment.ends_at)).where(Appointment.course_id == message.course_id)
    ).one()
    link, _ = links.mint(
        session,
        key,
        purpose="course",
        subject_id=message.course_id,
        now=now,
        expires_at=max((last or now) + LINK_OUTLIVES, now + LINK_LIVES),
    )
    message.link_id = link.id
    return link


def record_outcome(
    session: Session, intent: SendAttempt, outcome: Outcome, *, jitter: float, now: datetime
) -> None:
    """Write down what the carrier said.

    Does nothing to the message where a receipt, or whoever recovered it, was first; but a text
    that was taken is told as sent, whatever was believed of it meanwhile.
    """
    # The message first, as everybody who locks both does.
    message = session.exec(
        select(Message).where(Message.id == intent.message_id).with_for_update()
    ).one()
    attempt = session.exec(select(Attempt).where(Attempt.token == intent.token)).one()
    _note(attempt, outcome)
    session.add(attempt)
    is_ours = message.fence == intent.fence and message.state in {
        MessageState.SENDING,
        MessageState.UNKNOWN,
    }
    if is_ours:
        _conclude(session, message, outcome, jitter, now)
        session.add(message)
    elif isinstance(outcome, Accepted):
        # Whoever recovered it found nothing, yet it went: staff must not be told otherwise.
        delivery_reports.record_acceptance(session, attempt, outcome.sid)
    session.flush()
    carrier_health.record_outcome(session, outcome, now=now)


def record_internal_error(session: Session, claim: Claim, *, jitter: float, now: datetime) -> None:
    """The program itself failed on this text: it is put off, and given up in the end."""
    message = _claimed(session, claim)
    if message is None:
        return
    message.tries += 1
    message.next_look_at = backoff.next_try(message.tries, now, jitter=jitter)
    if message.next_look_at:
        _put(message, MessageState.OWED, "")
        message.for_staff = False
    else:
        _put(message, MessageState.FAILED, "The program failed on this text: a human should look.")
    session.add(message)
    session.flush()


def _note(attempt: Attempt, outcome: Outcome) -> None:
    if attempt.outcome == "accepted":
        return  # a receipt was faster
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


def _conclude(
    session: Session, message: Message, outcome: Outcome, jitter: float, now: datetime
) -> None:
    message.leased_until = None
    match outcome:
        case Accepted():
            message.state, message.reason = MessageState.SENT, ""
            message.error_code, message.for_staff = "", False
            message.carrier_id, message.sent_at = outcome.sid, now
            message.next_look_at = now + SILENCE
        case Unknown():
            message.state, message.reason = MessageState.UNKNOWN, outcome.sentence
            message.next_look_at = now + FIRST_LOOK
        case LeaseLost():
            message.state, message.tries = MessageState.OWED, message.tries - 1
        case Unreached() | RateLimited():
            # It is the carrier's trouble, and no try of this text is spent on it.
            message.tries -= 1
            _later(message, outcome, 1, jitter, now)
        case TryLater():
            _later(message, outcome, message.tries, jitter, now)
        case Refused() if outcome.config:
            # Nothing is wrong with this text: it waits until somebody has mended our account.
            message.state, message.reason = MessageState.OWED, outcome.sentence
            message.error_code, message.next_look_at = (
                str(outcome.code or ""),
                now + carrier_health.REPAIR,
            )
            message.tries, message.for_staff = message.tries - 1, True
        case Refused():
            message.state, message.reason = MessageState.FAILED, outcome.sentence
            message.error_code, message.for_staff = str(outcome.code or ""), True
            if outcome.opted_out and message.kind == "stopped":
                # The carrier took the STOP itself, said so, and lets nothing more through.
                message.state, message.for_staff = MessageState.WITHDRAWN, False
                message.reason = "The carrier has confirmed the STOP itself."
            delivery_reports.act_on_error(session, message, outcome.code, now=now)


def _later(message: Message, outcome: TryLater, tries: int, jitter: float, now: datetime) -> None:
    message.reason = outcome.sentence
    message.next_look_at = backoff.next_try(tries, now, outcome.retry_after, jitter=jitter)
    message.state = MessageState.OWED if message.next_look_at else MessageState.FAILED
    message.for_staff = message.state == MessageState.FAILED


def recover(session: Session, *, now: datetime, lease: timedelta = LEASE) -> None:
    """Take back what a worker left when it died or froze: its lease is over.

    One that seems longer than a lease is was written before the clock was set back.

    Before the call was written down nothing can have gone out; after it, nobody knows.
    """
    called = exists().where(
        col(Attempt.message_id) == col(Message.id), col(Attempt.fence) == col(Message.fence)
    )
    leased_until = col(Message.leased_until)
    is_over = or_(leased_until <= now, leased_until > now + lease + READ_APART)
    left = _next(Message.state == MessageState.SENDING, is_over)
    for condition, values in (
        (
            called,
            {
                "state": MessageState.UNKNOWN,
                "reason": "The worker that was sending it stopped.",
                "next_look_at": now,
            },
        ),
        (~called, {"state": MessageState.OWED}),
    ):
        session.exec(
            update(Message)
            .where(col(Message.id).in_(left), condition)
            .values(leased_until=None, **values)
            .execution_options(synchronize_session=False)
        )


def _next(*conditions: object):  # type: ignore[no-untyped-def]
    """The ids of messages that nobody else is just writing; SQLite has one writer anyway."""
    return select(Message.id).where(*conditions).with_for_update(skip_locked=True)  # type: ignore[arg-type]
