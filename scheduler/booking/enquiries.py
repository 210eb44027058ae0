"""The booking form while somebody fills it: what was said so far, found again by its address.

The token in the address is all there is to it: no cookie, so that it works inside a frame, in two
tabs, and on a phone that forgets. Only its hash is stored.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete, select

from scheduler import links
from scheduler.booking.models import Enquiry
from scheduler.clinic.models import Treatment
from scheduler.database import known
from scheduler.errors import NotFound

LIVES = timedelta(days=1)


class EnquiryGone(NotFound):
    """This form is no longer open. Please start again; a booking that was made is not lost."""


def begin(
    session: Session, treatment: Treatment, *, origin: str, now: datetime
) -> tuple[Enquiry, str]:
    """An empty form for a treatment, and the token of its address (128 bits, 22 characters)."""
    token = secrets.token_urlsafe(16)
    enquiry = Enquiry(
        clinic_id=treatment.clinic_id,
        treatment_id=known(treatment.id),
        token_hash=links.hash_of(token),
        origin=origin,
        created_at=now,
    )
    session.add(enquiry)
    session.flush()
    return enquiry, token


def find(session: Session, token: str, *, now: datetime, lock: bool = False) -> Enquiry:
    """The form at an address; EnquiryGone alike for one that is unknown or too old.

    `lock`: whoever sends the same step twice at once waits for the first, and then finds what that
    one did. SQLite has one writer anyway.
    """
    wanted = select(Enquiry).where(
        Enquiry.token_hash == links.hash_of(token), col(Enquiry.created_at) > now - LIVES
    )
    enquiry = session.exec(wanted.with_for_update() if lock else wanted).first()
    if enquiry is None:
        raise EnquiryGone
    return enquiry


def keep(session: Session, enquiry: Enquiry, **answers: Any) -> None:
    """Remember answers, beside and instead of those given before. None forgets one."""
    kept = {**enquiry.answers, **answers}
    # A new dict: a change inside the old one would go unnoticed and unsaved.
    enquiry.answers = {name: value for name, value in kept.items() if value is not None}
    session.add(enquiry)
    session.flush()


def forget_old(session: Session, *, now: datetime) -> None:
    """Drop forms that can no longer be reached, and what was typed into them."""
    session.exec(delete(Enquiry).where(col(Enquiry.created_at) <= now - LIVES))
