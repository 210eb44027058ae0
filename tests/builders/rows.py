"""Adds single rows of a clinic: each function needs only what a test is about."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session

from scheduler.clinic.models import (
    Calendar,
    Clinic,
    HandsOn,
    Practitioner,
    Room,
    Treatment,
    TreatmentPractitioner,
    TreatmentRoom,
    WorkingHours,
)
from scheduler.clinic.phases import from_json
from scheduler.storage.database import stored_id


def clinic(session: Session, text_name: str = "Willow", **values: Any) -> Clinic:
    """A clinic in New York, unless `values` say otherwise. `text_name`: what texts call it."""
    usual: dict[str, Any] = {
        "name": f"{text_name} Clinic",
        "text_name": text_name,
        "timezone": "America/New_York",
        "phone": "+12025550100",
        "emergency_phone": "911",
        "country": "US",
    }
    added = Clinic(**(usual | values))
    session.add(added)
    session.flush()
    return added


def practitioner(
    session: Session,
    clinic: Clinic,
    name: str,
    *,
    weekdays: Iterable[int],
    hours: tuple[str, str] = ("09:00", "17:00"),
) -> Practitioner:
    """A practitioner with the same hours on some weekdays (0: Monday) and a license until 2030."""
    added = Practitioner(
        clinic_id=stored_id(clinic.id),
        calendar_id=_calendar(session, clinic),
        name=name,
        license_number=f"L-{name}",
        license_expires_on=date(2030, 1, 1),
    )
    session.add(added)
    session.flush()
    session.add_all(
        WorkingHours(
            practitioner_id=stored_id(added.id), weekday=weekday, starts=hours[0], ends=hours[1]
        )
        for weekday in weekdays
    )
    return added


def bed(session: Session, clinic: Clinic, name: str) -> Room:
    """A room with one bed."""
    added = Room(clinic_id=stored_id(clinic.id), calendar_id=_calendar(session, clinic), name=name)
    session.add(added)
    session.flush()
    return added


def treatment(
    session: Session,
    clinic: Clinic,
    practitioners: Sequence[Practitioner],
    rooms: Sequence[Room],
    **values: Any,
) -> Treatment:
    """The back course: hands on from minute 0 to 12 and 32 to 40, six sessions, then four."""
    usual: dict[str, Any] = {
        "name": "Back course",
        "hands_on": [{"from_minute": 0, "to_minute": 12}, {"from_minute": 32, "to_minute": 40}],
        "turnover_minutes": 5,
        "phases": [{"sessions": 6, "per_week": 2}, {"sessions": 4, "per_week": 1}],
        "tips": {"before": "Eat something.", "after": "Rise slowly."},
    }
    given = usual | values
    given["phases"] = [from_json(phase) for phase in given["phases"]]
    given["hands_on"] = [HandsOn.model_validate(stretch) for stretch in given["hands_on"]]
    added = Treatment(clinic_id=stored_id(clinic.id), **given)
    session.add(added)
    session.flush()
    offered = stored_id(added.id)
    session.add_all(
        TreatmentPractitioner(treatment_id=offered, practitioner_id=stored_id(giver.id))
        for giver in practitioners
    )
    session.add_all(
        TreatmentRoom(treatment_id=offered, room_id=stored_id(room.id)) for room in rooms
    )
    session.flush()
    return added


def _calendar(session: Session, clinic: Clinic) -> int:
    added = Calendar(clinic_id=stored_id(clinic.id))
    session.add(added)
    session.flush()
    return stored_id(added.id)
