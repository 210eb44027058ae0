"""What we last asked a phone, so that a short answer can be understood: C, R, or a number.

`at` is when the answer was sent: what was asked later it cannot be about.
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
from scheduler.reminders import message_key
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import Message, MessageState, ReminderRule, Reply

ASKS_TO_CONFIRM = "day_before"
"""The kind of text that says: reply C to confirm."""

ASK_FOR_SCORE = ("check_in", "review")
"""The kinds of texts that ask for a number from 0 to 10, whichever rule sends them. Besides,
whatever is sent when a review falls due asks for one."""

GOES = (MessageState.SENDING, MessageState.SENT, MessageState.DELIVERED)
"""Messages that went, or are just being sent."""

HAVE_GONE = (*GOES, MessageState.UNKNOWN)

WHEN = func.coalesce(col(Message.sent_at), col(Message.due_at))
"""When a text that may have gone went, for those too of which nobody knows whether they did."""

CHOICE_HOLDS = timedelta(hours=24)
SCORE_HOLDS = timedelta(days=3)

CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""How far the carrier's clock, by which some answers are dated, may be behind ours."""


class Contact(NamedTuple):
    """Whom a phone belongs to, as far as we may guess: the clinic that texted it last."""

    clinic: Clinic
    patients: Sequence[Patient]
    language: str


class OpenQuestion(NamedTuple):
    """A session to come that a phone was asked about, and for which start."""

    appointment: Appointment
    about: datetime | None


class Choice(NamedTuple):
    """A question which session is meant: what for, and which were offered, each with its start."""

    asked_at: datetime
    is_answered: bool
    meaning: str
    sessions: Sequence[tuple[int, str]]
    score: int | None


class Said(NamedTuple):
    """What the last text to a phone asked."""

    asks_which: bool
    """whether they will come, or to which session"""
    asks_for_score: bool


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


def asked_about(
    session: Session, phone: str, clinic: Clinic, *, at: datetime, now: datetime
) -> list[OpenQuestion]:
    """The sessions to come that the phone was asked about, each for the start that was told last.

    A reminder before a session asks, whatever its kind: it has told the time.
    """
    reminds = or_(
        col(Message.kind) == ASKS_TO_CONFIRM,
        (col(ReminderRule.anchor) == "start") & (col(ReminderRule.offset_minutes) < 0),
    )
    rows = session.exec(
        select(Appointment, Message.about)
        .join(Message, col(Message.appointment_id) == Appointment.id)
        .outerjoin(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(*_told(phone, at), reminds, *_to_come(clinic, now))
        .order_by(WHEN, col(Message.id))
    )
    last = {appointment.id: OpenQuestion(appointment, about) for appointment, about in rows}
    return sorted(last.values(), key=_by_time)


def next_sessions(
    session: Session, phone: str, clinic: Clinic, *, now: datetime
) -> list[OpenQuestion]:
    """For each patient of the phone, the next session, whether or not it was asked about."""
    rows = session.exec(
        select(Appointment)
        .join(Patient, col(Patient.id) == Appointment.patient_id)
        .where(Patient.phone == phone, *_to_come(clinic, now))
        .order_by(col(Appointment.starts_at).desc())
    )
    first = {row.patient_id: OpenQuestion(row, row.starts_at) for row in rows}
    return sorted(first.values(), key=_by_time)


def last_said(session: Session, phone: str, *, at: datetime) -> Said | None:
    """What the phone was told last."""
    last = session.exec(
        select(Message.kind, ReminderRule.anchor, ReminderRule.offset_minutes, ReminderRule.which)
        .outerjoin(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(*_told(phone, at))
        .order_by(WHEN.desc(), col(Message.id).desc())
    ).first()
    if last is None:
        return None
    kind, anchor, offset, which = last
    reminds = anchor == "start" and offset < 0
    return Said(
        asks_which=reminds or kind in {ASKS_TO_CONFIRM, "which_one"},
        asks_for_score=kind in ASK_FOR_SCORE or which == "review",
    )


def choice(session: Session, phone: str, *, at: datetime) -> Choice | None:
    """The question which session is meant, if the phone was asked one within a day."""
    found = session.exec(
        select(WHEN, Message.key)
        .where(*_told(phone, at), Message.kind == "which_one", at - CHOICE_HOLDS <= WHEN)
        .order_by(WHEN.desc(), col(Message.id).desc())
    ).first()
    if found is None:
        return None
    asked_at, key = found
    reply = session.get_one(Reply, message_key.reply_of(key))
    answered = session.exec(
        select(Reply.id).where(
            Reply.phone == phone, Reply.meaning == Intent.CHOICE, Reply.at >= asked_at
        )
    ).first()
    return Choice(asked_at, answered is not None, **reply.offered)


def to_be_scored(
    session: Session, phone: str, clinic: Clinic, *, at: datetime
) -> list[tuple[OpenQuestion, datetime]]:
    """For each patient of the phone, the session that a number was last asked about, and when."""
    rows = session.exec(
        select(Appointment, WHEN)
        .join(Message, col(Message.appointment_id) == Appointment.id)
        .outerjoin(ReminderRule, col(ReminderRule.id) == Message.rule_id)
        .where(
            *_told(phone, at),
            or_(col(Message.kind).in_(ASK_FOR_SCORE), col(ReminderRule.which) == "review"),
            at - SCORE_HOLDS <= WHEN,
            Appointment.clinic_id == clinic.id,
        )
        .order_by(WHEN, col(Message.id))
    )
    last = {
        each.patient_id: (OpenQuestion(each, each.starts_at), asked_at) for each, asked_at in rows
    }
    return sorted(last.values(), key=lambda row: _by_time(row[0]))


def _told(phone: str, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Message.phone) == phone,
        col(Message.state).in_(HAVE_GONE),
        at + CLOCKS_DIFFER_BY >= WHEN,
    )


def _to_come(clinic: Clinic, now: datetime) -> tuple[ColumnElement[bool], ...]:
    # Of the clinic that texted last: what another one has booked is none of its business.
    return (
        col(Appointment.clinic_id) == clinic.id,
        col(Appointment.starts_at) > now,
        col(Appointment.state).in_(EXPECTED),
    )


def _by_time(asked: OpenQuestion) -> tuple[datetime, int]:
    return asked.appointment.starts_at, asked.appointment.patient_id
