"""Tables of clinics, practitioners, rooms, treatments, hours and absences."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator
from sqlalchemy import CheckConstraint
from sqlmodel import JSON, Field, SQLModel

from scheduler.clinic import phases
from scheduler.clinic.phases import Phase
from scheduler.storage.database import IDS_ARE_NEVER_REUSED, Instant, Versioned
from scheduler.storage.json_columns import JsonOf, StoredValue

StoredPhase = Annotated[
    Phase, PlainValidator(phases.from_json), PlainSerializer(phases.to_json, return_type=dict)
]
"""A phase in a JSON column: in the form that `phases.to_json` writes."""


class HandsOn(StoredValue):
    """Minutes of a session, counted from its start and half-open, that need the practitioner."""

    from_minute: int
    to_minute: int


class HoursKind(StrEnum):
    """The kind of a row of working hours."""

    WORK = "work"
    EXTRA = "extra"
    """Work on one date in addition to the weekly hours."""
    BREAK = "break"


class Clinic(Versioned, table=True):
    """A place with its own time zone, phone numbers and settings for texts."""

    __tablename__ = "clinics"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120)
    text_name: str = Field(max_length=28)
    """The name in texts. A neutral name keeps the kind of care private."""
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
    """A patient who cancels with less notice cancels late."""
    segments_per_text: int = 1
    """The maximum length of a reminder, in SMS segments."""
    segment_price: str = Field(default="", max_length=12)
    """The carrier's price per segment, in the clinic's currency; empty if unknown."""
    insurance_note: str = Field(default="", max_length=1000)
    waitlist_mode: str = Field(default="one_by_one", max_length=12)
    """How a free time is offered: one_by_one, first_come (to several at once) or off."""
    waitlist_minutes: int = 30
    """How long an offer is valid."""
    waitlist_at_once: int = 5
    """The number of patients who get the offer at once in mode first_come."""
    accent: str = Field(default="", max_length=7)
    """The clinic's color on patient pages, such as #14574f; empty for the default color."""
    embed_origins: list[str] = Field(default_factory=list, sa_type=JSON)
    """Websites that may frame the booking form, such as https://www.example.org."""
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Calendar(SQLModel, table=True):
    """Groups diary entries that must not overlap: one per practitioner, room and patient."""

    __tablename__ = "calendars"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)


class Practitioner(Versioned, table=True):
    """A practitioner with a license. No session can be booked after it expires."""

    __tablename__ = "practitioners"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    calendar_id: int = Field(foreign_key="calendars.id", unique=True)
    name: str = Field(max_length=120)
    license_number: str = Field(max_length=60)
    license_expires_on: date
    max_sessions_per_day: int | None = None
    """None: no limit."""
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
    """A type of course: how one session runs, and the phases of the course.

    `hands_on`: the minutes of a session in which the practitioner is busy.
    """

    __tablename__ = "treatments"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    name: str = Field(max_length=120)
    summary: str = Field(default="", max_length=2000)
    source: str = Field(default="", max_length=500)
    minutes: int = 40
    hands_on: list[HandsOn] = Field(default_factory=list, sa_type=JsonOf(list[HandsOn]))
    setup_minutes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How long the room is occupied before a session."""
    turnover_minutes: int = 0
    """How long the room is occupied after a session."""
    buffer_before_minutes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How long the practitioner is busy before each hands-on stretch; likewise after it."""
    buffer_after_minutes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    phases: list[Phase] = Field(default_factory=list, sa_type=JsonOf(list[StoredPhase]))
    review_after: list[int] = Field(default_factory=list, sa_type=JSON)
    tips: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    start_every_minutes: int = 20
    min_notice_minutes: int = 120
    horizon_days: int = 365
    active: bool = True


class TreatmentPractitioner(SQLModel, table=True):
    """A practitioner who gives a treatment."""

    __tablename__ = "treatment_practitioners"

    treatment_id: int = Field(foreign_key="treatments.id", primary_key=True)
    practitioner_id: int = Field(foreign_key="practitioners.id", primary_key=True, index=True)


class TreatmentRoom(SQLModel, table=True):
    """A room in which a treatment can be given."""

    __tablename__ = "treatment_rooms"

    treatment_id: int = Field(foreign_key="treatments.id", primary_key=True)
    room_id: int = Field(foreign_key="rooms.id", primary_key=True, index=True)


class WorkingHours(SQLModel, table=True):
    """One stretch of a practitioner's week, in the clinic's wall time; `valid_to` is included.

    Weekly work, extra work on one date, or a break: `minutes` in a row without hands-on work, at
    any time inside the stretch. One table, so that one query finds when a practitioner works.
    """

    __tablename__ = "working_hours"
    __table_args__ = IDS_ARE_NEVER_REUSED

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
    """The length of a break. None: as long as the stretch."""


class TimeOff(Versioned, table=True):
    """An absence of a practitioner, or a time in which a room is out of use."""

    __tablename__ = "time_off"
    __table_args__ = (
        CheckConstraint("(practitioner_id IS NULL) <> (room_id IS NULL)", name="of_one"),
        IDS_ARE_NEVER_REUSED,
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    practitioner_id: int | None = Field(default=None, foreign_key="practitioners.id", index=True)
    room_id: int | None = Field(default=None, foreign_key="rooms.id", index=True)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    reason: str = Field(default="", max_length=200)
    series_id: int | None = Field(default=None, index=True)
    """The id of the first absence of a recurring series."""


class Closure(SQLModel, table=True):
    """The clinic is closed on a day or part of it. Wall time; 00:00 to 00:00 is the whole day."""

    __tablename__ = "closures"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    day: date
    starts: str = Field(default="00:00", max_length=5, sa_column_kwargs={"server_default": "00:00"})
    ends: str = Field(default="00:00", max_length=5, sa_column_kwargs={"server_default": "00:00"})
    reason: str = Field(default="", max_length=200)
    series_id: int | None = Field(default=None, index=True)
    """The id of the first closure that was entered with this one as a range of days."""
