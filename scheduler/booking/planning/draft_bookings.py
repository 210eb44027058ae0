"""Draft bookings: a booking form in progress with its answers, found by the token in its address.

A token instead of a cookie works inside a frame, in two tabs, and in a browser that drops cookies.
Only its hash is stored.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete, func, select

from scheduler.booking.availability import holds
from scheduler.booking.models import Enquiry, Hold
from scheduler.clinic.models import Treatment
from scheduler.http.origins import household
from scheduler.infra.errors import TooMany
from scheduler.storage import links
from scheduler.storage.database import stored_id, take_turn

LIFETIME = timedelta(days=1)
AT_ONCE_PER_PHONE = 2
"""The most forms of one household that may hold times for the same unproved phone.

The limit counts per household, so that a stranger who types a patient's phone cannot keep that
patient from booking.
"""


FORMS_PER_PERIOD = 120
PERIOD = timedelta(hours=1)
"""Forms that one household may open in a period. A clinic's tablet opens many; a script more."""


class TooManyForms(TooMany):
    sentence = (
        "Too many booking forms were opened from here within an hour. Please try again later, or"
        " call the clinic."
    )


class EnquiryGone(links.NoSuchLink):
    sentence = (
        "This form is no longer open. Please start again; a booking that was made is not lost."
    )


class TooManyDrafts(TooMany):
    sentence = (
        "Other forms keep times for this phone and have not yet proved it by the code."
        " Please finish or leave one of them, or try again in ten minutes."
    )


def begin(
    session: Session, treatment: Treatment, *, origin: str, now: datetime
) -> tuple[Enquiry, str]:
    """Create an empty form; returns it and the token of its address (128 bits, 22 characters).

    Raises TooManyForms if the household has opened very many lately.
    """
    _stay_within_budget(session, household(origin), now)
    token = secrets.token_urlsafe(16)
    enquiry = Enquiry(
        clinic_id=treatment.clinic_id,
        treatment_id=stored_id(treatment.id),
        token_hash=links.hash_of(token),
        origin=household(origin),
        created_at=now,
    )
    session.add(enquiry)
    session.flush()
    return enquiry, token


def _stay_within_budget(session: Session, origin: str, now: datetime) -> None:
    if not origin:
        return
    opened = session.exec(
        select(func.count())
        .select_from(Enquiry)
        .where(Enquiry.origin == origin, col(Enquiry.created_at) > now - PERIOD)
    ).one()
    if opened >= FORMS_PER_PERIOD:
        raise TooManyForms(retry_after=int(PERIOD.total_seconds()))


def find(session: Session, token: str, *, now: datetime, lock: bool = False) -> Enquiry:
    """The form at an address; EnquiryGone if it is unknown or too old.

    `lock`: if the same step arrives twice at once, the second request waits and then sees what the
    first has done. SQLite has a single writer and needs no lock.
    """
    wanted = select(Enquiry).where(
        Enquiry.token_hash == links.hash_of(token), col(Enquiry.created_at) > now - LIFETIME
    )
    enquiry = session.exec(wanted.with_for_update() if lock else wanted).first()
    if enquiry is None:
        raise EnquiryGone
    return enquiry


def keep(session: Session, enquiry: Enquiry, **answers: Any) -> None:
    """Store answers, fields of DraftAnswers, beside earlier ones. None deletes an answer."""
    enquiry.answers = enquiry.answers.model_copy(update=answers)
    session.add(enquiry)
    session.flush()


def claim_phone(session: Session, enquiry: Enquiry, phone: str, *, now: datetime) -> None:
    """Allow a form to hold times for a phone (E.164) that it has not proved yet.

    TooManyDrafts if the household has reached the limit, counted over all clinics. The answer does
    not depend on whether the phone belongs to a patient. Call this before times are claimed: a
    transaction that waits here must not block others on the diary.
    """
    take_turn(session, f"form:{phone}")
    others = session.exec(
        select(func.count())
        .select_from(Enquiry)
        .join(Hold, col(Hold.id) == col(Enquiry.hold_id))
        .where(
            Enquiry.unproved_phone == phone,
            Enquiry.origin == enquiry.origin,
            Enquiry.id != enquiry.id,
            col(Hold.expires_at) > now,
        )
    ).one()
    if others >= AT_ONCE_PER_PHONE:
        raise TooManyDrafts(retry_after=int(holds.HOLD_KEPT_FOR.total_seconds()))
    enquiry.unproved_phone = phone
    session.add(enquiry)
    session.flush()


def leave(session: Session, enquiry: Enquiry) -> None:
    """Delete a form with its answers, and free its times."""
    hold_id = enquiry.hold_id
    session.delete(enquiry)
    session.flush()
    if hold_id is not None:
        holds.release(session, hold_id)


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete all forms that are too old to be opened."""
    session.exec(delete(Enquiry).where(col(Enquiry.created_at) <= now - LIFETIME))
