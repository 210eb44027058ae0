"""Keeps the stored messages in step with the calendar.

No booking, move or cancellation notifies the outbox. Which messages are due to a phone is derived
from the calendar and compared with the stored rows: a missing message is inserted, an outdated one
is withdrawn. The same comparison runs once more right before a message is sent.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlalchemy import text as sql
from sqlmodel import Session, col, or_, select, update

from scheduler.booking.models import Appointment
from scheduler.patients.models import Patient
from scheduler.reminders import message_key, reasons
from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.models import Message, MessageState, ReminderRule
from scheduler.reminders.outbox import (
    bulk_holds,
    clinic_rules,
    message_text,
    obstacles,
    recipients,
    resends,
)
from scheduler.reminders.reasons import GAVE_WAY_TO, GaveWayTo, Reason
from scheduler.reminders.schedule.types import Decision, DueMessage
from scheduler.storage.database import stored_id
from scheduler.storage.inserts import insert_or_ignore

PHONES_PER_BATCH = 50
"""Phones derived in one transaction: enough to be quick, few enough that other writers get in."""

STATE_OF_DECISION = {
    Decision.SEND: MessageState.OWED,
    Decision.HELD: MessageState.OWED,
    Decision.SUPPRESSED: MessageState.WITHDRAWN,
    Decision.EXPIRED: MessageState.EXPIRED,
}

UNDECIDED = {MessageState.OWED, MessageState.WITHDRAWN, MessageState.EXPIRED}
"""Messages that were not sent and are not being sent. They follow the calendar."""

OBSTACLES = {Reason.NOT_TEXTABLE, Reason.OPTED_OUT, Reason.NO_CONSENT}
"""Reasons why a patient may not be texted. Staff must call about a change."""

CALL_WITHIN = timedelta(days=1)
"""How long after the start of an appointment a call about its change still begins to wait."""

NOT_SENT = {MessageState.WITHDRAWN, MessageState.EXPIRED}


@dataclass(frozen=True)
class DesiredMessage:
    """A message as the calendar requires it now, with its phone and text."""

    phone: str
    clinic_id: int
    due: DueMessage
    text: str
    reason: str
    """the sentence for staff if it is not sent, else empty"""

    @property
    def appointment_id(self) -> int:
        """The appointment that the message is about."""
        return int(self.due.appointment.appointment_id)

    @property
    def state(self) -> MessageState:
        """The state of the row while the message is unsent."""
        return STATE_OF_DECISION[self.due.decision]

    @property
    def gave_way_to(self) -> GaveWayTo | None:
        """The limit or text that suppresses the message."""
        return GAVE_WAY_TO.get(self.due.reason) if self.due.reason else None

    def needs_call(self, now: datetime) -> bool:
        """Whether staff must call, because no text can report a move or a cancellation."""
        if not self.due.rule.reports_time or self.state not in NOT_SENT:
            return False
        cannot_be_texted = self.due.reason in OBSTACLES or self.state == MessageState.EXPIRED
        return cannot_be_texted and self.due.appointment.starts_at > now - CALL_WITHIN

    def values(self) -> dict[str, Any]:
        """The columns of an unsent message that follow the calendar."""
        rule, appointment = self.due.rule, self.due.appointment
        return {
            "phone": self.phone,
            "language": appointment.language,
            "text": self.text,
            "about": appointment.starts_at,
            "appointment_id": self.appointment_id,
            "asked": rule.asked,
            "priority": rule.priority,
            "state": self.state,
            "reason": self.reason,
            "gave_way_to": self.gave_way_to or "",
            "due_at": self.due.due_at,
            "expires_at": self.due.expires_at,
        }


def desired(
    session: Session, phones: Collection[str], *, now: datetime
) -> dict[str, DesiredMessage]:
    """By key, every message for these phones, with the decision about each. Only reads.

    If a message went to another phone, which staff have corrected since, the message to the new
    phone gets a key of its own.
    """
    pending_resends = resends.pending(session, phones)
    messages = [
        _desired(recipient, due)
        for recipient in recipients.gather(session, phones, now=now, resent=pending_resends)
        for due in recipient.due_messages(now)
    ]
    sent_to = _phones_by_sent_key(session, [message.due.key for message in messages])
    return {_key(message, sent_to, pending_resends): message for message in messages}


def _desired(recipient: recipients.Recipient, due: DueMessage) -> DesiredMessage:
    clinic = recipient.clinic
    reason = due.reason and reasons.sentence(
        due.reason,
        per_day=clinic.texts_per_day,
        per_week=clinic.texts_per_week,
        expires_at=due.expires_at.astimezone(ZoneInfo(clinic.timezone)),
    )
    text = message_text.of_due_message(clinic, due)
    return DesiredMessage(recipient.phone, stored_id(clinic.id), due, text, reason or "")


def _key(
    message: DesiredMessage,
    sent_to: Mapping[str, str],
    pending_resends: Mapping[tuple[str, str], MessageKey],
) -> MessageKey:
    key = message.due.key
    if sent_to.get(key, message.phone) != message.phone:
        key = message_key.for_phone(key, message.phone)
    return pending_resends.get((message.phone, key), key)


def _phones_by_sent_key(session: Session, keys: Collection[str]) -> dict[str, str]:
    """By key, the phone that a message was sent to or is being sent to."""
    rows = session.exec(
        select(Message.key, Message.phone).where(
            col(Message.key).in_(keys), col(Message.state).not_in(UNDECIDED)
        )
    )
    return dict(rows.all())


def derive(
    session: Session, phones: Collection[str], *, now: datetime
) -> dict[str, DesiredMessage]:
    """Bring the messages of these phones in step with the calendar. Returns the desired ones."""
    take_turn(session, phones)
    clinic_ids = session.exec(
        select(Patient.clinic_id).where(col(Patient.phone).in_(phones)).distinct()
    ).all()
    clinic_rules.settle(session, clinic_ids, now=now)
    messages = desired(session, phones, now=now)
    if bulk_holds.watch(session, _changes_to_report(messages), now=now):
        messages = desired(session, phones, now=now)
    rows = _rows(session, phones, messages)
    for row in rows:
        if row.key in messages:
            _follow(row, messages[row.key], now)
        elif row.state == MessageState.OWED:
            row.state, row.reason = MessageState.WITHDRAWN, obstacles.of_derived(session, row)
            row.for_staff = False
        elif row.state in NOT_SENT and row.about is not None and row.about > now:
            row.for_staff = False  # the change was taken back or replaced
        session.add(row)
    session.flush()
    _insert(session, messages, existing={row.key for row in rows}, now=now)
    return messages


def _changes_to_report(messages: Mapping[str, DesiredMessage]) -> list[tuple[int, datetime]]:
    """The clinics and instants of the changes that notices would report now."""
    return [
        (message.clinic_id, message.due.changed_at)
        for message in messages.values()
        if message.due.decision == Decision.SEND and message.due.changed_at is not None
    ]


def next_phones(session: Session, *, now: datetime, after: str = "") -> Sequence[str]:
    """The next batch of phones with recent appointments, in order, after a phone. Only reads.

    Deriving all of them finds changes that no row announces: new zone data, rows restored by hand.
    """
    recent = select(Appointment.patient_id).where(Appointment.ends_at > now - recipients.LOOK_BACK)
    return session.exec(
        select(Patient.phone)
        .where(col(Patient.id).in_(recent), Patient.phone > after)
        .distinct()
        .order_by(Patient.phone)
        .limit(PHONES_PER_BATCH)
    ).all()


def in_batches(phones: Collection[str]) -> Iterator[list[str]]:
    """The phones, in batches for one transaction each."""
    rest = iter(sorted(phones))
    while batch := list(islice(rest, PHONES_PER_BATCH)):
        yield batch


def take_turn(session: Session, phones: Collection[str]) -> None:
    """Wait until no other transaction derives or sends for these phones. Holds until the commit.

    Otherwise two workers could each find the limits unused and send to the same phone.
    """
    if session.get_bind().dialect.name != "postgresql":
        return  # SQLite has one writer at a time
    session.execute(
        sql(
            "SELECT pg_advisory_xact_lock(place) FROM (SELECT DISTINCT hashtextextended(phone, 0)"
            " AS place FROM unnest(CAST(:phones AS text[])) AS phone ORDER BY place) AS places"
        ),
        {"phones": list(phones)},
    )


def _rows(session: Session, phones: Collection[str], keys: Collection[str]) -> Sequence[Message]:
    """The derived messages that may have to change, locked, with the calls about changes."""
    is_call = col(Message.for_staff) & col(Message.state).in_(NOT_SENT) & is_news()
    return session.exec(
        select(Message)
        .where(
            col(Message.rule_id).is_not(None),
            or_(
                col(Message.key).in_(keys),
                col(Message.phone).in_(phones)
                & or_(col(Message.state) == MessageState.OWED, is_call),
            ),
        )
        .order_by(col(Message.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def is_news() -> ColumnElement[bool]:
    """Whether a row of `messages` reports that the clinic moved or cancelled an appointment."""
    rules = select(ReminderRule.id).where(
        ReminderRule.anchor == "change", col(ReminderRule.which).in_(["moved", "cancelled"])
    )
    # Most answers have no rule, and NOT (NULL IN ...) would leave them out.
    return col(Message.rule_id).is_not(None) & col(Message.rule_id).in_(rules)


def _follow(row: Message, desired_message: DesiredMessage, now: datetime) -> None:
    """Update an unsent message. One that is being sent belongs to its sender."""
    if row.state not in UNDECIDED or stays_as_it_is(row, desired_message):
        return
    state = desired_message.state
    if state == MessageState.OWED and row.expires_at <= now < desired_message.due.expires_at:
        row.next_look_at = None
    if row.state == MessageState.OWED and state == MessageState.EXPIRED:
        row.for_staff = True  # it should have been sent, and was not
    elif row.state != state and desired_message.needs_call(now):
        row.for_staff = True
    elif state == MessageState.OWED and row.state != MessageState.OWED:
        row.for_staff = False
    for name, value in desired_message.values().items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def stays_as_it_is(row: Message, desired_message: DesiredMessage) -> bool:
    """Whether a message expired after it was decided not to send it: the first reason stays."""
    return desired_message.state == MessageState.EXPIRED and row.state in NOT_SENT


def _insert(
    session: Session,
    messages: Mapping[str, DesiredMessage],
    *,
    existing: Collection[str],
    now: datetime,
) -> None:
    rows = [
        {
            "key": key,
            "clinic_id": message.clinic_id,
            "kind": message.due.rule.kind,
            "rule_id": int(message.due.rule.id),
            "course_id": int(message.due.appointment.course_id),
            "patient_id": int(message.due.appointment.patient_id),
            "created_at": now,
            "for_staff": message.needs_call(now),
            **message.values(),
        }
        for key, message in messages.items()
        if key not in existing
    ]
    insert_or_ignore(session, Message, rows)


def withdraw_after_opt_out(
    session: Session, phone: str, *, except_kinds: Collection[str], now: datetime
) -> None:
    """Withdraw at once the messages owed to a phone that opted out, except some kinds."""
    derive(session, [phone], now=now)
    session.exec(
        update(Message)
        .where(
            col(Message.phone) == phone,
            col(Message.state) == MessageState.OWED,
            col(Message.kind).not_in(except_kinds),
        )
        .values(state=MessageState.WITHDRAWN, reason=Reason.OPTED_OUT)
        .execution_options(synchronize_session=False)
    )
