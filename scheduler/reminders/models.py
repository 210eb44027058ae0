"""Rules, messages, attempts, receipts and replies as they are stored."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import JSON, Field, SQLModel

from scheduler.storage.database import Instant, Versioned

THE_ONLY_LINE = 1


class MessageState(StrEnum):
    """Where a message stands. `sent`: the carrier has taken it."""

    OWED = "owed"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class MassTextState(StrEnum):
    """What staff have decided about texts to many."""

    HELD = "held"
    CONFIRMED = "confirmed"
    STOPPED = "stopped"


class ReminderRule(Versioned, table=True):
    """What is texted, around what, and in which words."""

    __tablename__ = "reminder_rules"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    kind: str = Field(max_length=30)
    anchor: str = Field(max_length=10)
    """booked, start, end or change"""
    offset_minutes: int
    """after the anchor; negative: before it"""
    which: str = Field(default="all", max_length=10)
    """which session of a course: see `facts.Rule`"""
    every: int = 1
    """which session it is for where `which` is every: each so many-th"""
    quiet: str = Field(default="earlier", max_length=10)
    """how quiet hours move it: earlier, later or ignore"""
    useful_minutes: int
    """the last useful moment, in minutes after the anchor; negative: before it"""
    priority: int = 0
    always: bool = False
    """never gives way to the limit of texts per day and week"""
    asked: bool = False
    """answers something the patient just did: not counted, and sent at any hour"""
    active: bool = True
    templates: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    cases: dict[str, dict[str, str]] = Field(default_factory=dict, sa_type=JSON)
    """templates for special sessions: missed (the one before), last, first, later"""
    holds_from: datetime | None = Field(default=None, sa_type=Instant)
    """what was due before is not sent because of it; nothing: it held from the beginning"""
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Message(SQLModel, table=True):
    """A text that is owed, was sent, or no longer holds.

    `key` says what it is about, so that the same text is never owed twice. `text` may hold the
    marks `{link}` and `{code}`, which are filled in only when it is sent.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint(
            "state IN ('owed', 'sending', 'unknown', 'sent', 'delivered', 'failed', 'withdrawn',"
            " 'expired')",
            name="state",
        ),
        Index(
            "ix_messages_due",
            "due_at",
            postgresql_where=text("state = 'owed'"),
            sqlite_where=text("state = 'owed'"),
        ),
        Index(
            "ix_messages_leased",
            "leased_until",
            postgresql_where=text("state = 'sending'"),
            sqlite_where=text("state = 'sending'"),
        ),
        Index(
            "ix_messages_open",
            "next_look_at",
            postgresql_where=text("state IN ('unknown', 'sent')"),
            sqlite_where=text("state IN ('unknown', 'sent')"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    key: str = Field(max_length=120)
    kind: str = Field(max_length=30)
    rule_id: int | None = Field(default=None, foreign_key="reminder_rules.id")
    course_id: int | None = Field(default=None, foreign_key="courses.id", index=True)
    appointment_id: int | None = Field(default=None, foreign_key="appointments.id", index=True)
    patient_id: int | None = Field(default=None, foreign_key="patients.id")
    phone_code_id: int | None = Field(default=None, foreign_key="phone_codes.id")
    link_id: int | None = Field(default=None, foreign_key="links.id")
    about: datetime | None = Field(default=None, sa_type=Instant)
    """the appointment's start that the text speaks of"""
    phone: str = Field(max_length=20, index=True)
    language: str = Field(default="en", max_length=8)
    text: str = Field(max_length=1600)
    asked: bool = False
    priority: int = 0
    state: str = Field(default=MessageState.OWED, max_length=12)
    reason: str = Field(default="", max_length=300)
    due_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    fence: int = 0
    """grows with each claim, so that a worker that slept too long cannot settle"""
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    worker: str = Field(default="", max_length=40)
    tries: int = 0
    next_look_at: datetime | None = Field(default=None, sa_type=Instant)
    """owed: not tried again before; unknown or sent: when the carrier is asked what became of it"""
    carrier_id: str | None = Field(default=None, max_length=40, index=True)
    error_code: str = Field(default="", max_length=10)
    for_staff: bool = False
    """did not go as it should, and nobody has taken care of it yet"""
    created_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)

    def conclude(self, state: MessageState, reason: str) -> None:
        """End the claim on a message that is not sent. Staff see all but withdrawn ones."""
        self.state, self.reason, self.leased_until = state, reason, None
        self.for_staff = state != MessageState.WITHDRAWN


class MassText(Versioned, table=True):
    """News to too many people at once: changes of one clinic from `begins_at` to before `ends_at`.

    Their texts wait until somebody of the staff lets them go.
    """

    __tablename__ = "mass_texts"
    __table_args__ = (
        CheckConstraint("state IN ('held', 'confirmed', 'stopped')", name="state"),
        CheckConstraint("ends_at > begins_at", name="ends_later"),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    state: str = Field(default=MassTextState.HELD, max_length=12)
    begins_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    opened_at: datetime = Field(sa_type=Instant)
    people: int | None = None
    """how many it was confirmed for"""
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_by: str = Field(default="", max_length=60)


class CarrierState(SQLModel, table=True):
    """The one row that tells all workers how fast the carrier is called, and whether it answers."""

    __tablename__ = "carrier_line"

    id: int = Field(default=THE_ONLY_LINE, primary_key=True)
    filled_at: float = 0.0
    """what the pace has left, by the database's clock; see `pace`"""
    failures: int = 0
    """calls in a row that came to nothing"""
    shut_until: datetime | None = Field(default=None, sa_type=Instant)
    trouble: str = Field(default="", max_length=300)


class Attempt(SQLModel, table=True):
    """One call to the carrier, written down before it is made."""

    __tablename__ = "attempts"

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="messages.id", index=True)
    fence: int
    token: str = Field(max_length=32, unique=True)
    """stands in the receipt's address, so that a receipt tells which attempt it is about"""
    began_at: datetime = Field(sa_type=Instant)
    outcome: str = Field(default="", max_length=12)
    """accepted, refused, later, unknown, absent (not on the carrier's list), lapsed (too late to
    call); empty while the carrier has not answered"""
    carrier_id: str | None = Field(default=None, max_length=40, index=True)
    error_code: str = Field(default="", max_length=10)


class Receipt(SQLModel, table=True):
    """What the carrier said of a message, once for each thing said."""

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("carrier_id", "status"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="messages.id", index=True)
    carrier_id: str = Field(max_length=40)
    status: str = Field(max_length=20)
    error_code: str = Field(default="", max_length=10)
    at: datetime = Field(sa_type=Instant)


class Reply(SQLModel, table=True):
    """What somebody texted to us."""

    __tablename__ = "replies"
    __table_args__ = (
        Index(
            "ix_replies_unread",
            "next_read_at",
            postgresql_where=text("meaning = 'unread'"),
            sqlite_where=text("meaning = 'unread'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int | None = Field(default=None, foreign_key="clinics.id", index=True)
    carrier_id: str = Field(max_length=40, unique=True)
    phone: str = Field(max_length=20, index=True)
    body: str = Field(max_length=1600)
    carrier_did: str = Field(default="", max_length=10)
    """STOP, START or HELP, where the carrier has acted on it and answered"""
    pictures: int = 0
    """how many came with it; they are at the carrier"""
    meaning: str = Field(max_length=20)
    tries: int = 0
    """how often somebody began to read it"""
    next_read_at: datetime | None = Field(default=None, sa_type=Instant)
    """unread: when it is read again; nothing: no more, people have to"""
    patient_id: int | None = Field(default=None, foreign_key="patients.id")
    appointment_id: int | None = Field(default=None, foreign_key="appointments.id")
    urgent: bool = False
    for_staff: bool = False
    reason: str = Field(default="", max_length=300)
    """why it is before staff, in sentences"""
    offered: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """where we asked which session is meant: what for (`meaning`, `score`), and the `sessions` in
    the order of their numbers, each with its start"""
    handled_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant, index=True)
    """when it was sent, as far as we know"""


class InboxLook(SQLModel, table=True):
    """The one row that says up to when the carrier's list was read for texts to us."""

    __tablename__ = "inbox_looks"

    id: int = Field(default=1, primary_key=True)
    read_until: datetime = Field(sa_type=Instant)
    next_look_at: datetime = Field(sa_type=Instant)
