"""The open work of a clinic by kind: the list that staff look at first in the morning."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session, SQLModel, col, func, select

from scheduler.audit.audit_trail import Actor
from scheduler.booking.models import Course, CourseState
from scheduler.progress import reviews
from scheduler.reminders.models import MassText, MassTextState, Message, Reply
from scheduler.reminders.outbox import outbox

Kind = Literal["urgent_reply", "mass_text", "call", "reply", "text", "clearance", "review"]


@dataclass(frozen=True)
class OpenItem:
    """How many items of one kind wait at a clinic, the oldest `since` an aware instant."""

    clinic_id: int
    kind: Kind
    count: int
    since: datetime


def waiting(session: Session, actor: Actor, *, now: datetime) -> list[OpenItem]:
    """The open items at the actor's clinics, by clinic, the most urgent kind first.

    The kinds in order: urgent replies, bulk texts that need a confirmation, patients to call
    because no text reports a change to them, other replies, other texts that failed, courses that
    wait for clearance, and open reviews.
    """
    items = (
        *_counted(session, actor, "urgent_reply", Reply, Reply.at, *_UNREAD, col(Reply.urgent)),
        *_counted(session, actor, "mass_text", MassText, MassText.opened_at, _HELD),
        *_counted(session, actor, "call", Message, Message.due_at, *_FAILED, outbox.is_news()),
        *_counted(session, actor, "reply", Reply, Reply.at, *_UNREAD, ~col(Reply.urgent)),
        *_counted(session, actor, "text", Message, Message.due_at, *_FAILED, ~outbox.is_news()),
        *_counted(session, actor, "clearance", Course, Course.booked_at, _UNCLEARED),
        *_reviews(session, actor, now),
    )
    return sorted(items, key=lambda item: item.clinic_id)


def news_held(session: Session) -> str:
    """A sentence for operators if bulk texts wait for a confirmation at any clinic, else empty."""
    count, since = session.exec(
        select(func.count(), func.min(MassText.opened_at)).where(_HELD)
    ).one()
    if not count:
        return ""
    return (
        f"Bulk texts wait for a confirmation ({count}), the first since {since:%Y-%m-%d %H:%M} UTC."
    )


_UNREAD = (col(Reply.for_staff), col(Reply.handled_at).is_(None))
_FAILED = (col(Message.for_staff),)
_HELD = col(MassText.state) == MassTextState.HELD
_UNCLEARED = col(Course.state) == CourseState.NEEDS_CLEARANCE


def _counted(
    session: Session,
    actor: Actor,
    kind: Kind,
    table: type[SQLModel],
    since: Any,
    *where: Any,
) -> Iterator[OpenItem]:
    clinic_id: Any = col(table.clinic_id)  # type: ignore[attr-defined]
    rows = session.execute(
        select(clinic_id, func.count(), func.min(since))
        .where(clinic_id.is_not(None), actor.scope(clinic_id), *where)
        .group_by(clinic_id)
    )
    for clinic, count, first in rows:
        yield OpenItem(clinic, kind, count, first)


def _reviews(session: Session, actor: Actor, now: datetime) -> Iterator[OpenItem]:
    since: dict[int, list[datetime]] = {}
    for review in reviews.open_ones(session, actor, now=now):
        since.setdefault(review.clinic_id, []).append(review.due_at)
    for clinic_id, instants in since.items():
        yield OpenItem(clinic_id, "review", len(instants), min(instants))
