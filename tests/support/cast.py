"""A small clinic with names and characters, for tests to play with.

Willow, in New York. Ana works Monday to Friday, nine to five. Ben works Monday and Thursday. Two
beds. The back course: six sessions at two a week, then four weekly; hands are on from minute 0 to
12 and from 32 to 40.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.availability.allocation import RequestedTime
from scheduler.clinic.models import (
    Calendar,
    Clinic,
    Practitioner,
    Room,
    Treatment,
    TreatmentPractitioner,
    TreatmentRoom,
    WorkingHours,
)
from scheduler.patients import register
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id

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
    clinic = Clinic(
        name=f"{name} Clinic",
        text_name=name,
        timezone="America/New_York",
        phone="+12025550100",
        emergency_phone="911",
        country="US",
        changed_at=NOW,
    )
    session.add(clinic)
    session.flush()
    ana = practitioner(session, clinic, "Ana", weekdays=range(5))
    ben = practitioner(session, clinic, "Ben", weekdays=(0, 3))
    beds = tuple(bed(session, clinic, f"Bed {number}") for number in (1, 2))
    back = treatment(session, clinic, [ana, ben], list(beds))
    return Cast(
        clinic=stored_id(clinic.id),
        ana=stored_id(ana.id),
        ben=stored_id(ben.id),
        beds=(stored_id(beds[0].id), stored_id(beds[1].id)),
        back=stored_id(back.id),
        ann=stored_id(enrol(session, clinic, "Ann Example", ANNS_PHONE).id),
        bob=stored_id(enrol(session, clinic, "Bob Example", BOBS_PHONE).id),
    )


def practitioner(
    session: Session, clinic: Clinic, name: str, *, weekdays: range | tuple[int, ...]
) -> Practitioner:
    """A practitioner who works nine to five on some weekdays, with a long license."""
    who = Practitioner(
        clinic_id=stored_id(clinic.id),
        calendar_id=_calendar(session, clinic),
        name=name,
        license_number=f"L-{name}",
        license_expires_on=date(2030, 1, 1),
    )
    session.add(who)
    session.flush()
    for weekday in weekdays:
        session.add(
            WorkingHours(
                practitioner_id=stored_id(who.id), weekday=weekday, starts="09:00", ends="17:00"
            )
        )
    return who


def bed(session: Session, clinic: Clinic, name: str) -> Room:
    """A room with one bed."""
    room = Room(clinic_id=stored_id(clinic.id), calendar_id=_calendar(session, clinic), name=name)
    session.add(room)
    session.flush()
    return room


def treatment(
    session: Session,
    clinic: Clinic,
    practitioners: list[Practitioner],
    rooms: list[Room],
    **other: Any,
) -> Treatment:
    """The back course, or another shape of it."""
    values: dict[str, Any] = {
        "name": "Back course",
        "hands_on": [{"from_minute": 0, "to_minute": 12}, {"from_minute": 32, "to_minute": 40}],
        "turnover_minutes": 5,
        "phases": [{"sessions": 6, "per_week": 2}, {"sessions": 4, "per_week": 1}],
        "tips": {"before": "Eat something.", "after": "Rise slowly."},
    }
    offered = Treatment(clinic_id=stored_id(clinic.id), **(values | other))
    session.add(offered)
    session.flush()
    for who in practitioners:
        session.add(
            TreatmentPractitioner(
                treatment_id=stored_id(offered.id), practitioner_id=stored_id(who.id)
            )
        )
    for room in rooms:
        session.add(TreatmentRoom(treatment_id=stored_id(offered.id), room_id=stored_id(room.id)))
    session.flush()
    return offered


def enrol(session: Session, clinic: Clinic, name: str, phone: str) -> Patient:
    """A patient."""
    return register.enrol(
        session, OPERATOR, clinic=clinic, name=name, phone=phone, language="en", now=NOW
    )


def wanted(*starts: datetime, practitioner_id: int | None = None) -> list[RequestedTime]:
    """Requested times."""
    return [
        RequestedTime(number, start.astimezone(UTC), practitioner_id)
        for number, start in enumerate(starts, start=1)
    ]


def _calendar(session: Session, clinic: Clinic) -> int:
    calendar = Calendar(clinic_id=stored_id(clinic.id))
    session.add(calendar)
    session.flush()
    return stored_id(calendar.id)
