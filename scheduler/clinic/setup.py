"""Creates and changes clinics, practitioners, rooms and treatments."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import Session, col, delete, select

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.clinic import clinic_fields, regimen, zone_rules
from scheduler.clinic.models import (
    Calendar,
    Clinic,
    HandsOn,
    Practitioner,
    Room,
    Treatment,
    TreatmentPractitioner,
    TreatmentRoom,
)
from scheduler.infra.errors import NotAllowed, NotFound
from scheduler.storage.database import stored_id

Row = TypeVar("Row", Clinic, Practitioner, Room, Treatment)


Givers = tuple[list[int], list[int]]
"""The ids of the practitioners who give a treatment, and of its rooms."""


def open_clinic(
    session: Session,
    actor: Actor,
    *,
    name: str,
    timezone: str,
    phone: str,
    emergency_phone: str,
    country: str,
    language: str = "en",
    now: datetime,
    **other: Any,
) -> Clinic:
    """Create a clinic. `timezone`: a place of the tz database.

    Raises NotAllowed for an actor who is limited to some clinics.
    """
    if actor.clinic_ids is not None:
        raise NotAllowed("Your account is limited to some clinics, so you cannot create one.")
    country = clinic_fields.country(country)
    other = clinic_fields.checked_looks(other)
    clinic = Clinic(
        name=name,
        text_name=other.pop("text_name", None) or name[:28].strip(),
        timezone=clinic_fields.zone(timezone),
        phone=clinic_fields.phone(phone, country),
        emergency_phone=clinic_fields.emergency(emergency_phone),
        country=country,
        language=language,
        changed_at=now,
        **other,
    )
    # Absences are stored as instants; the zone rules give their wall times.
    zone_rules.note_new(session, [clinic.timezone], now=now)
    return _added(session, actor, clinic, "clinic", now=now)


def change_clinic(
    session: Session, actor: Actor, clinic: Clinic, changes: Mapping[str, Any], *, now: datetime
) -> Clinic:
    """Change a clinic, except its zone, in which sessions were agreed.

    A new name or new quiet hours also apply to texts that are already due.
    """
    changes = clinic_fields.checked_looks(changes)
    if "phone" in changes:
        changes["phone"] = clinic_fields.phone(changes["phone"], clinic.country)
    if "emergency_phone" in changes:
        changes["emergency_phone"] = clinic_fields.emergency(changes["emergency_phone"])
    clinic.changed_at = now
    return _changed(session, actor, clinic, "clinic", changes, now=now)


def hire(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    *,
    name: str,
    license_number: str,
    license_expires_on: date,
    max_sessions_per_day: int | None = None,
    now: datetime,
) -> Practitioner:
    """Add a practitioner, without hours. The license is valid on its last day."""
    practitioner = Practitioner(
        clinic_id=stored_id(clinic.id),
        calendar_id=_calendar(session, clinic),
        name=name,
        license_number=license_number,
        license_expires_on=license_expires_on,
        max_sessions_per_day=max_sessions_per_day,
    )
    return _added(session, actor, practitioner, "practitioner", now=now)


def change_practitioner(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Practitioner:
    """Change or retire a practitioner. Booked sessions stay."""
    return _changed(session, actor, practitioner, "practitioner", changes, now=now)


def add_room(session: Session, actor: Actor, clinic: Clinic, *, name: str, now: datetime) -> Room:
    """Add a room or bed."""
    room = Room(clinic_id=stored_id(clinic.id), calendar_id=_calendar(session, clinic), name=name)
    return _added(session, actor, room, "room", now=now)


def change_room(
    session: Session, actor: Actor, room: Room, changes: Mapping[str, Any], *, now: datetime
) -> Room:
    """Rename or retire a room. Booked sessions stay."""
    return _changed(session, actor, room, "room", changes, now=now)


def offer(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    *,
    name: str,
    minutes: int,
    phases: Sequence[Mapping[str, Any]],
    practitioner_ids: Sequence[int],
    room_ids: Sequence[int],
    hands_on: Sequence[Mapping[str, int]] = (),
    review_after: Sequence[int] = (),
    now: datetime,
    **other: Any,
) -> Treatment:
    """Add a treatment. Raises Invalid for phases that cannot work, NotFound for unknown ids.

    `hands_on`: the minutes in which the practitioner is busy; empty means all of them.
    """
    treatment = Treatment(
        clinic_id=stored_id(clinic.id),
        name=name,
        minutes=minutes,
        hands_on=regimen.check_hands_on(hands_on, minutes),
        phases=regimen.check_phases(phases),
        review_after=sorted(set(review_after)),
        **other,
    )
    regimen.check_course(treatment.phases, treatment.review_after, treatment.horizon_days)
    _added(session, actor, treatment, "treatment", now=now)
    _give(session, treatment, practitioner_ids, room_ids)
    return treatment


def change_treatment(
    session: Session,
    actor: Actor,
    treatment: Treatment,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Treatment:
    """Change a treatment for future bookings. Booked courses keep their phases and times."""
    changes = dict(changes)
    given = {
        name: changes.pop(name) for name in ("practitioner_ids", "room_ids") if name in changes
    }
    if "phases" in changes:
        changes["phases"] = regimen.check_phases(changes["phases"])
    if "hands_on" in changes or "minutes" in changes:
        whole = [HandsOn(from_minute=0, to_minute=treatment.minutes)]
        # If the whole session was hands-on, it stays so with a new length.
        current = [] if treatment.hands_on == whole else treatment.hands_on
        changes["hands_on"] = regimen.check_hands_on(
            changes.get("hands_on", current), changes.get("minutes", treatment.minutes)
        )
    if "review_after" in changes:
        changes["review_after"] = sorted(set(changes["review_after"]))
    if changes.keys() & {"phases", "review_after", "horizon_days"}:
        regimen.check_course(
            changes.get("phases", treatment.phases),
            changes.get("review_after", treatment.review_after),
            changes.get("horizon_days", treatment.horizon_days),
        )
    _changed(session, actor, treatment, "treatment", changes, related=given.keys(), now=now)
    _give(session, treatment, given.get("practitioner_ids"), given.get("room_ids"))
    return treatment


def find_clinic(session: Session, actor: Actor, clinic_id: int) -> Clinic:
    """One of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Clinic, clinic_id)


