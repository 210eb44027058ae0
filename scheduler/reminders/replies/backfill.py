"""Finds texts on the carrier's list that its webhook never delivered.

Twilio retries a webhook a few times and then gives up. So its list is read every few minutes, from
the last position on. Texts that were delivered in the meantime are recognized by their id.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select, update

from scheduler.reminders.models import InboxLook, Reply
from scheduler.reminders.replies import inbound
from scheduler.sms.sender import Received
from scheduler.storage import stored_instants
from scheduler.storage.inserts import insert_or_ignore

LOOK_EVERY = timedelta(minutes=5)
"""How often the list is read, by all workers together."""

DELIVERY_GRACE = timedelta(minutes=2)
"""How long the webhook may take. It carries more facts than the list, so it goes first."""

LISTING_OVERLAP = timedelta(minutes=15)
"""How far each look overlaps the one before: the list may lag, and clocks differ."""

OLDEST = timedelta(days=14)
"""Texts sent longer ago are ignored."""

AFTER_CLOCK_SET_BACK = timedelta(days=1)
"""How far back a look reads if the stored position lies in the future."""

STATE_ROW_ID = 1


def begin_look(session: Session, *, now: datetime) -> datetime | None:
    """Claim a look. Returns the instant to read from, or None if no look is due.

    The very first look starts now: texts sent before this program was installed are not read.
    """
    first = {"id": STATE_ROW_ID, "read_until": now, "next_look_at": now}
    insert_or_ignore(session, InboxLook, [first])
    taken: datetime | None = session.execute(
        update(InboxLook)
        .where(stored_instants.is_over(InboxLook.next_look_at, now=now, longest=LOOK_EVERY))
        .values(next_look_at=now + LOOK_EVERY)
        .returning(col(InboxLook.read_until))
        .execution_options(synchronize_session=False)
    ).scalar()
    if taken is None:
        return None
    if taken > now:  # a clock that has been set back since; texts since then may be missing
        return now - AFTER_CLOCK_SET_BACK
    return max(taken - LISTING_OVERLAP, now - OLDEST)


def end_look(session: Session, *, began_at: datetime) -> None:
    """Record that all texts on the list at `began_at` are stored."""
    session.exec(
        update(InboxLook)
        .where(
            or_(
                col(InboxLook.read_until) < began_at - DELIVERY_GRACE,
                col(InboxLook.read_until) > began_at,
            )
        )
        .values(read_until=began_at - DELIVERY_GRACE)
        .execution_options(synchronize_session=False)
    )


def missed(
    session: Session, received: Collection[Received], *, now: datetime
) -> Sequence[Received]:
    """The texts that the webhook has not delivered within its grace period."""
    settled = [text for text in received if text.sent_at <= now - DELIVERY_GRACE]
    known: set[str] = set()
    for start in range(0, len(settled), 500):
        sids = [text.sid for text in settled[start : start + 500]]
        known |= set(session.exec(select(Reply.carrier_id).where(col(Reply.carrier_id).in_(sids))))
    return [text for text in settled if text.sid not in known]


def store(session: Session, text: Received, *, now: datetime) -> int | None:
    """Store a text from the list as if the webhook had delivered it. Returns its id if unread."""
    return inbound.store(
        session,
        carrier_id=text.sid,
        phone=text.phone,
        body=text.text,
        sent_at=text.sent_at,
        pictures=text.pictures,
        now=now,
    )
