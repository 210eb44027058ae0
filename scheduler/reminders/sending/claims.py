"""Claims: which worker may send which messages, for how long.

A worker claims due messages and commits. `attempts` checks each message once more and records the
call, the dispatcher calls the carrier without a transaction, and `settlement` records the outcome.
A worker may die or freeze at any point, so a claim is a lease: `recover` takes back what it left.
Every claim has a higher fence than the one before. A worker that comes late cannot settle a message
that another one has claimed since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_
from sqlmodel import Session, col, select, update

from scheduler.reminders.kinds import registry
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.outbox import bulk_holds, outbox, previews
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.due_times import URGENT
from scheduler.reminders.schedule.segments import count
from scheduler.reminders.sending import backoff
from scheduler.storage import stored_instants

LEASE = timedelta(seconds=60)
"""How long a claim lasts."""

OVERDUE = timedelta(minutes=5)
"""Staff see a notice of a near change that is unsent for this long, so that they can call."""


@dataclass(frozen=True)
class Claim:
    """A message that one worker alone may send until its lease is over."""

    message_id: int
    fence: int
    segments: int = 1
    """what it uses of the rate limit"""


def expire(session: Session, *, now: datetime) -> None:
    """Give up unsent messages that have expired. Staff see them and may call the patient."""
    late = _lock(Message.state == MessageState.OWED, Message.expires_at <= now)
    session.exec(
        update(Message)
        .where(col(Message.id).in_(late))
        .values(state=MessageState.EXPIRED, reason=Reason.NOT_SENT_IN_TIME, for_staff=True)
    )
    # The appointment is near, so staff should not wait until the notice has expired.
    overdue = _lock(
        Message.state == MessageState.OWED,
        Message.due_at <= now - OVERDUE,
        Message.expires_at <= now + URGENT,
        col(Message.for_staff).is_(False),
        outbox.is_news(),
        ~bulk_holds.holds_back(),
    )
    session.exec(update(Message).where(col(Message.id).in_(overdue)).values(for_staff=True))
    # The outcome may still be found out, but until then staff should know.
    unknown = _lock(
        Message.state == MessageState.UNKNOWN,
        Message.expires_at <= now,
        col(Message.for_staff).is_(False),
    )
    session.exec(update(Message).where(col(Message.id).in_(unknown)).values(for_staff=True))


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
    """Claim up to `limit` due messages for a worker, answers first.

    Stops once `segments` are used up. The last message may take more than are left. Private links
    begin with `public_url`, so it counts for the segments.
    """
    chosen = _within(_due(session, now=now, limit=limit), segments, public_url)
    claimed = session.execute(
        update(Message)
        .where(col(Message.id).in_(chosen))
        .values(
            state=MessageState.SENDING,
            fence=col(Message.fence) + 1,
            leased_until=now + lease,
            worker=worker,
        )
        .returning(col(Message.id), col(Message.fence))
        .execution_options(synchronize_session=False)
    )
    claims = (Claim(message_id, fence, chosen[message_id]) for message_id, fence in claimed)
    return sorted(claims, key=lambda claim: claim.message_id)


def _due(session: Session, *, now: datetime, limit: int) -> Sequence[tuple[int, str]]:
    """The next due messages with their texts, locked."""
    due = (
        _lock(
            Message.state == MessageState.OWED,
            Message.due_at <= now,
            Message.expires_at > now,
            or_(
                col(Message.next_look_at).is_(None),
                stored_instants.is_over(Message.next_look_at, now=now, longest=backoff.LONGEST),
            ),
            ~bulk_holds.holds_back(),
        )
        .order_by(col(Message.asked).desc(), col(Message.due_at), col(Message.id))
        .limit(limit)
        .add_columns(col(Message.text))
    )
    return [(row[0], row[1]) for row in session.execute(due)]


def _within(
    messages: Sequence[tuple[int, str]], segments: int | None, public_url: str
) -> dict[int, int]:
    """The segments of the messages that begin within the limit, by message id."""
    found, used = {}, 0
    for message_id, text in messages:
        if segments is not None and used >= segments:
            break
        found[message_id] = segments_of(text, public_url)
        used += found[message_id]
    return found


def segments_of(text: str, public_url: str) -> int:
    """The segments of a stored text with its link or code, all of which have the same length."""
    longest = max(registry.LINK_PATHS, key=len)
    link = f"{public_url}/{longest}/{previews.TOKEN}"
    return count(templating.reveal(text, link=link, code="000000")).segments


def find(session: Session, claim: Claim) -> Message | None:
    """The claimed message, locked; None if the claim has ended."""
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


def recover(session: Session, *, now: datetime, lease: timedelta = LEASE) -> None:
    """Take back the messages of workers that died or froze, once their leases are over.

    A lease that seems longer than possible was written before the clock was set back.

    Before the call was recorded the message cannot have gone out. After it, the outcome is unknown.
    """
    was_called = exists().where(
        col(Attempt.message_id) == col(Message.id), col(Attempt.fence) == col(Message.fence)
    )
    is_over = stored_instants.is_over(Message.leased_until, now=now, longest=lease)
    abandoned = _lock(Message.state == MessageState.SENDING, is_over)
    for condition, values in (
        (
            was_called,
            {
                "state": MessageState.UNKNOWN,
                "reason": Reason.WORKER_STOPPED,
                "next_look_at": now,
            },
        ),
        (~was_called, {"state": MessageState.OWED}),
    ):
        session.exec(
            update(Message)
            .where(col(Message.id).in_(abandoned), condition)
            .values(leased_until=None, **values)
            .execution_options(synchronize_session=False)
        )


def _lock(*conditions: object):  # type: ignore[no-untyped-def]
    """Select the ids of messages, skipping those that another transaction has locked."""
    return select(Message.id).where(*conditions).with_for_update(skip_locked=True)  # type: ignore[arg-type]