def find_practitioner(session: Session, actor: Actor, practitioner_id: int) -> Practitioner:
    """A practitioner of one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Practitioner, practitioner_id)


def find_room(session: Session, actor: Actor, room_id: int) -> Room:
    """A room of one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Room, room_id)


def find_treatment(session: Session, actor: Actor, treatment_id: int) -> Treatment:
    """A treatment of one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Treatment, treatment_id)


def givers(session: Session, treatment_ids: Iterable[int]) -> dict[int, Givers]:
    """The ids of the practitioners and of the rooms of each treatment."""
    ids: dict[int, Givers] = {treatment_id: ([], []) for treatment_id in treatment_ids}
    for practitioner in session.exec(
        select(TreatmentPractitioner)
        .where(col(TreatmentPractitioner.treatment_id).in_(ids))
        .order_by(col(TreatmentPractitioner.practitioner_id))
    ):
        ids[practitioner.treatment_id][0].append(practitioner.practitioner_id)
    for room in session.exec(
        select(TreatmentRoom)
        .where(col(TreatmentRoom.treatment_id).in_(ids))
        .order_by(col(TreatmentRoom.room_id))
    ):
        ids[room.treatment_id][1].append(room.room_id)
    return ids


def _give(
    session: Session,
    treatment: Treatment,
    practitioner_ids: Sequence[int] | None,
    room_ids: Sequence[int] | None,
) -> None:
    """Set the practitioners and rooms of a treatment. None keeps the current ones."""
    treatment_id = stored_id(treatment.id)
    if practitioner_ids is not None:
        _check_ids(session, Practitioner, practitioner_ids, treatment, "practitioner_ids")
        session.exec(
            delete(TreatmentPractitioner).where(
                col(TreatmentPractitioner.treatment_id) == treatment_id
            )
        )
        session.add_all(
            TreatmentPractitioner(treatment_id=treatment_id, practitioner_id=practitioner_id)
            for practitioner_id in sorted(set(practitioner_ids))
        )
    if room_ids is not None:
        _check_ids(session, Room, room_ids, treatment, "room_ids")
        session.exec(delete(TreatmentRoom).where(col(TreatmentRoom.treatment_id) == treatment_id))
        session.add_all(
            TreatmentRoom(treatment_id=treatment_id, room_id=room_id)
            for room_id in sorted(set(room_ids))
        )
    session.flush()


def _check_ids(
    session: Session,
    kind: type[Practitioner] | type[Room],
    ids: Sequence[int],
    treatment: Treatment,
    field: str,
) -> None:
    known = set(
        session.exec(
            select(kind.id).where(col(kind.id).in_(ids), kind.clinic_id == treatment.clinic_id)
        )
    )
    for position, number in enumerate(ids):
        if number not in known:
            raise NotFound(
                f"No {kind.__name__.lower()} with id {number} in this clinic.",
                field=f"{field}[{position}]",
            )


def _calendar(session: Session, clinic: Clinic) -> int:
    calendar = Calendar(clinic_id=stored_id(clinic.id))
    session.add(calendar)
    session.flush()
    return stored_id(calendar.id)


def _added(session: Session, actor: Actor, row: Row, noun: str, *, now: datetime) -> Row:
    session.add(row)
    session.flush()
    _record(session, actor, Action.ADDED, noun, row, now=now)
    return row


def _changed(
    session: Session,
    actor: Actor,
    row: Row,
    noun: str,
    changes: Mapping[str, Any],
    *,
    related: Collection[str] = (),
    now: datetime,
) -> Row:
    """Change a row. `related`: changed fields in other tables, which also increase the version."""
    for name, value in changes.items():
        setattr(row, name, value)
    if related:
        flag_modified(row, "name")
    session.add(row)
    session.flush()
    _record(session, actor, Action.CHANGED, noun, row, now=now, fields=sorted({*changes, *related}))
    return row


def _record(
    session: Session,
    actor: Actor,
    action: Action,
    noun: str,
    row: Clinic | Practitioner | Room | Treatment,
    *,
    now: datetime,
    **details: Any,
) -> None:
    clinic_id = row.id if isinstance(row, Clinic) else row.clinic_id
    audit_trail.record(
        session, actor, action, noun, row.id, clinic_id=clinic_id, now=now, **details
    )
