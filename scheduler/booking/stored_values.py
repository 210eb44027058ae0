"""Values that rows of bookings hold as JSON. Pydantic writes and reads them (`JsonOf`)."""

from datetime import date, datetime
from typing import Any

from pydantic import Field, field_validator, model_validator

from scheduler.clinic.models import StoredPhase
from scheduler.storage.json_columns import StoredValue


class PaceException(StoredValue):
    """A pace violation that staff accepted, and why: `kind` and `number` as in PaceViolation."""

    kind: str
    number: int
    reason: str


class PlannedClosure(StoredValue):
    """The days of a closure and their hours (HH:MM wall time), as in `closures.close`."""

    day: date
    last_day: date
    starts: str
    ends: str


class PlacedAt(StoredValue):
    """A time with its practitioner and room. A room of None: any."""

    starts_at: datetime
    practitioner_id: int
    room_id: int | None = None


class Postponed(StoredValue):
    """How much later the rest of a course goes; None: it was planned again."""

    by_weeks: int | None


class Placing(StoredValue):
    """The place that an absence proposal gives one appointment, at one version of it."""

    appointment_id: int
    version: int
    to: PlacedAt | None = None
    """None: no time is free"""
    not_later: dict[str, Any] | None = None
    """Why its course cannot go on later either: facts as in `postponement.refusal_json`"""
    postponed: Postponed | None = None
    """Set if it goes later with the rest of its course"""
    inside: bool = True
    """Whether the absence blocks this appointment itself, and not only its course"""

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, row: Any) -> Any:
        """Read a row of version 0.1, which had all keys on one level."""
        if not isinstance(row, dict) or "to" in row or not {"starts_at", "why"} & row.keys():
            return row
        about = {key: row[key] for key in ("appointment_id", "version")}
        about["inside"] = row.get("inside", True)
        about["not_later"] = row.get("not_later")
        if "starts_at" in row:
            about["to"] = {key: row.get(key) for key in PlacedAt.model_fields}
        if "by_weeks" in row:
            about["postponed"] = {"by_weeks": row["by_weeks"]}
        return about


class DraftSession(StoredValue):
    """A session that a booking form proposes. `starts_at`: minute, as in Opening."""

    number: int
    phase: int
    starts_at: int
    practitioner_id: int
    room_id: int


class HealthAnswers(StoredValue):
    """Answers about health, by the key of the question, and for how long there has been pain."""

    answers: dict[str, str] = Field(default_factory=dict)
    pain_since: str = ""

    @property
    def typed(self) -> dict[str, str]:
        """The fields of the page."""
        return {**self.answers, "pain_since": self.pain_since}


class DraftWishes(StoredValue):
    """When the patient would like to come. `between`: minutes of the day, in place of `hours`."""

    start_on: date
    weekdays: list[int] = Field(default_factory=list)
    hours: str = ""
    practitioner_id: int | None = None
    between: tuple[int, int] | None = None

    @field_validator("practitioner_id", mode="before")
    @classmethod
    def _anyone(cls, value: object) -> object:
        """Read a form of version 0.1, in which an empty string means any practitioner."""
        return None if value == "" else value

    @property
    def typed(self) -> dict[str, str]:
        """The fields of the page, except the weekdays."""
        return {
            "start_on": self.start_on.isoformat(),
            "hours": self.hours,
            "practitioner_id": str(self.practitioner_id or ""),
        }


class DraftDetails(StoredValue):
    """Name, phone as typed and in E.164 (`number`), and consent to texts."""

    name: str
    phone: str
    number: str
    consent: bool

    @field_validator("consent", mode="before")
    @classmethod
    def _ticked(cls, value: object) -> object:
        """Read a form of version 0.1, which has the value of the box."""
        return value == "yes" if isinstance(value, str) else value

    @property
    def typed(self) -> dict[str, str]:
        """The fields of the page, and the number in E.164."""
        return {
            "name": self.name,
            "phone": self.phone,
            "number": self.number,
            "consent": "yes" if self.consent else "",
        }


class PreviousProposal(StoredValue):
    """The proposal that the patient can go back to. `compromises` as in Enquiry."""

    sessions: list[DraftSession]
    compromises: list[Any]
    wishes: DraftWishes


class DraftAnswers(StoredValue):
    """The answers given so far in a booking form. None: not asked yet, or not answered."""

    language: str | None = None
    health: HealthAnswers | None = None
    wishes: DraftWishes | None = None
    phases: list[StoredPhase] | None = None
    """Phases in place of those of the treatment, which a remedy has changed"""
    before: PreviousProposal | None = None
    accepted: bool | None = None
    """Whether the patient has accepted the proposal"""
    details: DraftDetails | None = None
    refused: Any = None
    """Why no plan fits the wishes: a notice as in `notices`"""
    notices: list[Any] | None = None
    """Facts that the next page reports: `web.booking.notices` writes and reads them"""
    waiting: int | None = None
    """The link to the waitlist entry that the form became"""
