"""Finds the last question to a phone, so that a short reply can be read: C, R or a number.

`at` is when the reply was sent. It cannot answer a later question.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from scheduler.booking.models import Appointment
from scheduler.booking.states import EXPECTED
from scheduler.clinic.models import Clinic
from scheduler.patients.models import Patient
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import Message, MessageState, ReminderRule, Reply

ASKS_TO_CONFIRM = "day_before"
"""The kind of message that says: reply C to confirm."""

ASK_FOR_SCORE = ("check_in", "review")
"""The kinds of messages that ask for a number from 0 to 10, by any rule. A message that is sent
when a review falls due asks for one too."""

SENT_OR_SENDING = (MessageState.SENDING, MessageState.SENT, MessageState.DELIVERED)
"""Messages that were sent or are being sent."""

MAY_HAVE_ARRIVED = (*SENT_OR_SENDING, MessageState.UNKNOWN)

WENT_OUT_AT = func.coalesce(col(Message.sent_at), col(Message.due_at))
"""When a message went out; if that is unknown, when it was due."""

CHOICE_HOLDS = timedelta(hours=24)
SCORE_HOLDS = timedelta(days=3)

CARRIER_CLOCK_DIFFERS_BY = timedelta(minutes=1)
"""How far the carrier's clock, by which some replies are dated, may be behind ours."""


class Contact(NamedTuple):
    """The clinic that last sent a message to a phone, and its patients with that phone."""

    clinic: Clinic
    patients: Sequence[Patient]
    language: str


class OpenQuestion(NamedTuple):
    """A future appointment that a phone was asked about, and the start that the question gave."""

    appointment: Appointment
    about: datetime | None


class Choice(NamedTuple):
    """A question "which session?", with the appointments that it offered and their starts."""

    asked_at: datetime
    is_answered: bool
    meaning: str
    sessions: Sequence[tuple[int, datetime]]
    score: int | None


MOST_QUOTED = 5
"""How many of our texts a reply is searched for."""


class LastQuestion(NamedTuple):
    """The answers that the last message to a phone asked for."""

    asks_which: bool
    """for a confirmation, or which appointment is meant"""
    asks_for_score: bool


