"""A small clinic with names and characters, for tests to play with.

Willow, in New York. Ana works Monday to Friday, nine to five. Ben works Monday and Thursday. Two
beds. The back course: six sessions at two a week, then four weekly; hands are on from minute 0 to
12 and from 32 to 40.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.clinic.models import Clinic
from scheduler.patients import register
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id
from tests.builders import rows

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
"""A Monday in winter, seven in the morning in New York."""

MONDAY = datetime(2027, 2, 22, 9, 0, tzinfo=NEW_YORK)
"""Three weeks on, nine o'clock; clocks go forward on 14 March."""

DAY = timedelta(days=1)
ANNS_PHONE = "+12025550101"
BOBS_PHONE = "+12025550102"


@dataclass
class Cast:
    """The ids of everybody; rows belong to the transaction that made them."""

    clinic: int
    ana: int
    ben: int
    beds: tuple[int, int]
    back: int
    ann: int
    bob: int


def settle(session: Session, *, name: str = "Willow") -> Cast:
    """Open the clinic, with everybody in it."""
    clinic = rows.clinic(session, name, changed_at=NOW)
    ana = rows.practitioner(session, clinic, "Ana", weekdays=range(5))
    ben = rows.practitioner(session, clinic, "Ben", weekdays=(0, 3))
    beds = tuple(rows.bed(session, clinic, f"Bed {number}") for number in (1, 2))
    back = rows.treatment(session, clinic, [ana, ben], list(beds))
    return Cast(
        clinic=stored_id(clinic.id),
        ana=stored_id(ana.id),
        ben=stored_id(ben.id),
        beds=(stored_id(beds[0].id), stored_id(beds[1].id)),
        back=stored_id(back.id),
        ann=stored_id(enroll(session, clinic, "Ann Example", ANNS_PHONE).id),
        bob=stored_id(enroll(session, clinic, "Bob Example", BOBS_PHONE).id),
    )


def enroll(session: Session, clinic: Clinic, name: str, phone: str) -> Patient:
    """A patient."""
    return register.enroll(
        session, OPERATOR, clinic=clinic, name=name, phone=phone, language="en", now=NOW
    )


def wanted(*starts: datetime, practitioner_id: int | None = None) -> list[RequestedTime]:
    """Requested times."""
    return [
        RequestedTime(number, start.astimezone(UTC), practitioner_id)
        for number, start in enumerate(starts, start=1)
    ]
