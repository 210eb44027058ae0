"""The texts by which free times are offered to those on the waitlist.

Nobody tells that an offer was made or is over: offers that run are compared with the texts that
there are, and right before a text goes out it is asked again whether its offer still runs. Whoever
waits has asked to be told, so these count towards no limit; but nobody is woken for them.
"""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment, Offer, OfferState, WaitlistEntry
from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.patients.models import Patient
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import outbox
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.quiet_hours import MARGIN, QuietHours
from scheduler.reminders.texts import default_texts
from scheduler.storage import links
from scheduler.storage.links import Link

PURPOSE = "offer"
"""Of the private link in such a text."""

ONE, SEVERAL = "offer", "offer_to_several"
KINDS = frozenset({ONE, SEVERAL})


def may_text(clinic: Clinic, *, now: datetime) -> bool:
    """Whether an offer made now would be texted by day. If not it waits: nothing is offered."""
    quiet = quiet_hours(clinic)
    return now not in quiet and now + MARGIN not in quiet


def quiet_hours(clinic: Clinic) -> QuietHours:
    """The hours in which a clinic texts nobody of its own accord."""
    return QuietHours(
        time.fromisoformat(clinic.quiet_from),
        time.fromisoformat(clinic.quiet_to),
        ZoneInfo(clinic.timezone),
    )


def keep_in_step(session: Session, key: str, *, now: datetime) -> None:
    """Owe a text for each offer that runs and has none; withdraw those whose offer is over.

    `key`: the secret that private links are made of.
    """
    for message in _owed(session):
        if reason := why_gone(session, message, now=now):
            message.state, message.reason = MessageState.WITHDRAWN, reason
            session.add(message)
    for offer in _untold(session, now):
        _owe(session, key, offer, now)
    session.flush()


def is_in_step(session: Session, *, now: datetime) -> bool:
    """Whether there is nothing to do for `keep_in_step`. Only reads."""
    gone = any(why_gone(session, message, now=now) for message in _owed(session))
    return not gone and not _untold(session, now)


def why_gone(session: Session, message: Message, *, now: datetime) -> str:
    """Why the text of an offer must not go out now, as a sentence for staff; empty: it may."""
    offer = _offer_of(session, message)
    if offer is None or offer.state != OfferState.OPEN or offer.expires_at <= now:
        return "The offer is over."
    clinic = session.get_one(Clinic, offer.clinic_id)
    if quiet_hours(clinic).roomy(now) > now:
        return "Nobody is offered anything at night."
    patient = session.get(Patient, message.patient_id)
    if patient is None or patient.erased_at or not patient.sms_consent:
        return "The patient does not agree to texts."
    if patient.phone != message.phone:
        return "The patient has another phone now."
    return ""


def not_after(session: Session, message: Message, *, now: datetime) -> datetime:
    """By when the text of an offer must have arrived that is sent now: not in the night."""
    clinic = session.get_one(Clinic, message.clinic_id)
    return min(message.expires_at, quiet_hours(clinic).next_start(now))


def _owed(session: Session) -> Sequence[Message]:
    return session.exec(
        select(Message)
        .where(Message.state == MessageState.OWED, col(Message.kind).in_(KINDS))
        .order_by(col(Message.id))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _untold(session: Session, now: datetime) -> Sequence[Offer]:
    """Offers that run and that nobody was told of."""
    told = select(Link.subject_id).where(Link.purpose == PURPOSE)
    return session.exec(
        select(Offer)
        .where(
            Offer.state == OfferState.OPEN,
            col(Offer.expires_at) > now,
            col(Offer.id).not_in(told),
        )
        .order_by(col(Offer.id))
        # Whoever is just telling of one, or ending it, is not waited for.
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _owe(session: Session, key: str, offer: Offer, now: datetime) -> None:
    entry = session.get_one(WaitlistEntry, offer.entry_id)
    patient = session.get_one(Patient, entry.patient_id)
    clinic = session.get_one(Clinic, offer.clinic_id)
    own = session.get(Appointment, entry.appointment_id) if entry.appointment_id else None
    link, _ = links.mint(
        session,
        key,
        purpose=PURPOSE,
        subject_id=offer.id or 0,
        now=now,
        expires_at=offer.expires_at,
    )
    session.add(
        Message(
            clinic_id=offer.clinic_id,
            key=f"offer:{offer.id}",
            kind=SEVERAL if offer.to_several else ONE,
            course_id=own.course_id if own else None,
            patient_id=patient.id,
            link_id=link.id,
            about=offer.starts_at,
            phone=patient.phone,
            language=patient.language,
            text=_text(offer, clinic, patient),
            asked=True,
            priority=100,
            due_at=now,
            expires_at=offer.expires_at,
            created_at=now,
        )
    )


def _text(offer: Offer, clinic: Clinic, patient: Patient) -> str:
    zone = ZoneInfo(clinic.timezone)
    clock = templating.clock_of(clinic.country)
    language = languages.of(patient.language, clinic.language)
    kind = SEVERAL if offer.to_several else ONE
    return templating.render(
        default_texts.answer(kind, patient.language, clinic.language),
        {
            **outbox.fields_of(clinic),
            **templating.when(offer.starts_at.astimezone(zone), language, clock),
            "until": language.time(offer.expires_at.astimezone(zone), clock),
        },
    )


def _offer_of(session: Session, message: Message) -> Offer | None:
    link = session.get(Link, message.link_id) if message.link_id else None
    if link is None:
        return None
    return session.exec(
        select(Offer).where(Offer.id == link.subject_id).execution_options(populate_existing=True)
    ).first()
