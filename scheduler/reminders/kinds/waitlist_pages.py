"""The text by which somebody who waits for a course has their page on the telephone too.

Nobody tells that somebody came onto the waitlist by the form: their private links are compared with
the texts that there are. One text a place on the list, and none of a place that is over.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import String, cast, exists, literal
from sqlmodel import Session, col, select

from scheduler.booking.models import WaitlistEntry
from scheduler.booking.waitlist import entries
from scheduler.clinic.models import Clinic
from scheduler.patients.models import Patient
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import outbox
from scheduler.reminders.schedule import templating
from scheduler.reminders.texts import default_texts
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link

KIND = "waiting"

USEFUL = timedelta(minutes=30)
"""A text that comes later than this after somebody filled the form surprises more than it helps."""


def tell(session: Session, *, now: datetime) -> None:
    """Owe a text to each who has just come onto the list and has none."""
    for link, entry in _untold(session, now):
        patient = session.get_one(Patient, entry.patient_id)
        clinic = session.get_one(Clinic, entry.clinic_id)
        outbox.take_turn(session, [patient.phone])
        key = f"{KIND}:{entry.id}"
        if session.exec(select(Message.id).where(Message.key == key)).first() is not None:
            continue  # another worker was first, while we waited for our turn
        session.add(
            Message(
                clinic_id=entry.clinic_id,
                key=key,
                kind=KIND,
                patient_id=patient.id,
                link_id=link.id,
                phone=patient.phone,
                language=patient.language,
                text=templating.render(
                    default_texts.answer(KIND, patient.language, clinic.language),
                    outbox.fields_of(clinic),
                ),
                asked=True,
                priority=100,
                due_at=now,
                expires_at=link.created_at + USEFUL,
                created_at=now,
            )
        )
        session.flush()


def is_any_untold(session: Session, *, now: datetime) -> bool:
    """Whether there is something to do for `tell`. Only reads."""
    return bool(_untold(session, now))


def has_page(session: Session, entry: WaitlistEntry) -> bool:
    """Whether the carrier has taken the text with the address of somebody's page."""
    state = session.exec(select(Message.state).where(Message.key == f"{KIND}:{entry.id}")).first()
    return state in {MessageState.SENT, MessageState.DELIVERED}


def why_gone(session: Session, message: Message) -> str:
    """Why such a text must not go out now, as a sentence for staff; empty: it may."""
    patient = session.get(Patient, message.patient_id) if message.patient_id else None
    if patient is None or patient.erased_at or not patient.sms_consent:
        return "The patient does not agree to texts."
    if patient.phone != message.phone:
        return "The patient has another phone now."
    link = session.get_one(Link, message.link_id)
    if session.get_one(WaitlistEntry, link.subject_id).state not in entries.OPEN_STATES:
        return "The patient waits no longer."
    return ""


def _untold(session: Session, now: datetime) -> Sequence[tuple[Link, WaitlistEntry]]:
    # Asked every second: by what is indexed, however many links and texts there have been.
    key = literal(f"{KIND}:").concat(cast(col(WaitlistEntry.id), String))
    told = exists().where(col(Message.key) == key)
    rows = session.exec(
        select(Link, WaitlistEntry)
        .join(WaitlistEntry, col(WaitlistEntry.id) == Link.subject_id)
        .join(Patient, col(Patient.id) == WaitlistEntry.patient_id)
        .where(
            Link.purpose == entries.PURPOSE,
            Link.created_at > now - USEFUL,
            col(Link.revoked_at).is_(None),
            ~told,
            col(WaitlistEntry.state).in_(entries.OPEN_STATES),
            col(Patient.sms_consent),
        )
        .order_by(col(Link.id))
        .with_for_update(skip_locked=True, of=Link)
    ).all()
    # The newest of somebody who filled the form twice.
    return list({stored_id(entry.id): (link, entry) for link, entry in rows}.values())
