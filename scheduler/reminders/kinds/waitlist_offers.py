"""Messages that offer free times to patients on the waitlist.

Nothing notifies this module of new or ended offers. Open offers are compared with the messages that
exist, and the offer is checked again right before its message goes out. Patients on the waitlist
have asked for these messages, so they count for no limit, but they do not go out at night.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking.models import Appointment, Offer, OfferState, WaitlistEntry
from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.patients.models import Patient
from scheduler.reminders import message_key
from scheduler.reminders.kinds.message_kind import MessageKind
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import immediate, message_text
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.quiet_hours import MARGIN, QuietHours
from scheduler.storage import links
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link

OFFER_LINK = "offer"
"""The purpose of the private link in such a message."""

ONE, SEVERAL = "offer", "offer_to_several"
OFFER_KINDS = frozenset({ONE, SEVERAL})


@dataclass(frozen=True, kw_only=True)
class WaitlistOffer(MessageKind):
    """The message is true while the offer is open."""

    def outdated(self, session: Session, message: Message, *, now: datetime) -> Reason | None:
        """The offer is over, or it is night."""
        offer = _offer_of(session, message)
        if offer is None or offer.state != OfferState.OPEN or offer.expires_at <= now:
            return Reason.OFFER_OVER
        clinic = session.get_one(Clinic, offer.clinic_id)
        return Reason.OFFER_AT_NIGHT if quiet_hours(clinic).roomy(now) > now else None

    def not_after(self, session: Session, message: Message, *, now: datetime) -> datetime:
        """When the offer ends or the quiet hours begin."""
        clinic = session.get_one(Clinic, message.clinic_id)
        return min(message.expires_at, quiet_hours(clinic).next_start(now))


WAITLIST_OFFER = WaitlistOffer(needs_patient=True, needs_consent=True, link_path="offers")


def may_text(clinic: Clinic, *, now: datetime) -> bool:
    """Whether a message about an offer that is made now would arrive by day."""
    quiet = quiet_hours(clinic)
    return now not in quiet and now + MARGIN not in quiet


def quiet_hours(clinic: Clinic) -> QuietHours:
    """The hours in which a clinic sends no unasked messages."""
    return QuietHours(
        time.fromisoformat(clinic.quiet_from),
        time.fromisoformat(clinic.quiet_to),
        ZoneInfo(clinic.timezone),
    )


def keep_in_step(session: Session, key: str, *, now: datetime) -> None:
    """Owe a message for each open offer without one, and withdraw those of ended offers.

    `key` is the secret from which private links are made.
    """
    for message in _owed(session):
        if reason := WAITLIST_OFFER.obstacle(session, message, now=now):
            message.state, message.reason = MessageState.WITHDRAWN, reason
            session.add(message)
    for offer in _without_message(session, now):
        _owe(session, key, offer, now)
    session.flush()


def is_in_step(session: Session, *, now: datetime) -> bool:
    """Whether `keep_in_step` has nothing to do. Only reads."""
    is_any_over = any(
        WAITLIST_OFFER.obstacle(session, message, now=now) for message in _owed(session)
    )
    return not is_any_over and not _without_message(session, now)


def _owed(session: Session) -> Sequence[Message]:
    return session.exec(
        select(Message)
        .where(Message.state == MessageState.OWED, col(Message.kind).in_(OFFER_KINDS))
        .order_by(col(Message.id))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _without_message(session: Session, now: datetime) -> Sequence[Offer]:
    """Open offers without a private link: the link is made with the message."""
    with_link = select(Link.subject_id).where(Link.purpose == OFFER_LINK)
    return session.exec(
        select(Offer)
        .where(
            Offer.state == OfferState.OPEN,
            col(Offer.expires_at) > now,
            col(Offer.id).not_in(with_link),
        )
        .order_by(col(Offer.id))
        # A transaction that ends the offer or owes its message holds a lock: skip the offer.
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
        purpose=OFFER_LINK,
        subject_id=stored_id(offer.id),
        now=now,
        expires_at=offer.expires_at,
    )
    immediate.owe(
        session,
        clinic,
        SEVERAL if offer.to_several else ONE,
        key=message_key.of_offer(stored_id(offer.id)),
        phone=patient.phone,
        language=patient.language,
        now=now,
        expires_at=offer.expires_at,
        fields=_fields(offer, clinic, patient),
        course_id=own.course_id if own else None,
        patient_id=patient.id,
        link_id=link.id,
        about=offer.starts_at,
    )


def send_again(session: Session, message: Message, *, reply_id: int, now: datetime) -> bool:
    """Owe an offer's message again, after a reply that says yes. False if the offer is over."""
    offer = _offer_of(session, message)
    if offer is None or WAITLIST_OFFER.outdated(session, message, now=now):
        return False
    clinic = session.get_one(Clinic, offer.clinic_id)
    entry = session.get_one(WaitlistEntry, offer.entry_id)
    immediate.owe(
        session,
        clinic,
        message.kind,
        key=message_key.of_answer(reply_id, message.kind),
        phone=message.phone,
        language=message.language,
        now=now,
        expires_at=offer.expires_at,
        fields=_fields(offer, clinic, session.get_one(Patient, entry.patient_id)),
        course_id=message.course_id,
        patient_id=message.patient_id,
        link_id=message.link_id,
        reply_id=reply_id,
        about=message.about,
    )
    return True


def _fields(offer: Offer, clinic: Clinic, patient: Patient) -> dict[str, str]:
    language = languages.of(patient.language, clinic.language)
    until = offer.expires_at.astimezone(ZoneInfo(clinic.timezone))
    return {
        **message_text.time_fields(clinic, language, offer.starts_at),
        "until": language.time(until, templating.clock_of(clinic.country)),
    }


def _offer_of(session: Session, message: Message) -> Offer | None:
    link = session.get(Link, message.link_id) if message.link_id else None
    if link is None:
        return None
    return session.exec(
        select(Offer).where(Offer.id == link.subject_id).execution_options(populate_existing=True)
    ).first()
