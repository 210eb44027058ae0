"""Finds the phones whose messages may have changed since a point in time.

Rows record when they last changed. A transaction may commit some seconds after the time it
recorded, so the search goes back a minute further, and the caller skips changes it has seen.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Executable, literal
from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment, Course
from scheduler.clinic.models import Clinic
from scheduler.patients.models import OptOut, Patient
from scheduler.reminders.models import Message, MessageState, ReminderRule
from scheduler.reminders.outbox import recipients

COMMITTED_WITHIN = timedelta(seconds=60)


class PhoneChange(NamedTuple):
    """A changed row, and a phone that the change may concern."""

    row: str
    id: int
    changed_at: datetime
    phone: str


def since(session: Session, instant: datetime, *, now: datetime) -> set[PhoneChange]:
    """The changes from a minute before an instant on."""
    start = instant - COMMITTED_WITHIN
    return {
        PhoneChange(*row)
        for statement in (*_of_patients(start), *_of_clinics(start, now))
        for row in session.execute(statement)
    }


def phones(changes: Iterable[PhoneChange]) -> set[str]:
    """The phones that the changes concern."""
    return {change.phone for change in changes}


def _of_patients(start: datetime) -> Iterator[Executable]:
    yield (
        select(literal("appointment"), col(Appointment.id), Appointment.changed_at, Patient.phone)
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(Appointment.changed_at > start)
    )
    yield (
        select(literal("course"), col(Course.id), Course.changed_at, Patient.phone)
        .join(Patient, col(Patient.id) == Course.patient_id)
        .where(Course.changed_at > start)
    )
    patient = select(literal("patient"), col(Patient.id), Patient.changed_at, Patient.phone)
    yield patient.where(Patient.changed_at > start)
    # The old phone of a patient with a new one must get no more messages.
    yield (
        select(literal("patient"), col(Patient.id), Patient.changed_at, Message.phone)
        .join(Message, col(Message.patient_id) == Patient.id)
        .where(Patient.changed_at > start, Message.state == MessageState.OWED)
    )
    opt_out = select(literal("opt-out"), col(OptOut.id), OptOut.changed_at, OptOut.phone)
    yield opt_out.where(OptOut.changed_at > start)


def _of_clinics(start: datetime, now: datetime) -> Iterator[Executable]:
    """A changed clinic or rule concerns all patients with recent appointments there."""
    recent = select(Appointment.patient_id).where(Appointment.ends_at > now - recipients.LOOK_BACK)
    yield (
        select(literal("clinic"), col(Clinic.id), Clinic.changed_at, Patient.phone)
        .join(Patient, col(Patient.clinic_id) == Clinic.id)
        .where(Clinic.changed_at > start, col(Patient.id).in_(recent))
    )
    yield (
        select(literal("rule"), col(ReminderRule.id), ReminderRule.changed_at, Patient.phone)
        .join(Patient, col(Patient.clinic_id) == ReminderRule.clinic_id)
        .where(ReminderRule.changed_at > start, col(Patient.id).in_(recent))
    )
