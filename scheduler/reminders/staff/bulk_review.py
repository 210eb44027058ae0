"""What staff do about texts to many: look at them, let them go, stop them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select, update

from scheduler.audit import audit_trail, scoped
from scheduler.audit.audit_trail import Actor
from scheduler.clinic.models import Clinic
from scheduler.infra.errors import Conflict
from scheduler.reminders.models import MassText, MassTextState, Message, MessageState
from scheduler.reminders.outbox import bulk_holds, outbox, previews
from scheduler.reminders.outbox.outbox import DesiredMessage
from scheduler.reminders.schedule import due_messages, templating
from scheduler.reminders.schedule.segments import count

SAMPLES = 10

INSTANT = timedelta(microseconds=1)


class NotHeld(Conflict):
    sentence = "These texts do not wait for a confirmation any more."

    slug = "not-held"


class OtherPeople(Conflict):
    sentence = "It is not the same number of people any more. Please look at the preview again."

    slug = "other-people"

    def __init__(self, people: int) -> None:
        super().__init__(f"It would be texted to {people} now. Please look at the preview again.")
        self.people = people


@dataclass(frozen=True)
class Sample:
    """One text as it would be sent; its private link is as long as the real one."""

    kind: str
    language: str
    phone: str
    text: str


@dataclass(frozen=True)
class BulkPreview:
    """What of a batch would go out, were it let go now; `cost` in the clinic's money, if known."""

    people: int
    texts: int
    segments: int
    cost: Decimal | None
    by_kind: dict[str, int]
    by_language: dict[str, int]
    next_session_at: datetime | None
    samples: list[Sample]


def find(session: Session, actor: Actor, batch_id: int, *, lock: bool = False) -> MassText:
    """A batch of one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, MassText, batch_id, lock=lock)


def preview(session: Session, batch: MassText, *, public_url: str, now: datetime) -> BulkPreview:
    """What waits, worked out from the calendar as it is now. Only reads."""
    clinic = session.get_one(Clinic, batch.clinic_id)
    wants = list(_unsent(session, batch, now))
    counted = [count(_read(want, public_url)) for want in wants]
    prices = [previews.cost(each, clinic, 1) for each in counted]
    return BulkPreview(
        people=len({want.phone for want in wants}),
        texts=len(wants),
        segments=sum(each.segments for each in counted),
        cost=sum((price for price in prices if price), Decimal(0))
        if clinic.segment_price
        else None,
        by_kind=dict(Counter(want.owed.rule.kind for want in wants)),
        by_language=dict(Counter(want.owed.visit.language for want in wants)),
        next_session_at=min((want.owed.visit.starts_at for want in wants), default=None),
        samples=_samples(wants, public_url),
    )


def confirm(
    session: Session, actor: Actor, batch: MassText, *, people: int, now: datetime
) -> MassText:
    """Let it go, at the usual pace. OtherPeople if it is another number than was looked at.

    What the clinic changes from now on is no part of it: it is counted anew.
    """
    if batch.state != MassTextState.HELD:
        raise NotHeld
    wants = list(_unsent(session, batch, now))
    if (found := len({want.phone for want in wants})) != people:
        raise OtherPeople(found)
    seen = [want.owed.changed_at for want in wants if want.owed.changed_at]
    batch.ends_at = max(seen, default=batch.begins_at) + INSTANT
    batch.people = people
    _decide(session, actor, batch, MassTextState.CONFIRMED, now=now)
    _write(session, batch, reason="")
    return batch


def stop(session: Session, actor: Actor, batch: MassText, *, now: datetime) -> MassText:
    """Let nothing more of it go out, confirmed or not; what the carrier has, it keeps.

    Stopping it twice changes nothing.
    """
    if batch.state == MassTextState.STOPPED:
        return batch
    if batch.state == MassTextState.HELD:
        batch.ends_at = max(min(batch.ends_at, now), batch.begins_at + INSTANT)
    _decide(session, actor, batch, MassTextState.STOPPED, now=now)
    _write(session, batch, state=MessageState.WITHDRAWN, reason=due_messages.STOPPED)
    return batch


def _decide(
    session: Session, actor: Actor, batch: MassText, state: MassTextState, *, now: datetime
) -> None:
    batch.state, batch.decided_at, batch.decided_by = state, now, f"{actor.kind}:{actor.id}"
    session.add(batch)
    session.flush()
    audit_trail.record(
        session, actor, state, "mass text", batch.id, clinic_id=batch.clinic_id, now=now
    )


def _write(session: Session, batch: MassText, **values: object) -> None:
    """Tell those that wait. Whoever holds one just now reads for themselves what was decided."""
    theirs: ColumnElement[bool] = bulk_holds.messages_of(batch)
    owed = (
        select(Message.id)
        .where(Message.state == MessageState.OWED, theirs)
        .with_for_update(skip_locked=True)
    )
    session.exec(
        update(Message)
        .where(col(Message.id).in_(owed))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _unsent(session: Session, batch: MassText, now: datetime) -> Iterator[DesiredMessage]:
    for phones in outbox.in_batches(bulk_holds.phones_of(session, batch)):
        for want in outbox.wanted(session, phones, now=now).values():
            if (
                want.clinic_id == batch.clinic_id
                and want.state == MessageState.OWED
                and bulk_holds.covering([batch], want.owed.changed_at)
            ):
                yield want


def _samples(wants: list[DesiredMessage], public_url: str) -> list[Sample]:
    """A few of them: one of each kind and language first."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for want in wants:
        sort = (want.owed.rule.kind, want.owed.visit.language)
        ranked.append((seen[sort], want))
        seen[sort] += 1
    ranked.sort(key=lambda each: each[0])
    return [
        Sample(want.owed.rule.kind, want.owed.visit.language, want.phone, _read(want, public_url))
        for _, want in ranked[:SAMPLES]
    ]


def _read(want: DesiredMessage, public_url: str) -> str:
    return templating.reveal(want.text, link=f"{public_url}/my/{previews.TOKEN}")
