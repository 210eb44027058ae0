"""Messages that are due at once: answers to what a patient did, and messages about the waitlist.

No rule derives them. The code that makes one necessary calls `owe`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from scheduler.booking.models import Appointment
from scheduler.clinic.models import Clinic
from scheduler.patients import verification
from scheduler.patients.models import Patient, PhoneCode
from scheduler.reminders import message_key
from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import message_text, outbox
from scheduler.reminders.schedule import templating
from scheduler.reminders.texts import default_texts
from scheduler.storage.database import stored_id

DAY = timedelta(days=1)

DAILY_CAP_OF_UNKNOWN_PHONES = 3
"""The most messages per day to a phone of no known patient. Anyone can forge a sender or type a
stranger's phone into a form, and the owner must not be flooded."""

PRIORITY = 100


def owe(
    session: Session,
    clinic: Clinic,
    kind: str,
    *,
    key: MessageKey,
    phone: str,
    language: str,
    now: datetime,
    expires_at: datetime,
    fields: Mapping[str, str] | None = None,
    **subject: Any,
) -> Message:
    """Owe a message of this kind, in the standard words, due now.

    `fields` fill in the template beside those of the clinic. `subject` are the columns that say
    what the message is about, such as `course_id` and `link_id`.
    """
    template = default_texts.answer(kind, language, clinic.language)
    message = Message(
        clinic_id=stored_id(clinic.id),
        key=key,
        kind=kind,
        phone=phone,
        language=language,
        text=templating.render(template, {**message_text.clinic_fields(clinic), **(fields or {})}),
        asked=True,
        priority=PRIORITY,
        due_at=now,
        expires_at=expires_at,
        created_at=now,
        **subject,
    )
    session.add(message)
    session.flush()
    return message


def owe_code(session: Session, phone_code: PhoneCode, *, language: str, now: datetime) -> Message:
    """Owe the message with a six-digit code. The digits are filled in when it is sent.

    TooMany if no patient has the phone and it got too many messages of any kind today: its owner
    may not know the clinic.
    """
    phone = phone_code.phone
    outbox.take_turn(session, [phone])
    sent_today = count_since(session, phone, now - DAY)
    if sent_today >= DAILY_CAP_OF_UNKNOWN_PHONES and is_unknown_phone(session, phone):
        raise verification.too_many()
    return owe(
        session,
        session.get_one(Clinic, phone_code.clinic_id),
        "code",
        key=message_key.of_phone_code(stored_id(phone_code.id)),
        phone=phone,
        language=language,
        now=now,
        expires_at=phone_code.expires_at,
        phone_code_id=phone_code.id,
    )


def owe_answer(
    session: Session,
    clinic: Clinic,
    kind: str,
    *,
    reply_id: int,
    phone: str,
    language: str,
    now: datetime,
    useful: timedelta,
    fields: Mapping[str, str] | None = None,
    appointment: Appointment | None = None,
) -> Message:
    """Owe the answer to a reply. It expires after `useful`."""
    subject = _subject(appointment) if appointment else {}
    return owe(
        session,
        clinic,
        kind,
        key=message_key.of_answer(reply_id, kind),
        phone=phone,
        language=language,
        now=now,
        expires_at=now + useful,
        fields=fields,
        reply_id=reply_id,
        **subject,
    )


def _subject(appointment: Appointment) -> dict[str, Any]:
    return {
        "course_id": appointment.course_id,
        "appointment_id": appointment.id,
        "patient_id": appointment.patient_id,
        "about": appointment.starts_at,
    }


def answers_since(session: Session, phone: str, since: datetime) -> Sequence[tuple[str, datetime]]:
    """The kinds of the answers to replies that a phone was owed since an instant, and when."""
    return session.exec(
        select(Message.kind, Message.created_at).where(
            Message.phone == phone,
            Message.created_at > since,
            col(Message.reply_id).is_not(None),
        )
    ).all()


def is_unknown_phone(session: Session, phone: str) -> bool:
    """Whether no patient has this phone."""
    patients = select(Patient.id).where(Patient.phone == phone, col(Patient.erased_at).is_(None))
    return session.exec(patients).first() is None


def count_since(session: Session, phone: str, since: datetime) -> int:
    """How many messages a phone was owed since an instant, except those that never went out."""
    return session.exec(
        select(func.count())
        .select_from(Message)
        .where(
            Message.phone == phone,
            Message.created_at > since,
            col(Message.state).not_in((MessageState.WITHDRAWN, MessageState.EXPIRED)),
        )
    ).one()
