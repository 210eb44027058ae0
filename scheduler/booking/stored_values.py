"""Values that rows of bookings hold as JSON. Pydantic writes and reads them (`JsonOf`)."""

from datetime import date, datetime
from typing import Any

from pydantic import model_validator

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
    """What an absence proposal does with one appointment, at one version of it."""

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
