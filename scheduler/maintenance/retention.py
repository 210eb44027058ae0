"""How long rows are kept, table by table, and the deletion of those that are no longer needed.

Every table is in exactly one of `PRUNED` and `KEPT`. docs/operations.md states the same to
operators.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, or_, select

from scheduler.booking.availability import holds
from scheduler.booking.models import Enquiry
from scheduler.booking.planning import draft_bookings
from scheduler.http import idempotency
from scheduler.patients import lost_links
from scheduler.patients.models import PhoneCode
from scheduler.reminders.models import Message
from scheduler.staff.models import SignIn, SignInTry
from scheduler.storage.links import Link

KEEP_CODES = timedelta(days=30)
KEEP_SIGN_INS = timedelta(days=30)
KEEP_LINKS = timedelta(days=90)
KEEP_SIGN_IN_TRIES = timedelta(days=1)
AT_ONCE = 1000

CALENDAR = "the calendar and its history, until a patient is erased"
SETUP = "the setup of the clinic, which its history refers to"
EVIDENCE = "evidence of consent and care, until a patient is erased"
TEXTS = "the record of texts and replies, until a patient is erased"
ACCESS = "who may enter; the audit trail refers to it"
ONE_ROW = "a few rows that are overwritten"

PRUNED = {
    "enquiries": "1 day after the form was opened",
    "holds": "when the hold has expired",
    "idempotency_keys": "2 days",
    "link_requests": "1 day",
    "links": "90 days after expiry or revocation, unless a text or form refers to the link",
    "phone_codes": "30 days after expiry, unless a text or form refers to the code",
    "sign_in_tries": "1 day",
    "sign_ins": "30 days after expiry",
}
KEPT = {
    "absence_proposals": CALENDAR,
    "api_keys": ACCESS,
    "appointment_changes": CALENDAR,
    "appointments": CALENDAR,
    "attempts": TEXTS,
    "audit_entries": "append-only",
    "audit_seals": "append-only",
    "calendars": CALENDAR,
    "carrier_line": ONE_ROW,
    "clinics": SETUP,
    "closures": CALENDAR,
    "consent_records": EVIDENCE,
    "course_events": CALENDAR,
    "courses": CALENDAR,
    "diary": CALENDAR,
    "inbox_looks": ONE_ROW,
    "installation": ONE_ROW,
    "mass_texts": TEXTS,
    "members": ACCESS,
    "memberships": ACCESS,
    "messages": TEXTS,
    "opt_outs": EVIDENCE,
    "patients": CALENDAR,
    "practitioners": SETUP,
    "receipts": TEXTS,
    "reminder_rules": SETUP,
    "replies": TEXTS,
    "rooms": SETUP,
    "scores": EVIDENCE,
    "screenings": EVIDENCE,
    "time_off": CALENDAR,
    "treatment_practitioners": SETUP,
    "treatment_rooms": SETUP,
    "treatments": SETUP,
    "waitlist_entries": CALENDAR,
    "waitlist_offers": CALENDAR,
    "working_hours": SETUP,
    "zone_rules": ONE_ROW,
}


def release(session: Session, *, now: datetime) -> None:
    """Delete expired holds and everything else that is kept for two days or less."""
    holds.release_lapsed(session, now=now)
    draft_bookings.forget_old(session, now=now)
    idempotency.forget_old(session, now=now)
    lost_links.forget_old(session, now=now)
    session.exec(delete(SignInTry).where(col(SignInTry.at) <= now - KEEP_SIGN_IN_TRIES))


def prune(session: Session, *, now: datetime) -> None:
    """Delete old sign-ins, and old phone codes and links to which no text or form refers.

    At most `AT_ONCE` codes and links in one run, so that other writers do not wait long.
    """
    session.exec(delete(SignIn).where(col(SignIn.expires_at) <= now - KEEP_SIGN_INS))
    codes = select(PhoneCode.id).where(
        col(PhoneCode.expires_at) <= now - KEEP_CODES,
        ~select(Message.id).where(Message.phone_code_id == PhoneCode.id).exists(),
        ~select(Enquiry.id).where(Enquiry.phone_code_id == PhoneCode.id).exists(),
    )
    session.exec(delete(PhoneCode).where(col(PhoneCode.id).in_(codes.limit(AT_ONCE))))
    over = now - KEEP_LINKS
    old_links = select(Link.id).where(
        or_(col(Link.expires_at) <= over, col(Link.revoked_at) <= over),
        ~select(Message.id).where(Message.link_id == Link.id).exists(),
        ~select(Enquiry.id).where(Enquiry.link_id == Link.id).exists(),
    )
    session.exec(delete(Link).where(col(Link.id).in_(old_links.limit(AT_ONCE))))
