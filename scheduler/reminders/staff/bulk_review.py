"""Preview, confirmation and stop of bulk texts by staff."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select, update

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.clinic.models import Clinic
from scheduler.infra.errors import Conflict
from scheduler.reminders.models import MassText, MassTextState, Message, MessageState
from scheduler.reminders.outbox import bulk_holds, outbox, previews
from scheduler.reminders.outbox.outbox import DesiredMessage
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.segments import count

MOST_SAMPLES = 10

INSTANT = timedelta(microseconds=1)


class NotHeld(Conflict):
    sentence = "This bulk text no longer waits for confirmation. Read it again to see its state."

    slug = "not-held"


class OtherPeople(Conflict):
    sentence = (
        "The number of people has changed. Read the preview again, then confirm the new number."
    )

    slug = "other-people"

    def __init__(self, people: int) -> None:
        super().__init__(
            f"The texts would now go to {people} people."
            " Read the preview again, then confirm this number."
        )
        self.people = people


@dataclass(frozen=True)
class Sample:
    """One text as it would be sent. Its private link is as long as a real one."""

    kind: str
    language: str
    phone: str
    text: str


@dataclass(frozen=True)
class BulkPreview:
    """The result of a confirmation made now; `cost` in the clinic's currency, if known."""

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
    """The preview of a batch, derived from the present calendar. Only reads."""
    clinic = session.get_one(Clinic, batch.clinic_id)
    desired = list(_unsent(session, batch, now))
    counted = [count(_read(message, public_url)) for message in desired]
    prices = [previews.cost(size, clinic, 1) for size in counted]
    return BulkPreview(
        people=len({message.phone for message in desired}),
        texts=len(desired),
        segments=sum(size.segments for size in counted),
        cost=sum((price for price in prices if price), Decimal(0))
        if clinic.segment_price
        else None,
        by_kind=dict(Counter(message.due.rule.kind for message in desired)),
        by_language=dict(Counter(message.due.appointment.language for message in desired)),
        next_session_at=min(
            (message.due.appointment.starts_at for message in desired), default=None
        ),
        samples=_samples(desired, public_url),
    )


def confirm(
    session: Session, actor: Actor, batch: MassText, *, people: int, now: datetime
) -> MassText:
    """Release a batch at the usual rate. Raises OtherPeople if `people` differs from the preview.

    Later changes of the clinic do not belong to the batch. They are counted again.
    """
    if batch.state != MassTextState.HELD:
        raise NotHeld
    desired = list(_unsent(session, batch, now))
    if (found := len({message.phone for message in desired})) != people:
        raise OtherPeople(found)
    seen = [message.due.changed_at for message in desired if message.due.changed_at]
    batch.ends_at = max(seen, default=batch.begins_at) + INSTANT
    batch.people = people
    _decide(session, actor, batch, MassTextState.CONFIRMED, now=now)
    _write(session, batch, reason="")
    return batch


def stop(session: Session, actor: Actor, batch: MassText, *, now: datetime) -> MassText:
    """Stop a batch, confirmed or not. Messages that the carrier has already are not recalled.

    Stopping it twice changes nothing.
    """
    if batch.state == MassTextState.STOPPED:
        return batch
    if batch.state == MassTextState.HELD:
        batch.ends_at = max(min(batch.ends_at, now), batch.begins_at + INSTANT)
    _decide(session, actor, batch, MassTextState.STOPPED, now=now)
    _write(session, batch, state=MessageState.WITHDRAWN, reason=Reason.STOPPED_BY_STAFF)
    return batch


def _decide(
    session: Session, actor: Actor, batch: MassText, state: MassTextState, *, now: datetime
) -> None:
    batch.state, batch.decided_at, batch.decided_by = state, now, f"{actor.kind}:{actor.id}"
    session.add(batch)
    session.flush()
    audit_trail.record(
        session, actor, Action(state), "mass text", batch.id, clinic_id=batch.clinic_id, now=now
    )


def _write(session: Session, batch: MassText, **values: object) -> None:
    """Update the waiting messages. A worker that holds one checks the decision before sending."""
    of_batch: ColumnElement[bool] = bulk_holds.messages_of(batch)
    owed = (
        select(Message.id)
        .where(Message.state == MessageState.OWED, of_batch)
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
        for message in outbox.desired(session, phones, now=now).values():
            if (
                message.clinic_id == batch.clinic_id
                and message.state == MessageState.OWED
                and bulk_holds.covering([batch], message.due.changed_at)
            ):
                yield message


def _samples(desired: list[DesiredMessage], public_url: str) -> list[Sample]:
    """Some of the texts, first one of each kind and language."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for message in desired:
        sort = (message.due.rule.kind, message.due.appointment.language)
        ranked.append((seen[sort], message))
        seen[sort] += 1
    ranked.sort(key=lambda rank_and_message: rank_and_message[0])
    return [
        Sample(
            message.due.rule.kind,
            message.due.appointment.language,
            message.phone,
            _read(message, public_url),
        )
        for _, message in ranked[:MOST_SAMPLES]
    ]


def _read(message: DesiredMessage, public_url: str) -> str:
    return templating.reveal(message.text, link=f"{public_url}/my/{previews.TOKEN}")
