"""What we last asked a phone, so that a short answer can be understood: C, R, or a number."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from scheduler.booking.models import Appointment, AppointmentState
from scheduler.clinic.models import Clinic
from scheduler.patients.models import Patient
from scheduler.reminders.models import Message, MessageState, Reply

ASKS_TO_CONFIRM = "day_before"
"""The kind of text that says: reply C to confirm."""

HAVE_GONE = (
    MessageState.SENDING,
    MessageState.UNKNOWN,
    MessageState.SENT,
    MessageState.DELIVERED,
)

WHEN = func.coalesce(col(Message.sent_at), col(Message.due_at))
"""When a text that may have gone went, for those too of which nobody knows whether they did."""

CHOICE_HOLDS = timedelta(hours=2)
SCORE_HOLDS = timedelta(days=3)


class Contact(NamedTuple):
    """Whom a phone belongs to, as far as we may guess: the clinic that texted it last."""

    clinic: Clinic
    patients: Sequence[Patient]
    language: str


class Asked(NamedTuple):
    """A session to come that a phone was asked about, and for which start."""

    appointment: Appointment
    about: datetime | None


def contact(session: Session, phone: str) -> Contact | None:
    """Who is texting. None for a stranger, where several clinics share the number."""
    patients = session.exec(
        select(Patient)
        .where(Patient.phone == phone, col(Patient.erased_at).is_(None))
        .order_by(col(Patient.id).desc())
    ).all()
    clinic_id = session.exec(
        select(Message.clinic_id)
        .where(Message.phone == phone, col(Message.state).in_(HAVE_GONE))
        .order_by(WHEN.desc(), col(Message.id).desc())
    ).first()
    if clinic_id is None and patients:
        clinic_id = patients[0].clinic_id
    clinic = session.get(Clinic, clinic_id) if clinic_id else _only_clinic(session)
    if clinic is None:
        return None
    patients = [patient for patient in patients if patient.clinic_id == clinic.id]
    return Contact(clinic, patients, patients[0].language if patients else clinic.language)


def _only_clinic(session: Session) -> Clinic | None:
    clinics = session.exec(select(Clinic).order_by(col(Clinic.id)).limit(2)).all()
    return clinics[0] if len(clinics) == 1 else None


def asked_about(session: Session, phone: str, *, now: datetime) -> list[Asked]:
    """For each patient of the phone, the session to come that it was last asked about."""
    rows = session.exec(
        select(Appointment, Message.about)
        .join(Message, col(Message.appointment_id) == Appointment.id)
        .where(
            Message.phone == phone,
            Message.kind == ASKS_TO_CONFIRM,
            col(Message.state).in_(HAVE_GONE),
            Appointment.starts_at > now,
            col(Appointment.state).in_((AppointmentState.BOOKED, AppointmentState.CONFIRMED)),
        )
        .order_by(WHEN, col(Message.id))
    )
    last = {appointment.patient_id: Asked(appointment, about) for appointment, about in rows}
    return sorted(last.values(), key=_by_time)


def next_sessions(session: Session, phone: str, *, now: datetime) -> list[Asked]:
    """For each patient of the phone, the next session, whether or not it was asked about."""
    rows = session.exec(
        select(Appointment)
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(
            Patient.phone == phone,
            Appointment.starts_at > now,
            col(Appointment.state).in_((AppointmentState.BOOKED, AppointmentState.CONFIRMED)),
        )
        .order_by(col(Appointment.starts_at).desc())
    )
    first = {each.patient_id: Asked(each, each.starts_at) for each in rows}
    return sorted(first.values(), key=_by_time)


def _by_time(asked: Asked) -> tuple[datetime, int]:
    return asked.appointment.starts_at, asked.appointment.patient_id


def pending(session: Session, phone: str, *, now: datetime) -> Message | None:
    """The question that a bare number answers: which session, or how it was. The latest one."""
    question = session.exec(
        select(Message)
        .where(
            Message.phone == phone,
            col(Message.kind).in_(("which_one", "check_in")),
            col(Message.state).in_(HAVE_GONE),
        )
        .order_by(WHEN.desc(), col(Message.id).desc())
    ).first()
    if question is None or question.sent_at is None:
        return None
    holds = CHOICE_HOLDS if question.kind == "which_one" else SCORE_HOLDS
    return question if now - question.sent_at <= holds else None


def checked_in(session: Session, phone: str, *, now: datetime) -> list[Appointment]:
    """The sessions that this phone was asked to score in the last days."""
    ids = session.exec(
        select(Message.appointment_id).where(
            Message.phone == phone,
            Message.kind == "check_in",
            col(Message.state).in_(HAVE_GONE),
            col(Message.sent_at) >= now - SCORE_HOLDS,
        )
    ).all()
    return list(session.exec(select(Appointment).where(col(Appointment.id).in_(ids))))


def what_was_meant(session: Session, question: Message) -> str:
    """The meaning of the reply that made us ask which session it was about."""
    reply_id = int(question.key.split(":")[1])
    reply = session.get(Reply, reply_id)
    return reply.meaning if reply else ""
