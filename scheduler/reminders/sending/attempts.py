"""Attempts: the last check of a claimed message, and the record of the call about to be made."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from sqlmodel import Session, col, func, select

from scheduler.booking.models import Appointment
from scheduler.infra.errors import Invalid, NotFound
from scheduler.patients.models import PhoneCode
from scheduler.reminders.kinds import registry
from scheduler.reminders.kinds.message_kind import Terms
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.outbox import outbox
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import templating
from scheduler.reminders.sending import claims
from scheduler.reminders.sending.claims import LEASE, Claim
from scheduler.storage import links
from scheduler.storage.links import Link

LINK_OUTLIVES = timedelta(days=14)
"""How long after the last appointment a private link still opens the course."""

LINK_LIVES = timedelta(days=1)
"""Minimum link lifetime, even after the course has ended, because a message contains it."""

MAX_VALIDITY = 36_000
"""Seconds; the carrier queues no message for longer."""

CALL = timedelta(seconds=10)
"""The longest that a call takes. The carrier counts the validity from when it has the message."""


@dataclass(frozen=True)
class Secrets:
    """The secret key of private links and codes, and the address that links begin with."""

    key: str
    public_url: str


@dataclass(frozen=True)
class SendAttempt:
    """One call to the carrier that is about to be made. Holds secrets: never log it."""

    message_id: int
    fence: int
    token: str
    phone: str
    text: str
    not_after: datetime
    """when it must have arrived: then it expires, or the quiet hours begin"""
    first_due: datetime
    """it cannot have been sent before"""
    last_call_at: datetime | None = None
    """when the attempt before this one began, if one is recorded"""
    new_token: str = ""
    """the token of the private link in the text, if the link was made for this attempt"""
    known_ids: frozenset[str] = frozenset()
    """the carrier's ids of our other messages to this phone"""

    def valid_seconds(self, now: datetime) -> int:
        """How long the carrier may queue the message if it is called now; below 1: do not call."""
        left = int((self.not_after - now - CALL).total_seconds())
        return min(MAX_VALIDITY, left)


def newest(session: Session) -> int:
    """The highest id of an attempt. It only falls if an older database was put in place."""
    return session.exec(select(func.max(Attempt.id))).one() or 0


def begin_attempt(
    session: Session, claim: Claim, *, secrets: Secrets, now: datetime, lease: timedelta = LEASE
) -> SendAttempt | None:
    """Check a claimed message once more, and record that it is about to be sent.

    None if it must not go out now, or if the claim has ended.
    """
    phone = session.exec(select(Message.phone).where(Message.id == claim.message_id)).one()
    outbox.take_turn(session, [phone])
    message = claims.find(session, claim)
    if message is None or message.leased_until is None or message.leased_until <= now:
        return None
    terms = _terms(session, message, now)
    if terms is None:
        session.flush()
        return None
    had_link = message.link_id is not None
    try:
        text = revealed(session, message, secrets, now=now)
    except (NotFound, Invalid) as problem:
        message.conclude(MessageState.FAILED, problem.sentence)
        session.flush()
        return None
    last_call_at = session.exec(
        select(func.max(Attempt.began_at)).where(Attempt.message_id == message.id)
    ).one()
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
        last_call_at=last_call_at,
        new_token="" if had_link else _token(session, message, secrets),
        known_ids=carrier_ids(session, phone),
    )


def _token(session: Session, message: Message, secrets: Secrets) -> str:
    link = session.get(Link, message.link_id) if message.link_id else None
    return links.token_of(secrets.key, link.nonce) if link else ""


def carrier_ids(session: Session, phone: str) -> frozenset[str]:
    """The carrier's ids of our messages to a phone that it is known to have accepted."""
    ids = session.exec(
        select(Attempt.carrier_id)
        .join(Message, col(Message.id) == Attempt.message_id)
        .where(Message.phone == phone, col(Attempt.carrier_id).is_not(None))
    )
    return frozenset(sid for sid in ids if sid)


def _terms(session: Session, message: Message, now: datetime) -> Terms | None:
    """The terms on which a message may be sent. None: not now, and the message says why."""
    if message.expires_at - now < CALL + timedelta(seconds=1):
        message.conclude(MessageState.EXPIRED, Reason.NOT_SENT_IN_TIME)
        return None
    return registry.kind_of(message).terms(session, message, now=now)


def revealed(session: Session, message: Message, secrets: Secrets, *, now: datetime) -> str:
    """The text with its link or code, the same each time."""
    link = code = None
    if "{link}" in message.text:
        path = registry.kind_of(message).link_path
        token = links.token_of(secrets.key, _link(session, message, secrets.key, now).nonce)
        link = f"{secrets.public_url}/{path}/{token}"
    if "{code}" in message.text:
        phone_code = session.get(PhoneCode, message.phone_code_id)
        code = links.code_of(secrets.key, phone_code.nonce) if phone_code else None
    text = templating.reveal(message.text, link=link, code=code)
    return templating.bound(text, code=code, public_url=secrets.public_url) if code else text


def _link(session: Session, message: Message, key: str, now: datetime) -> Link:
    """The private link of a message. A message about a course gets one when it is first sent."""
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
