"""All messages about a course: sent, owed, and not sent with the reason. Only reads.

Messages that the outbox has not stored yet are derived by the same functions that it uses. So the
page right after booking and the messages that go out later cannot differ.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment, Course
from scheduler.patients.models import Patient
from scheduler.reminders.models import Message, MessageState, ReminderRule
from scheduler.reminders.outbox import obstacles, outbox
from scheduler.reminders.outbox.outbox import DesiredMessage
from scheduler.reminders.schedule import types
from scheduler.storage.database import stored_id


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One message. Instants are aware, UTC. `text` may contain `{link}` or `{code}`."""

    id: int | None
    """None: not stored yet"""
    kind: str
    anchor: str | None
    """what the rule counts from; None for a message that no rule derives"""
    offset_minutes: int
    which: str
    text: str
    state: MessageState
    reason: str
    """why it was not sent"""
    gave_way_to: str
    due_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    appointment_id: int | None
    number: int | None
    """of the appointment, within its course"""

    @property
    def gives_way(self) -> bool:
        """Whether the limits suppress it, or another message that is more useful."""
        is_suppressed = self.state == MessageState.WITHDRAWN
        return is_suppressed and self.gave_way_to != ""


def timeline(session: Session, course: Course, *, now: datetime) -> list[TimelineEntry]:
    """The messages about a course, by the time they were sent or are due."""
    numbers = _numbers(session, course)
    return sorted(
        _entries(session, course, numbers, now),
        key=lambda entry: (entry.sent_at or entry.due_at, entry.number or 0, entry.kind),
    )


def _entries(
    session: Session, course: Course, numbers: Mapping[int, int], now: datetime
) -> Iterator[TimelineEntry]:
    phone = session.exec(select(Patient.phone).where(Patient.id == course.patient_id)).one()
    desired = {
        key: message
        for key, message in outbox.desired(session, [phone], now=now).items()
        if message.due.appointment.course_id == str(course.id)
    }
    rows = {
        row.key: row for row in session.exec(select(Message).where(Message.course_id == course.id))
    }
    rules = _rules(session, rows)
    for key, row in rows.items():
        rule = rules.get(row.rule_id or 0)
        if row.state not in outbox.UNDECIDED or row.rule_id is None:
            yield _stored(row, rule, numbers)
        elif key not in desired:
            yield _no_longer_desired(session, row, rule, numbers)
    for key, message in desired.items():
        existing = rows.get(key)
        if existing is not None and outbox.stays_as_it_is(existing, message):
            yield _stored(existing, rules.get(existing.rule_id or 0), numbers)
        elif existing is None or existing.state in outbox.UNDECIDED:
            yield _derived(message, existing, numbers)


def _numbers(session: Session, course: Course) -> dict[int, int]:
    rows = session.exec(
        select(Appointment.id, Appointment.number).where(Appointment.course_id == course.id)
    )
    return {stored_id(appointment_id): number for appointment_id, number in rows}


def _rules(session: Session, rows: Mapping[str, Message]) -> dict[int, ReminderRule]:
    ids = {row.rule_id for row in rows.values()}
    rules = session.exec(select(ReminderRule).where(col(ReminderRule.id).in_(ids)))
    return {stored_id(rule.id): rule for rule in rules}


def _no_longer_desired(
    session: Session, row: Message, rule: ReminderRule | None, numbers: Mapping[int, int]
) -> TimelineEntry:
    """An unsent message as the outbox will store it when it derives the phone next."""
    if row.state != MessageState.OWED:
        return _stored(row, rule, numbers)
    reason = obstacles.of_derived(session, row)
    return _stored(row, rule, numbers, state=MessageState.WITHDRAWN, reason=reason)


def _stored(
    row: Message,
    rule: ReminderRule | None,
    numbers: Mapping[int, int],
    *,
    state: MessageState | None = None,
    reason: str | None = None,
) -> TimelineEntry:
    return _entry(
        rule,
        id=row.id,
        kind=row.kind,
        text=row.text,
        state=state or MessageState(row.state),
        reason=row.reason if reason is None else reason,
        gave_way_to=row.gave_way_to if reason is None else "",
        due_at=row.due_at,
        expires_at=row.expires_at,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        appointment_id=row.appointment_id,
        number=numbers.get(row.appointment_id or 0),
    )


def _derived(
    message: DesiredMessage, row: Message | None, numbers: Mapping[int, int]
) -> TimelineEntry:
    due = message.due
    return _entry(
        due.rule,
        id=row.id if row else None,
        kind=due.rule.kind,
        text=message.text,
        state=message.state,
        reason=message.reason,
        gave_way_to=message.gave_way_to or "",
        due_at=due.due_at,
        expires_at=due.expires_at,
        sent_at=None,
        delivered_at=None,
        appointment_id=message.appointment_id,
        number=numbers.get(message.appointment_id),
    )


def _entry(rule: types.Rule | ReminderRule | None, **columns: Any) -> TimelineEntry:
    return TimelineEntry(
        anchor=rule.anchor if rule else None,
        offset_minutes=rule.offset_minutes if rule else 0,
        which=rule.which if rule else "",
        **columns,
    )
