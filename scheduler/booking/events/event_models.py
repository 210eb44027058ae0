"""Tables of what happened to courses and appointments, for history, undo and change notices."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, Relationship, SQLModel

from scheduler.booking.stored_values import PaceException
from scheduler.storage.database import Instant
from scheduler.storage.json_columns import JsonOf

OPEN_NOTICE = text("notice IS NOT NULL AND notice_ended_by_id IS NULL")


class EventKind(StrEnum):
    """Kinds of events. Those from `MOVED` to `MISSED` happen to one appointment."""

    BOOKED = "booked"
    SHIFTED = "shifted"
    WEEK_SKIPPED = "skipped a week"
    PRACTITIONER_CHANGED = "changed practitioner"
    REPLANNED = "planned anew"
    EXTENDED = "extended"
    MADE_UP = "made up"
    CANCELLED = "cancelled"
    TAKEN_BACK = "took back"
    CLEARED = "cleared"
    MOVED = "moved"
    APPOINTMENT_CONFIRMED = "is confirmed"
    ARRIVED = "is arrived"
    COMPLETED = "is completed"
    APPOINTMENT_CANCELLED = "is cancelled"
    MISSED = "is no_show"


class Notice(StrEnum):
    """The change that a notice reports to the patient."""

    TIME = "time"
    """A new time, an additional appointment or a cancellation"""
    PRACTITIONER = "practitioner"
    """Another practitioner at the same time"""


class CourseEvent(SQLModel, table=True):
    """One line in the history of a course. One request may cause several."""

    __tablename__ = "course_events"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id")
    course_id: int = Field(foreign_key="courses.id", index=True)
    kind: str = Field(max_length=20)
    at: datetime = Field(sa_type=Instant)
    actor_kind: str = Field(max_length=20)
    actor_id: int | None = None
    request_id: str = Field(default="", max_length=64)
    """Events with the same request and instant are one change, and are taken back together"""
    reason: str = Field(default="", max_length=500)
    overrides_pace: bool = False
    """Staff moved the appointment although that breaks the pace"""
    late: bool = False
    """Cancelled with less notice than the clinic's `cancel_notice_hours`"""
    from_number: int | None = None
    by_days: int | None = None
    start_on: date | None = None
    behind: bool | None = None
    """For a skipped week: its appointments move behind all others, which keep their times"""
    practitioner_id: int | None = Field(default=None, foreign_key="practitioners.id")
    course_state_before: str | None = Field(default=None, max_length=20)
    pace_exceptions_before: list[PaceException] | None = Field(
        default=None,
        sa_type=JsonOf(list[PaceException]),
    )
    """The pace exceptions of a course before it was cancelled"""
    taken_back_by_id: int | None = Field(default=None, foreign_key="course_events.id", index=True)

    changes: list["AppointmentChange"] = Relationship(
        back_populates="event",
        sa_relationship_kwargs={"foreign_keys": "AppointmentChange.event_id"},
    )


class AppointmentChange(SQLModel, table=True):
    """The change of one appointment by an event, and whether the patient is owed a notice.

    Values before are None for a new appointment. Rows that the migration made from the audit trail
    have no room.
    """

    __tablename__ = "appointment_changes"
    __table_args__ = (
        Index(
            "ix_appointment_changes_notice",
            "appointment_id",
            postgresql_where=OPEN_NOTICE,
            sqlite_where=OPEN_NOTICE,
        ),
        Index(
            "ix_appointment_changes_clinic_notice",
            "clinic_id",
            "at",
            postgresql_where=OPEN_NOTICE,
            sqlite_where=OPEN_NOTICE,
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    event_id: int = Field(default=None, foreign_key="course_events.id", index=True)
    appointment_id: int = Field(foreign_key="appointments.id")
    clinic_id: int = Field(foreign_key="clinics.id")
    at: datetime = Field(sa_type=Instant)
    """Copied from the event, for the index"""
    number_before: int | None = None
    number_after: int
    starts_at_before: datetime | None = Field(default=None, sa_type=Instant)
    starts_at_after: datetime = Field(sa_type=Instant)
    practitioner_id_before: int | None = Field(default=None, foreign_key="practitioners.id")
    practitioner_id_after: int = Field(foreign_key="practitioners.id")
    room_id_before: int | None = Field(default=None, foreign_key="rooms.id")
    room_id_after: int | None = Field(default=None, foreign_key="rooms.id")
    state_before: str | None = Field(default=None, max_length=20)
    state_after: str = Field(max_length=20)
    notice: str | None = Field(default=None, max_length=20)
    """The notice that the patient must get; None if the patient made the change"""
    notice_ended_by_id: int | None = Field(default=None, foreign_key="course_events.id", index=True)
    """The later event that made the notice obsolete; None while it holds, sent or not"""

    event: CourseEvent = Relationship(
        back_populates="changes",
        sa_relationship_kwargs={"foreign_keys": "AppointmentChange.event_id"},
    )
