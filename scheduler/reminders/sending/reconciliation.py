"""Finding out what became of texts whose sending nobody saw the end of.

A text whose outcome is unknown is never sent again before it is known: its receipt tells, or else
the carrier's list of messages does. Only when one worker has missed it on the list twice, long
enough apart by its own clock, it was surely not taken: the clock of whoever sent it may be another.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select, update

from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.sending import claims, delivery_reports
from scheduler.reminders.sending.claims import Secrets
from scheduler.sms.sender import Found
from scheduler.storage.database import stored_id

LOOK_AGAIN = timedelta(seconds=60)
ABSENT_AFTER = timedelta(minutes=2)
"""A text that is still not on the carrier's list this long after it was first missed there was
never taken: a call that was under way at the first look has long come to its end by then."""

FORGET_AFTER = timedelta(hours=6)
GIVE_UP_AFTER = timedelta(days=1)
ASK_EVERY = timedelta(hours=1)
CLOCKS_DIFFER_BY = timedelta(days=1)
"""How far before our call, by the carrier's clock, its message may have been made.

Ours may be wrong by hours; to take an older text with the same words for this one would leave one
unsent, to overlook this one would send it twice.
"""

MAX_ABSENT = 2


@dataclass(frozen=True)
class Search:
    """A text to be looked for on the carrier's list. Holds secrets: never log it."""

    message_id: int
    token: str
    began_at: datetime
    phone: str
    text: str
    known_ids: frozenset[str]
    """messages on the list that are other texts of ours"""

    @property
    def since(self) -> datetime:
        """Where on the list to begin."""
        return self.began_at - CLOCKS_DIFFER_BY


@dataclass(frozen=True)
class CarrierQuery:
    """A text that was taken and of which no more was heard."""

    message_id: int
    carrier_id: str


def unknown(session: Session, secrets: Secrets, *, now: datetime, limit: int) -> list[Search]:
    """Texts to be looked for now; the next worker that asks gets others."""
    messages = _take(session, MessageState.UNKNOWN, now, now + LOOK_AGAIN, limit)
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
                text=claims.revealed(session, message, secrets, now=now),
                known_ids=claims.carrier_ids(session, message.phone),
            )
        )
    return searches


def silent(session: Session, *, now: datetime, limit: int) -> list[CarrierQuery]:
    """Texts whose receipt is overdue."""
    messages = _take(session, MessageState.SENT, now, now + ASK_EVERY, limit)
    for message in messages:
        if message.sent_at is None or now - message.sent_at >= GIVE_UP_AFTER:
            message.next_look_at = None  # some networks never say more than that it was sent
            session.add(message)
    session.flush()
    return [
        CarrierQuery(stored_id(message.id), message.carrier_id)
        for message in messages
        if message.carrier_id and message.next_look_at
    ]


def _take(
    session: Session, state: MessageState, now: datetime, again_at: datetime, limit: int
) -> Collection[Message]:
    due = (
        select(Message.id)
        .where(Message.state == state, col(Message.next_look_at) <= now)
        .order_by(col(Message.next_look_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(Message)
        .where(col(Message.id).in_(due))
        .values(next_look_at=again_at)
        .returning(col(Message.id))
        .execution_options(synchronize_session=False)
    )
    ids = [row[0] for row in taken]
    return session.exec(select(Message).where(col(Message.id).in_(ids))).all()


def conclude(
    session: Session,
    search: Search,
    *,
    found: Found | None,
    missed_since: datetime,
    now: datetime,
) -> None:
    """Write down what the carrier's list told.

    `now` is before it was asked; `missed_since` is when the same worker, by the same clock, first
    asked and did not find it.
    """
    message = session.exec(
        select(Message).where(Message.id == search.message_id).with_for_update()
    ).one()
    attempt = session.exec(select(Attempt).where(Attempt.token == search.token)).one()
    if found is not None:
        delivery_reports.took(session, attempt, found.sid)
        delivery_reports.apply(session, search.message_id, found, now=now)
        return
    if attempt.outcome in {"", "unknown"} and now - missed_since >= ABSENT_AFTER:
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
        message.reason = claims.TOO_LATE
    elif absent >= MAX_ABSENT:
        message.state, message.for_staff = MessageState.FAILED, True
        message.reason = "The carrier did not take it. Somebody should look into it."
    else:
        message.state, message.reason = MessageState.OWED, ""
    session.add(message)
    session.flush()