def contact(session: Session, phone: str) -> Contact | None:
    """The sender of a reply. None for an unknown phone if several clinics share the number."""
    patients = session.exec(
        select(Patient)
        .where(Patient.phone == phone, col(Patient.erased_at).is_(None))
        .order_by(col(Patient.id).desc())
    ).all()
    clinic_id = session.exec(
        select(Message.clinic_id)
        .where(Message.phone == phone, col(Message.state).in_(MAY_HAVE_ARRIVED))
        .order_by(WENT_OUT_AT.desc(), col(Message.id).desc())
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


def asked_about(
    session: Session, phone: str, clinic: Clinic, *, at: datetime, now: datetime
) -> list[OpenQuestion]:
    """The future appointments that the phone was asked about, with the start given last.

    A reminder before an appointment counts as a question, whatever its kind, as it gives the time.
    """
    reminds = or_(
        col(Message.kind) == ASKS_TO_CONFIRM,
        (col(ReminderRule.anchor) == "start") & (col(ReminderRule.offset_minutes) < 0),
    )
    rows = session.exec(
        select(Appointment, Message.about)
        .join(Message, col(Message.appointment_id) == Appointment.id)
        .outerjoin(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(*_sent_before(phone, at), reminds, *_future(clinic, now))
        .order_by(WENT_OUT_AT, col(Message.id))
    )
    last = {appointment.id: OpenQuestion(appointment, about) for appointment, about in rows}
    return sorted(last.values(), key=_by_time)


def next_sessions(
    session: Session, phone: str, clinic: Clinic, *, now: datetime
) -> list[OpenQuestion]:
    """The next appointment of every patient with the phone, whether or not it was asked about."""
    rows = session.exec(
        select(Appointment)
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(Patient.phone == phone, *_future(clinic, now))
        .order_by(col(Appointment.starts_at).desc())
    )
    first = {row.patient_id: OpenQuestion(row, row.starts_at) for row in rows}
    return sorted(first.values(), key=_by_time)


def last_message(session: Session, phone: str, *, at: datetime) -> Message | None:
    """The last message that the phone may have got before an instant."""
    return session.exec(
        select(Message)
        .where(*_sent_before(phone, at))
        .order_by(WENT_OUT_AT.desc(), col(Message.id).desc())
    ).first()


def texts_before(session: Session, phone: str, *, at: datetime) -> list[str]:
    """Our last texts to a phone, which a reply may quote. Texts with a secret are left out."""
    texts = session.exec(
        select(Message.text)
        .where(*_sent_before(phone, at))
        .order_by(WENT_OUT_AT.desc(), col(Message.id).desc())
        .limit(MOST_QUOTED)
    ).all()
    return [text for text in texts if text and "{" not in text]


def last_question(session: Session, phone: str, *, at: datetime) -> LastQuestion | None:
    """The answers that the last message to the phone asked for."""
    last = session.exec(
        select(Message.kind, ReminderRule.anchor, ReminderRule.offset_minutes, ReminderRule.which)
        .outerjoin(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(*_sent_before(phone, at))
        .order_by(WENT_OUT_AT.desc(), col(Message.id).desc())
    ).first()
    if last is None:
        return None
    kind, anchor, offset, which = last
    reminds = anchor == "start" and offset < 0
    return LastQuestion(
        asks_which=reminds or kind in {ASKS_TO_CONFIRM, "which_one"},
        asks_for_score=kind in ASK_FOR_SCORE or which == "review",
    )


def choice(session: Session, phone: str, *, at: datetime) -> Choice | None:
    """The question "which session?", if the phone got one within a day."""
    found = session.exec(
        select(WENT_OUT_AT, col(Reply.offered))
        .join(Reply, col(Reply.id) == Message.reply_id)
        .where(
            *_sent_before(phone, at), Message.kind == "which_one", at - CHOICE_HOLDS <= WENT_OUT_AT
        )
        .order_by(WENT_OUT_AT.desc(), col(Message.id).desc())
    ).first()
    if found is None:
        return None
    asked_at, offered = found
    answered = session.exec(
        select(Reply.id).where(
            Reply.phone == phone, Reply.meaning == Intent.CHOICE, Reply.at >= asked_at
        )
    ).first()
    return Choice(asked_at, answered is not None, offered.meaning, offered.sessions, offered.score)


def to_be_scored(
    session: Session, phone: str, clinic: Clinic, *, at: datetime
) -> list[tuple[OpenQuestion, datetime]]:
    """By patient of the phone, the appointment that a number was last asked about, and when."""
    rows = session.exec(
        select(Appointment, WENT_OUT_AT)
        .join(Message, col(Message.appointment_id) == Appointment.id)
        .outerjoin(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(
            *_sent_before(phone, at),
            or_(col(Message.kind).in_(ASK_FOR_SCORE), col(ReminderRule.which) == "review"),
            at - SCORE_HOLDS <= WENT_OUT_AT,
            Appointment.clinic_id == clinic.id,
        )
        .order_by(WENT_OUT_AT, col(Message.id))
    )
    last = {
        appointment.patient_id: (OpenQuestion(appointment, appointment.starts_at), asked_at)
        for appointment, asked_at in rows
    }
    return sorted(last.values(), key=lambda row: _by_time(row[0]))


def _sent_before(phone: str, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Message.phone) == phone,
        col(Message.state).in_(MAY_HAVE_ARRIVED),
        at + CARRIER_CLOCK_DIFFERS_BY >= WENT_OUT_AT,
    )


def _future(clinic: Clinic, now: datetime) -> tuple[ColumnElement[bool], ...]:
    # Only of the clinic that sent the last message. It must not see those of another clinic.
    return (
        col(Appointment.clinic_id) == clinic.id,
        col(Appointment.starts_at) > now,
        col(Appointment.state).in_(EXPECTED),
    )


def _by_time(asked: OpenQuestion) -> tuple[datetime, int]:
    return asked.appointment.starts_at, asked.appointment.patient_id
