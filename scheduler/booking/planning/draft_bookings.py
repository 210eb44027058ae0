"""The booking form while somebody fills it: what was said so far, found again by its address.

The token in the address is all there is to it: no cookie, so that it works inside a frame, in two
tabs, and on a phone that forgets. Only its hash is stored.
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

LIVES = timedelta(days=1)
AT_ONCE_PER_PHONE = 2
"""How many forms of one household may keep times for a phone that they have yet to prove.

Of one household: who types the phone of somebody else does not keep that one from booking.
"""


class EnquiryGone(links.NoSuchLink):
    """This form is no longer open. Please start again; a booking that was made is not lost."""


class TooManyDrafts(TooMany):
    sentence = (
        "Other forms keep times for this phone and have not yet proved it by the code."
        " Please finish or leave one of them, or try again in ten minutes."
    )


def begin(
    session: Session, treatment: Treatment, *, origin: str, now: datetime
) -> tuple[Enquiry, str]:
    """An empty form for a treatment, and the token of its address (128 bits, 22 characters)."""
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


def claim_phone(session: Session, enquiry: Enquiry, phone: str, *, now: datetime) -> None:
    """Let a form keep times for a phone (E.164) that it has yet to prove.

    TooMany where as many others of the household do as may. It speaks of open forms, at whichever
    clinic, and is the same whether the phone is a patient's or nobody's. To be called before times
    are claimed: whoever waits here must not be waited for on the diary.
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
        raise TooManyDrafts(retry_after=int(holds.KEPT.total_seconds()))
    enquiry.unproved_phone = phone
    session.add(enquiry)
    session.flush()


def leave(session: Session, enquiry: Enquiry) -> None:
    """End a form: its times are free at once, and what was typed into it is gone."""
    hold_id = enquiry.hold_id
    session.delete(enquiry)
    session.flush()
    if hold_id is not None:
        holds.release(session, hold_id)


def forget_old(session: Session, *, now: datetime) -> None:
    """Drop forms that can no longer be reached, and what was typed into them."""
    session.exec(delete(Enquiry).where(col(Enquiry.created_at) <= now - LIVES))
