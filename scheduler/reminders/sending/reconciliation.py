"""Finds the outcome of messages whose call to the carrier did not end with an answer.

A message with an unknown outcome is never sent again until the outcome is known, from its delivery
report or from the carrier's message list. The carrier did not take the message if one worker has
not found it on the list twice, `ABSENT_AFTER` apart by that worker's own clock. Clocks of different
workers are not compared.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select, update

from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.reasons import Reason
from scheduler.reminders.sending import attempts, delivery_reports
from scheduler.reminders.sending.attempts import Secrets
from scheduler.sms.sender import Found
from scheduler.storage import stored_instants
from scheduler.storage.database import stored_id

LOOK_AGAIN = timedelta(seconds=60)
ABSENT_AFTER = timedelta(minutes=2)
"""A message that is still not on the carrier's list this long after the first lookup was never
taken. A call that was running at the first lookup has ended long before."""

FORGET_AFTER = timedelta(hours=6)
GIVE_UP_AFTER = timedelta(days=1)
ASK_EVERY = timedelta(hours=1)
CREATED_BEFORE_CALL = timedelta(days=1)
"""How far the carrier's creation time of a message may lie before our call.

Our clock may be wrong by hours. A window that is too narrow overlooks the message, and it is sent
twice. An older message with the same text is excluded by its known carrier id.
"""

MAX_ABSENT = 2


@dataclass(frozen=True)
class Search:
    """A message to look for on the carrier's list. Holds secrets, so it is never logged."""

    message_id: int
    token: str
    began_at: datetime
    phone: str
    text: str
    known_ids: frozenset[str]
    """Carrier ids that belong to other messages of ours."""

    @property
    def since(self) -> datetime:
        """The earliest creation time to look at."""
        return self.began_at - CREATED_BEFORE_CALL


@dataclass(frozen=True)
class CarrierQuery:
    """A sent message whose delivery report is overdue."""

    message_id: int
    carrier_id: str


def unknown(session: Session, secrets: Secrets, *, now: datetime, limit: int) -> list[Search]:
    """The messages to look up now. Another worker that asks gets other messages."""
    messages = _claim(session, MessageState.UNKNOWN, now, now + LOOK_AGAIN, limit)
    searches = []
    for message in messages:
        attempt = session.exec(
            select(Attempt).where(Attempt.message_id == message.id).order_by(col(Attempt.id).desc())
        ).first()
        if attempt is None:
            continue
        searches.append(
            Search(
                message_id=stored_id(message.id),
                token=attempt.token,
                began_at=attempt.began_at,
                phone=message.phone,
                text=attempts.revealed(session, message, secrets, now=now),
                known_ids=attempts.carrier_ids(session, message.phone),
            )
        )
    return searches


def silent(session: Session, *, now: datetime, limit: int) -> list[CarrierQuery]:
    """The sent messages whose delivery report is overdue."""
    messages = _claim(session, MessageState.SENT, now, now + ASK_EVERY, limit)
    for message in messages:
        if message.sent_at is None or now - message.sent_at >= GIVE_UP_AFTER:
            message.next_look_at = None  # some networks never report more than "sent"
            session.add(message)
    session.flush()
    return [
        CarrierQuery(stored_id(message.id), message.carrier_id)
        for message in messages
        if message.carrier_id and message.next_look_at
    ]


def _claim(
    session: Session, state: MessageState, now: datetime, again_at: datetime, limit: int
) -> Collection[Message]:
    due = (
        select(Message.id)
        .where(
            Message.state == state,
            stored_instants.is_over(Message.next_look_at, now=now, longest=ASK_EVERY),
        )
        .order_by(col(Message.next_look_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = session.execute(
        update(Message)
        .where(col(Message.id).in_(due))
        .values(next_look_at=again_at)
        .returning(col(Message.id))
        .execution_options(synchronize_session=False)
    )
    ids = [row[0] for row in claimed]
    return session.exec(select(Message).where(col(Message.id).in_(ids))).all()


def conclude(
    session: Session,
    search: Search,
    *,
    found: Found | None,
    not_found_since: datetime,
    now: datetime,
) -> None:
    """Record the result of a lookup on the carrier's list.

    `now` is read before the lookup. `not_found_since` is when the same worker, by the same clock,
    first looked and did not find the message.
    """
    message = session.exec(
        select(Message).where(Message.id == search.message_id).with_for_update()
    ).one()
    attempt = session.exec(select(Attempt).where(Attempt.token == search.token)).one()
    if found is not None:
        delivery_reports.record_acceptance(session, attempt, found.sid)
        delivery_reports.apply(session, search.message_id, found, now=now)
        return
    if attempt.outcome in {"", "unknown"} and now - not_found_since >= ABSENT_AFTER:
        attempt.outcome = "absent"
        session.add(attempt)
        session.flush()
        if message.state == MessageState.UNKNOWN:
            _owe_again(session, message, now)


def _owe_again(session: Session, message: Message, now: datetime) -> None:
    absent = session.exec(
        select(func.count())
        .select_from(Attempt)
        .where(Attempt.message_id == message.id, Attempt.outcome == "absent")
    ).one()
    message.next_look_at = None
    if message.expires_at <= now:
        message.state, message.for_staff = MessageState.EXPIRED, True
        message.reason = Reason.NOT_SENT_IN_TIME
    elif absent >= MAX_ABSENT:
        message.state, message.for_staff = MessageState.FAILED, True
        message.reason = "The carrier did not take it. Please find out why."
    else:
        message.state, message.reason = MessageState.OWED, ""
    session.add(message)
    session.flush()
