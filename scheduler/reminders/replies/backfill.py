"""Texts that patients sent while we were down, or that the carrier could not bring: on its list.

Twilio brings a text a few times and then gives up. So its list is read every few minutes, from
where it was read last. What was brought in the meantime is known by its id and taken in once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select, update

from scheduler.reminders.models import InboxLook, Reply
from scheduler.reminders.replies import inbound
from scheduler.sms.sender import Received
from scheduler.storage.inserts import insert_or_ignore

EVERY = timedelta(minutes=5)
"""How often the list is read, by all workers together."""

GRACE = timedelta(minutes=2)
"""The carrier is left this long to bring a text itself: then it says more of it than its list."""

OVERLAP = timedelta(minutes=15)
"""How far before the last look the next one begins: a list may be behind, and clocks differ."""

LONGEST = timedelta(days=14)
"""Whatever was texted longer ago is of no more use."""

THE_ONLY_ONE = 1


def begin_look(session: Session, *, now: datetime) -> datetime | None:
    """From when on the list is to be read now; None where it is not time, or another worker does.

    The first look of all goes back no further than others do: what was texted before this program
    was there is not for it.
    """
    first = {"id": THE_ONLY_ONE, "read_until": now, "next_look_at": now}
    insert_or_ignore(session, InboxLook, [first])
    taken = session.execute(
        update(InboxLook)
        .where(col(InboxLook.next_look_at) <= now)
        .values(next_look_at=now + EVERY)
        .returning(col(InboxLook.read_until))
        .execution_options(synchronize_session=False)
    ).scalar()
    return None if taken is None else max(taken - OVERLAP, now - LONGEST)


def end_look(session: Session, *, began_at: datetime) -> None:
    """All that was on the list then has been taken in."""
    session.exec(
        update(InboxLook)
        .where(col(InboxLook.read_until) < began_at - GRACE)
        .values(read_until=began_at - GRACE)
        .execution_options(synchronize_session=False)
    )


def missed(
    session: Session, received: Collection[Received], *, now: datetime
) -> Sequence[Received]:
    """Those that nobody has brought us, and that the carrier will hardly bring any more."""
    settled = [each for each in received if each.sent_at <= now - GRACE]
    known: set[str] = set()
    for start in range(0, len(settled), 500):
        sids = [each.sid for each in settled[start : start + 500]]
        known |= set(session.exec(select(Reply.carrier_id).where(col(Reply.carrier_id).in_(sids))))
    return [each for each in settled if each.sid not in known]


def keep(session: Session, text: Received, *, now: datetime) -> int | None:
    """Store one of them, as if it had been brought when it was sent; its id, if it is unread."""
    return inbound.keep(
        session,
        carrier_id=text.sid,
        phone=text.phone,
        body=text.text,
        sent_at=text.sent_at,
        pictures=text.pictures,
        now=now,
    )
