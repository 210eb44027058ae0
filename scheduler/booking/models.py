"""Courses, appointments, holds and the diary that keeps them from overlapping."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import JSON, Field, SQLModel

from scheduler.booking.stored_values import (
    DraftAnswers,
    DraftSession,
    PaceException,
    PlacedAt,
    Placing,
    PlannedClosure,
)
from scheduler.clinic.models import StoredPhase
from scheduler.clinic.phases import Phase
from scheduler.storage.database import IDS_ARE_NEVER_REUSED, Instant, Versioned
from scheduler.storage.json_columns import JsonOf


class CourseState(StrEnum):
    """The state of a course."""

    NEEDS_CLEARANCE = "needs_clearance"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class AppointmentState(StrEnum):
    """The state of an appointment."""

    BOOKED = "booked"
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class Course(Versioned, table=True):
    """One patient's series. `phases` stays as agreed, even if the treatment changes."""

    __tablename__ = "courses"
    __table_args__ = (
        CheckConstraint(
            "state IN ('needs_clearance', 'active', 'completed', 'cancelled')", name="state"
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    patient_id: int = Field(foreign_key="patients.id", index=True)
    treatment_id: int = Field(foreign_key="treatments.id", index=True)
    screening_id: int | None = Field(default=None, foreign_key="screenings.id")
    state: str = Field(default=CourseState.ACTIVE, max_length=20)
    pain_since: str = Field(default="", max_length=20)
    """acute (under 3 months), subacute, chronic (over 6 months), or not asked"""
    phases: list[Phase] = Field(default_factory=list, sa_type=JsonOf(list[StoredPhase]))
    pace_exceptions: list[PaceException] = Field(
        default_factory=list,
        sa_type=JsonOf(list[PaceException]),
        sa_column_kwargs={"name": "marks"},
    )
    """Where the dates of the course break its pace, each with the reason"""
    cancel_reason: str = Field(default="", max_length=200)
    booked_at: datetime = Field(sa_type=Instant)
    cleared_at: datetime | None = Field(default=None, sa_type=Instant)
    """When a practitioner cleared it; None if that was not needed, or has not happened"""
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Appointment(Versioned, table=True):
    """One agreed session. Wall time and zone are the agreement; the instants follow from them."""

    __tablename__ = "appointments"
    __table_args__ = (
        UniqueConstraint("course_id", "number"),
        CheckConstraint(
            "state IN ('booked', 'confirmed', 'arrived', 'completed', 'cancelled', 'no_show')",
            name="state",
        ),
        CheckConstraint("ends_at > starts_at", name="ends_later"),
        Index("ix_appointments_clinic_start", "clinic_id", "starts_at"),
        Index("ix_appointments_practitioner_start", "practitioner_id", "starts_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id")
    course_id: int = Field(foreign_key="courses.id")
    patient_id: int = Field(foreign_key="patients.id", index=True)
    practitioner_id: int = Field(foreign_key="practitioners.id")
    room_id: int = Field(foreign_key="rooms.id", index=True)
    number: int
    phase: int = 1
    state: str = Field(default=AppointmentState.BOOKED, max_length=20)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    wall_time: str = Field(max_length=16)
    """YYYY-MM-DDTHH:MM as it was agreed"""
    fold: int = 0
    """1: the second of two equal wall times, when clocks go back"""
    zone: str = Field(max_length=64)
    hands: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    """Which minutes its practitioner is taken, buffers included, from its start on: 0:12,32:40.
    The database wants these very entries in the diary. Empty: a program before this booked it."""
    make_up: bool = False
    """It was added for a session that was missed or cancelled"""
    cancelled_late: bool = False
    """Cancelled with less notice than the clinic's `cancel_notice_hours`"""
    changed_at: datetime = Field(sa_type=Instant, index=True)


class Hold(SQLModel, table=True):
    """Slots kept for a few minutes while a patient fills in the form."""

    __tablename__ = "holds"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    expires_at: datetime = Field(sa_type=Instant, index=True)
    origin: str = Field(default="", max_length=64, index=True)


class DiaryEntry(SQLModel, table=True):
    """An occupied stretch of a calendar, in whole UTC minutes since 1970, half-open, up to a day.

    Exactly one of the four ids is set. The database refuses two entries of one calendar that share
    a minute, unless both are absences (migration 0002). Longer absences are split, so that a query
    needs to look back one day at most.
    """

    __tablename__ = "diary"
    __table_args__ = (
        CheckConstraint(
            "to_minute > from_minute AND to_minute - from_minute <= 1440", name="at_most_a_day"
        ),
        CheckConstraint(
            "(CASE WHEN appointment_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN hold_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN time_off_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN closure_id IS NULL THEN 0 ELSE 1 END) = 1",
            name="one_reason",
        ),
        Index("ix_diary_calendar_from", "calendar_id", "from_minute"),
    )

    id: int | None = Field(default=None, primary_key=True)
    calendar_id: int = Field(foreign_key="calendars.id")
    from_minute: int
    to_minute: int
    appointment_id: int | None = Field(default=None, foreign_key="appointments.id", index=True)
    hold_id: int | None = Field(
        default=None, foreign_key="holds.id", index=True, ondelete="CASCADE"
    )
    time_off_id: int | None = Field(
        default=None, foreign_key="time_off.id", index=True, ondelete="CASCADE"
    )
    closure_id: int | None = Field(
        default=None, foreign_key="closures.id", index=True, ondelete="CASCADE"
    )
    held_until: int | None = None
    """The minute in which a hold expires. None for appointments and absences."""


class AbsenceProposal(SQLModel, table=True):
    """Proposed new times for the appointments inside an absence. Nothing is moved yet.

    The absence is of a practitioner or a room; with neither, the clinic closes.
    `starts_at` and `ends_at` span it, closure or not. `placings`: one for each appointment inside,
    and for each that moves with the rest of its course. `held_until`: when the last hold of a form
    inside the absence expires.
    """

    __tablename__ = "absence_proposals"
    __table_args__ = IDS_ARE_NEVER_REUSED

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    practitioner_id: int | None = Field(default=None, foreign_key="practitioners.id", index=True)
    room_id: int | None = Field(default=None, foreign_key="rooms.id", index=True)
    closure: PlannedClosure | None = Field(
        default=None,
        sa_type=JsonOf(PlannedClosure, empty={}),
        nullable=False,
        sa_column_kwargs={"server_default": "{}"},
    )
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    reason: str = Field(default="", max_length=200)
    placings: list[Placing] = Field(default_factory=list, sa_type=JsonOf(list[Placing]))
    held_until: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)


class Enquiry(SQLModel, table=True):
    """A draft booking: the answers given so far in a booking form. Deleted after a day."""

    __tablename__ = "enquiries"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id")
    treatment_id: int = Field(foreign_key="treatments.id")
    token_hash: str = Field(max_length=64, unique=True)
    answers: DraftAnswers = Field(default_factory=DraftAnswers, sa_type=JsonOf(DraftAnswers))
    sessions: list[DraftSession] = Field(default_factory=list, sa_type=JsonOf(list[DraftSession]))
    compromises: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """Facts as in `planning.fact_json`; those of another release may be unknown"""
    hold_id: int | None = Field(default=None, foreign_key="holds.id", ondelete="SET NULL")
    phone_code_id: int | None = Field(default=None, foreign_key="phone_codes.id")
    course_id: int | None = Field(default=None, foreign_key="courses.id")
    link_id: int | None = Field(default=None, foreign_key="links.id")
    origin: str = Field(default="", max_length=64)
    unproved_phone: str = Field(
        default="", max_length=16, index=True, sa_column_kwargs={"server_default": ""}
    )
    """E.164, as long as it was given and not yet proved: few such forms may keep times"""
    created_at: datetime = Field(sa_type=Instant, index=True)


class EntryState(StrEnum):
    """The state of a waitlist entry."""

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class OfferState(StrEnum):
    """The state of an offer. `lapsed`: no answer in time; `withdrawn`: its time was lost."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class WaitlistEntry(Versioned, table=True):
    """A place on the waitlist: the times that would suit a patient.

    With `appointment_id`: any earlier time for that session. Without: a session, or a whole course.
    Minutes are of the clinic's day, half-open, for the start; days are the clinic's, both count.
    """

    __tablename__ = "waitlist_entries"
    __table_args__ = (
        CheckConstraint("wants IN ('earlier', 'session', 'course')", name="wants"),
        CheckConstraint(
            "state IN ('waiting', 'offered', 'taken', 'withdrawn', 'expired')", name="state"
        ),
        Index(
            "ix_waitlist_entries_live",
            "clinic_id",
            postgresql_where=text("state IN ('waiting', 'offered')"),
            sqlite_where=text("state IN ('waiting', 'offered')"),
        ),
        Index(
            "ix_waitlist_entries_one_for_a_session",
            "appointment_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'offered')"),
            sqlite_where=text("state IN ('waiting', 'offered')"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    patient_id: int = Field(foreign_key="patients.id", index=True)
    treatment_id: int = Field(foreign_key="treatments.id")
    appointment_id: int | None = Field(default=None, foreign_key="appointments.id")
    wants: str = Field(max_length=10)
    practitioner_id: int | None = Field(default=None, foreign_key="practitioners.id")
    weekdays: list[int] = Field(default_factory=list, sa_type=JSON)
    from_minute: int | None = None
    to_minute: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    need: int = 0
    """0 as usual, 1 soon, 2 urgent"""
    need_reason: str = Field(default="", max_length=200)
    state: str = Field(default=EntryState.WAITING, max_length=10)
    reason: str = Field(default="", max_length=200)
    """why it ended without an accepted offer"""
    entered_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class Offer(SQLModel, table=True):
    """A free time offered to a patient on the waitlist, until a deadline.

    `sessions`: `[{"starts_at": RFC 3339, "practitioner_id": 1, "room_id": 1}, ...]`, of which
    `starts_at` and `practitioner_id` tell the first. An entry has one open offer at most, and is
    never again offered a time that it did not take; one that was lost may come again.
    """

    __tablename__ = "waitlist_offers"
    __table_args__ = (
        CheckConstraint(
            "state IN ('open', 'accepted', 'declined', 'lapsed', 'withdrawn')", name="state"
        ),
        Index(
            "ix_waitlist_offers_one_open",
            "entry_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
        Index(
            "ix_waitlist_offers_never_twice",
            "entry_id",
            "starts_at",
            unique=True,
            postgresql_where=text("state <> 'withdrawn'"),
            sqlite_where=text("state <> 'withdrawn'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    entry_id: int = Field(foreign_key="waitlist_entries.id", index=True)
    starts_at: datetime = Field(sa_type=Instant)
    practitioner_id: int = Field(foreign_key="practitioners.id")
    sessions: list[PlacedAt] = Field(default_factory=list, sa_type=JsonOf(list[PlacedAt]))
    to_several: bool = False
    """the first to say yes has it; otherwise it is kept for this patient by a hold"""
    hold_id: int | None = Field(default=None, foreign_key="holds.id", ondelete="SET NULL")
    state: str = Field(default=OfferState.OPEN, max_length=10)
    reason: str = Field(default="", max_length=200)
    offered_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
