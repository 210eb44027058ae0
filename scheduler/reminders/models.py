"""The tables of reminder rules, messages, attempts, delivery reports and replies."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import JSON, Field, SQLModel

from scheduler.storage.database import Instant, Versioned
from scheduler.storage.json_columns import JsonOf

THE_ONLY_ROW = 1


class MessageState(StrEnum):
    """The state of a message. SENT: the carrier has accepted it."""

    OWED = "owed"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class MassTextState(StrEnum):
    """The decision of staff about a bulk text."""

    HELD = "held"
    CONFIRMED = "confirmed"
    STOPPED = "stopped"


class ReminderRule(Versioned, table=True):
    """A rule by which a clinic sends messages. `schedule.types.Rule` explains the columns."""

    __tablename__ = "reminder_rules"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    kind: str = Field(max_length=30)
    anchor: str = Field(max_length=10)
    """booked, start, end or change"""
    offset_minutes: int
    """after the anchor; negative before it"""
    which: str = Field(default="all", max_length=10)
    """which appointments of a course"""
    every: int = 1
    """send for every n-th appointment when `which` is every"""
    quiet: str = Field(default="earlier", max_length=10)
    """how quiet hours move the message: earlier, later or ignore"""
    useful_minutes: int
    """when the message expires, in minutes after the anchor; negative before it"""
    priority: int = 0
    always: bool = False
    """exempt from the limits per day and week"""
    asked: bool = False
    """answers something the patient did: does not count, and goes out at any hour"""
    active: bool = True
    templates: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    cases: dict[str, dict[str, str]] = Field(default_factory=dict, sa_type=JSON)
    """templates for special appointments: after a missed one, the last, the first, later ones"""
    holds_from: datetime | None = Field(default=None, sa_type=Instant)
    """messages due before are not sent because of this rule; None: there is no such limit"""
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Message(SQLModel, table=True):
    """A message to a patient: owed, sent, or withdrawn.

    `key` identifies what the message is about (see `message_key`), so that it is never owed twice.
    `text` may contain `{link}` and `{code}`, which are filled in only when it is sent.
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
        Index(
            "ix_messages_phone_code_id",
            "phone_code_id",
            postgresql_where=text("phone_code_id IS NOT NULL"),
            sqlite_where=text("phone_code_id IS NOT NULL"),
        ),
        Index(
            "ix_messages_link_id",
            "link_id",
            postgresql_where=text("link_id IS NOT NULL"),
            sqlite_where=text("link_id IS NOT NULL"),
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
    reply_id: int | None = Field(default=None, foreign_key="replies.id")
    """the reply that the message answers"""
    about: datetime | None = Field(default=None, sa_type=Instant)
    """the start of the appointment that the text gives"""
    phone: str = Field(max_length=20, index=True)
    language: str = Field(default="en", max_length=8)
    text: str = Field(max_length=1600)
    asked: bool = False
    priority: int = 0
    state: str = Field(default=MessageState.OWED, max_length=12)
    reason: str = Field(default="", max_length=300)
    gave_way_to: str = Field(default="", max_length=12, sa_column_kwargs={"server_default": ""})
    """a GaveWayTo if the rules withdrew the message for a limit or another text, else empty"""
    due_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    fence: int = 0
    """grows with each claim, so that a worker whose lease is over cannot settle the message"""
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    worker: str = Field(default="", max_length=40)
    tries: int = 0
    next_look_at: datetime | None = Field(default=None, sa_type=Instant)
    """owed: not retried before; unknown or sent: when the carrier is asked about it"""
    carrier_id: str | None = Field(default=None, max_length=40, index=True)
    error_code: str = Field(default="", max_length=10)
    for_staff: bool = False
    """something went wrong, and no staff member has handled it yet"""
    created_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)

    def conclude(self, state: MessageState, reason: str) -> None:
        """End the claim on a message that is not sent. Staff see all but withdrawn ones."""
        self.state, self.reason, self.leased_until = state, reason, None
        self.for_staff = state != MessageState.WITHDRAWN


class MassText(Versioned, table=True):
    """A bulk text: the notices of one clinic's changes from `begins_at` until before `ends_at`.

    The messages wait until a staff member confirms them.
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
    """the number of recipients that staff confirmed"""
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_by: str = Field(default="", max_length=60)


class CarrierState(SQLModel, table=True):
    """The single row with the rate limit and the circuit breaker that all workers share."""

    __tablename__ = "carrier_line"

    id: int = Field(default=THE_ONLY_ROW, primary_key=True)
    filled_at: float = 0.0
    """until when the rate limit is used up, by the database's clock; see `rate_limit`"""
    failures: int = 0
    """consecutive calls without an answer"""
    shut_until: datetime | None = Field(default=None, sa_type=Instant)
    trouble: str = Field(default="", max_length=300)


class Attempt(SQLModel, table=True):
    """One call to the carrier, recorded before it is made."""

    __tablename__ = "attempts"

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="messages.id", index=True)
    fence: int
    token: str = Field(max_length=32, unique=True)
    """part of the callback address, so that a delivery report names its attempt"""
    began_at: datetime = Field(sa_type=Instant)
    outcome: str = Field(default="", max_length=12)
    """accepted, refused, later, unknown, absent (not on the carrier's list), lapsed (the lease
    ended before the call); empty until the carrier answers"""
    carrier_id: str | None = Field(default=None, max_length=40, index=True)
    error_code: str = Field(default="", max_length=10)


class Receipt(SQLModel, table=True):
    """A delivery report: a status that the carrier reported for a message, stored once."""

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("carrier_id", "status"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="messages.id", index=True)
    carrier_id: str = Field(max_length=40)
    status: str = Field(max_length=20)
    error_code: str = Field(default="", max_length=10)
    at: datetime = Field(sa_type=Instant)


class OfferedChoice(BaseModel):
    """The choice that a question "which session?" offers to a patient."""

    meaning: str = ""
    """the intent that the choice belongs to"""
    sessions: list[tuple[int, datetime]] = []
    """appointment ids and their starts, in the order of their numbers in the text"""
    score: int | None = None
    """the score that the patient gave, if the question is whose it is"""


class Reply(SQLModel, table=True):
    """A message from a patient, by text or from the private page."""

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
    """STOP, START or HELP if the carrier has handled and answered it"""
    pictures: int = 0
    """how many pictures came with it; the carrier keeps them"""
    meaning: str = Field(max_length=20)
    tries: int = 0
    """how often a worker began to read it"""
    next_read_at: datetime | None = Field(default=None, sa_type=Instant)
    """unread: when a worker tries again; None: no more, staff must read it"""
    patient_id: int | None = Field(default=None, foreign_key="patients.id")
    appointment_id: int | None = Field(default=None, foreign_key="appointments.id")
    urgent: bool = False
    for_staff: bool = False
    reason: str = Field(default="", max_length=300)
    """why staff must read it, in sentences"""
    offered: OfferedChoice = Field(default_factory=OfferedChoice, sa_type=JsonOf(OfferedChoice))
    """what a question "which session?" offered"""
    handled_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant, index=True)
    """when the patient sent it, as far as we know"""


class InboxLook(SQLModel, table=True):
    """The single row with the time up to which inbound messages were read from the carrier."""

    __tablename__ = "inbox_looks"

    id: int = Field(default=1, primary_key=True)
    read_until: datetime = Field(sa_type=Instant)
    next_look_at: datetime = Field(sa_type=Instant)
