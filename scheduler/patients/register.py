"""Adds, finds and changes patients."""

from datetime import datetime

from sqlmodel import Session, col, select, update

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.clinic.models import Calendar, Clinic
from scheduler.patients.models import Patient
from scheduler.patients.names import clean_name
from scheduler.storage.database import stored_id, take_turn


def enroll(
    session: Session,
    actor: Actor,
    *,
    clinic: Clinic,
    name: str,
    phone: str,
    language: str,
    now: datetime,
    textable: bool = True,
) -> Patient:
    """The patient with this name and phone (E.164) at the clinic, added if there is none.

    A parent and a child may share a phone, so the phone alone does not identify a patient. Without
    a phone, every patient is a new one. `textable`: whether the phone may be texted.
    """
    actor.require(stored_id(clinic.id))
    name = clean_name(name)
    # Otherwise two simultaneous requests would add the same patient twice.
    take_turn(session, f"patient:{clinic.id}:{phone}")
    patients = session.exec(
        select(Patient)
        .where(Patient.clinic_id == clinic.id, Patient.phone == phone)
        .where(col(Patient.erased_at).is_(None))
        .order_by(col(Patient.id))
    ).all()
    for patient in patients:
        if phone and patient.name.casefold() == name.casefold():
            return patient
    calendar = Calendar(clinic_id=stored_id(clinic.id))
    session.add(calendar)
    session.flush()
    patient = Patient(
        clinic_id=stored_id(clinic.id),
        calendar_id=stored_id(calendar.id),
        name=name,
        phone=phone,
        textable=textable,
        language=language,
        created_at=now,
        changed_at=now,
    )
    session.add(patient)
    session.flush()
    audit_trail.record(
        session, actor, Action.ENROLLED, "patient", patient.id, clinic_id=clinic.id, now=now
    )
    return patient


def find(session: Session, actor: Actor, patient_id: int) -> Patient:
    """A patient at one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Patient, patient_id)


def change(
    session: Session,
    actor: Actor,
    patient: Patient,
    *,
    now: datetime,
    name: str | None = None,
    phone: str | None = None,
    language: str | None = None,
    texts: str | None = None,
    textable: bool = True,
) -> Patient:
    """Change a patient. A new phone is not yet verified. `textable`: whether it may be texted."""
    changed = []
    if name is not None:
        patient.name = clean_name(name)
        changed.append("name")
    if phone is not None and phone != patient.phone:
        patient.phone, patient.phone_proved_at, patient.phone_trouble = phone, None, ""
        patient.textable = textable
        changed.append("phone")
    if language is not None:
        patient.language = language
        changed.append("language")
    if texts is not None:
        patient.texts = texts
        changed.append("texts")
    patient.changed_at = now
    session.add(patient)
    session.flush()
    audit_trail.record(
        session,
        actor,
        Action.CHANGED,
        "patient",
        patient.id,
        clinic_id=patient.clinic_id,
        now=now,
        fields=changed,
    )
    return patient


def note_phone(session: Session, phone: str, trouble: str) -> None:
    """Store the carrier's reason why texts do not reach a phone; empty if they do."""
    session.exec(
        update(Patient)
        .where(col(Patient.phone) == phone, col(Patient.phone_trouble) != trouble)
        .values(phone_trouble=trouble[:300])
        .execution_options(synchronize_session="fetch")
    )
