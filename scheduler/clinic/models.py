"""Clinics, practitioners, rooms and treatments as they are stored."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import JSON, Field, SQLModel

from scheduler.storage.database import Instant, Versioned


class HoursKind(StrEnum):
    """What a stretch of a practitioner's week is."""

    WORK = "work"
    EXTRA = "extra"
    """Work on one date beside the weekly hours"""
    BREAK = "break"


class Clinic(Versioned, table=True):
    """A place with its own time zone, telephone and manners of texting."""

    __tablename__ = "clinics"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120)
    text_name: str = Field(max_length=28)
    """What the clinic is called in texts; a neutral name keeps the kind of care private."""
    timezone: str = Field(max_length=64)
    phone: str = Field(max_length=20)
    emergency_phone: str = Field(max_length=20)
    country: str = Field(max_length=2)
    language: str = Field(default="en", max_length=8)
    quiet_from: str = Field(default="21:00", max_length=5)
    quiet_to: str = Field(default="08:00", max_length=5)
    texts_per_day: int = 1
    texts_per_week: int = 3
    cancel_notice_hours: int = 24
    """A session that a patient cancels later than this before its start is cancelled late."""
    segments_per_text: int = 1
    """how long a reminder may be"""
    segment_price: str = Field(default="", max_length=12)
    """what the carrier takes for one segment, in the clinic's money; nothing: not known"""
    insurance_note: str = Field(default="", max_length=1000)
    waitlist_mode: str = Field(default="one_by_one", max_length=12)
    """how a freed time is offered: one_by_one, first_come (to several at once) or off"""
    waitlist_minutes: int = 30
    """how long an offer runs"""
    waitlist_at_once: int = 5
    """to how many at once, where the first to say yes has it"""
    accent: str = Field(default="", max_length=7)
    """the clinic's colour on the patients' pages, #14574f; nothing: ours"""
    embed_origins: list[str] = Field(default_factory=list, sa_type=JSON)
    """websites that may show the booking form in a frame, https://www.example.org"""
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Calendar(SQLModel, table=True):
    """Whatever cannot be in two places at once: each practitioner, room and patient has one."""

    __tablename__ = "calendars"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)


class Practitioner(Versioned, table=True):
    """Somebody who treats, with a licence. Nobody is booked with them after it expires."""

    __tablename__ = "practitioners"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    calendar_id: int = Field(foreign_key="calendars.id", unique=True)
    name: str = Field(max_length=120)
    license_number: str = Field(max_length=60)
    license_expires_on: date
    max_sessions_per_day: int | None = None
    """Nothing: as many as there is time for"""
    active: bool = True


class Room(Versioned, table=True):
    """A treatment room or bed."""

    __tablename__ = "rooms"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    calendar_id: int = Field(foreign_key="calendars.id", unique=True)
    name: str = Field(max_length=120)
    active: bool = True


class Treatment(Versioned, table=True):
    """A type of course on offer: the shape of one session and the phases of the whole.

    `hands_on`: `[{"from_minute": 0, "to_minute": 12}, ...]`, minutes of the session in which the
    practitioner is needed. `phases`: see `clinic.phases`.
    """

    __tablename__ = "treatments"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    name: str = Field(max_length=120)
    summary: str = Field(default="", max_length=2000)
    source: str = Field(default="", max_length=500)
    minutes: int = 40
    hands_on: list[dict[str, int]] = Field(default_factory=list, sa_type=JSON)
    setup_minutes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How long the room is taken before a session"""
    turnover_minutes: int = 0
    """How long it is taken afterwards"""
    buffer_before_minutes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How long the practitioner is taken before hands are on, each time"""
    buffer_after_minutes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    phases: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    review_after: list[int] = Field(default_factory=list, sa_type=JSON)
    tips: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    start_every_minutes: int = 20
    min_notice_minutes: int = 120
    horizon_days: int = 365
    active: bool = True


class TreatmentPractitioner(SQLModel, table=True):
    """A practitioner gives a treatment."""

    __tablename__ = "treatment_practitioners"

    treatment_id: int = Field(foreign_key="treatments.id", primary_key=True)
    practitioner_id: int = Field(foreign_key="practitioners.id", primary_key=True, index=True)


class TreatmentRoom(SQLModel, table=True):
    """A treatment can be given in a room."""

    __tablename__ = "treatment_rooms"

    treatment_id: int = Field(foreign_key="treatments.id", primary_key=True)
    room_id: int = Field(foreign_key="rooms.id", primary_key=True, index=True)


class WorkingHours(SQLModel, table=True):
    """One stretch of a practitioner's week, in the clinic's wall time; the last day included.

    Weekly work, extra work on one date, or a break: `minutes` in a row without hands on, somewhere
    inside the stretch. One table, so that one look tells when somebody works.
    """

    __tablename__ = "working_hours"

    id: int | None = Field(default=None, primary_key=True)
    practitioner_id: int = Field(foreign_key="practitioners.id", index=True)
    weekday: int
    """0 is Monday."""
    starts: str = Field(max_length=5)
    ends: str = Field(max_length=5)
    valid_from: date | None = None
    valid_to: date | None = None
    kind: str = Field(
        default=HoursKind.WORK, max_length=5, sa_column_kwargs={"server_default": "work"}
    )
    minutes: int | None = None
    """Of a break: how long it is; nothing: as long as the stretch"""


class TimeOff(SQLModel, table=True):
    """A practitioner is away, or a room is out of use: one of the two."""

    __tablename__ = "time_off"
    __table_args__ = (
        CheckConstraint("(practitioner_id IS NULL) <> (room_id IS NULL)", name="of_one"),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    practitioner_id: int | None = Field(default=None, foreign_key="practitioners.id", index=True)
    room_id: int | None = Field(default=None, foreign_key="rooms.id", index=True)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    reason: str = Field(default="", max_length=200)
    series_id: int | None = Field(default=None, index=True)
    """The first one of those that were entered together because they recur"""


class Closure(SQLModel, table=True):
    """The clinic is closed on a day or for part of it; wall time, 00:00 to 00:00 is all of it."""

    __tablename__ = "closures"
    __table_args__ = (UniqueConstraint("clinic_id", "day"),)

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    day: date
    starts: str = Field(default="00:00", max_length=5, sa_column_kwargs={"server_default": "00:00"})
    ends: str = Field(default="00:00", max_length=5, sa_column_kwargs={"server_default": "00:00"})
    reason: str = Field(default="", max_length=200)
    series_id: int | None = Field(default=None, index=True)
    """The first one of those that were entered together as a range of days"""
