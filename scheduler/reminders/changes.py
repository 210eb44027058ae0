"""Which phones may be owed something else than before, because something was changed.

Rows tell when they were last changed. A transaction may commit some seconds after the instant it
wrote down, so the look goes back a minute further, and what was seen already is passed over.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, literal
from sqlmodel import Session, col, or_, select

from scheduler.booking.models import Appointment, Course
from scheduler.clinic.models import Clinic
from scheduler.patients.models import OptOut, Patient
from scheduler.reminders import households
from scheduler.reminders.models import Message, MessageState, ReminderRule

OVERLAP = timedelta(seconds=60)


class Change(NamedTuple):
    """One phone that one row's change may concern."""

    row: str
    id: int
    changed_at: datetime
    phone: str


def since(session: Session, instant: datetime, *, now: datetime) -> set[Change]:
    """Each change from a minute before the instant on."""
    start = instant - OVERLAP
    return {
        Change(*row)
        for statement in (*_of_patients(start), *_of_clinics(start, now))
        for row in _rows(session, statement)
    }


def phones(changes: Iterable[Change]) -> set[str]:
    """The phones that changes concern."""
    return {change.phone for change in changes}


def _of_patients(start: datetime) -> Iterable[Select[tuple[str, int, datetime, str]]]:
    yield (
        select(literal("appointment"), Appointment.id, Appointment.changed_at, Patient.phone)  # type: ignore[call-overload]
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(Appointment.changed_at > start)
    )
    yield (
        select(literal("course"), Course.id, Course.changed_at, Patient.phone)  # type: ignore[call-overload]
        .join(Patient, col(Patient.id) == Course.patient_id)
        .where(Course.changed_at > start)
    )
    yield select(literal("patient"), Patient.id, Patient.changed_at, Patient.phone).where(  # type: ignore[call-overload]
        Patient.changed_at > start
    )
    # A patient with a new phone: the old one must get nothing more.
    yield (
        select(literal("patient"), Patient.id, Patient.changed_at, Message.phone)  # type: ignore[call-overload]
        .join(Message, col(Message.patient_id) == Patient.id)
        .where(Patient.changed_at > start, Message.state == MessageState.OWED)
    )
    yield select(literal("opt-out"), OptOut.id, OptOut.changed_at, OptOut.phone).where(  # type: ignore[call-overload]
        OptOut.changed_at > start
    )


def _of_clinics(
    start: datetime, now: datetime
) -> Iterable[Select[tuple[str, int, datetime, str]]]:
    """A changed clinic or rule concerns whoever has sessions there."""
    recent = select(Appointment.patient_id).where(
        or_(Appointment.ends_at > now - households.LOOK_BACK)
    )
    yield (
        select(literal("clinic"), Clinic.id, Clinic.changed_at, Patient.phone)  # type: ignore[call-overload]
        .join(Patient, col(Patient.clinic_id) == Clinic.id)
        .where(Clinic.changed_at > start, col(Patient.id).in_(recent))
    )
    yield (
        select(literal("rule"), ReminderRule.id, ReminderRule.changed_at, Patient.phone)  # type: ignore[call-overload]
        .join(Patient, col(Patient.clinic_id) == ReminderRule.clinic_id)
        .where(ReminderRule.changed_at > start, col(Patient.id).in_(recent))
    )


def _rows(session: Session, statement: Select[tuple[str, int, datetime, str]]) -> Iterable[object]:
    return session.execute(statement.distinct())
