"""The table of pain scores."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from scheduler.storage.database import Instant


class Score(SQLModel, table=True):
    """A patient's pain score after one session, from 0 (none) to 10 (the worst imaginable)."""

    __tablename__ = "scores"

    id: int | None = Field(default=None, primary_key=True)
    clinic_id: int = Field(foreign_key="clinics.id", index=True)
    course_id: int = Field(foreign_key="courses.id", index=True)
    appointment_id: int = Field(foreign_key="appointments.id", unique=True)
    value: int
    review: bool = False
    """Whether it answers a review."""
    at: datetime = Field(sa_type=Instant)
