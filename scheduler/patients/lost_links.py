"""Asking for a private link to be texted again, by nothing but a phone.

The same is done and said whether anybody here has the phone or not: the request is written down,
and the worker looks for it. Budgets count what was asked, so that they tell nothing either.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, func, select

from scheduler.http.origins import origin_and_network
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import TooMany
from scheduler.patients.models import LinkRequest
from scheduler.patients.verification import DAY, HOUR, PATIENCE
from scheduler.storage.database import take_turn

PER_PHONE_A_DAY = 3
PER_ORIGIN_AN_HOUR = 5
PER_NETWORK_AN_HOUR = 20


def ask(session: Session, *, phone: str, key: str, origin: str, now: datetime) -> None:
    """Somebody wants the links of a phone (E.164). TooMany where it was asked too often.

    `key`: the secret with which phones are hashed; the number itself is kept until it was looked
    for, and no longer.
    """
    take_turn(session, "lost link")
    origin, network = origin_and_network(origin)
    request = LinkRequest(
        phone=phone,
        phone_hash=_hash_of(phone, key),
        origin=origin,
        network=network,
        created_at=now,
    )
    _stay_within_budget(session, request)
    session.add(request)
    session.flush()


def waiting(session: Session) -> Sequence[LinkRequest]:
    """The requests that nobody has looked for yet, locked; another worker's are left out."""
    return session.exec(
        select(LinkRequest)
        .where(LinkRequest.phone != "")
        .order_by(col(LinkRequest.id))
        .with_for_update(skip_locked=True)
    ).all()


def is_any_waiting(session: Session) -> bool:
    """Whether there is something to look for. Only reads."""
    return session.exec(select(LinkRequest.id).where(LinkRequest.phone != "")).first() is not None


def done(session: Session, request: LinkRequest) -> None:
    """It was looked for: the number is forgotten."""
    request.phone = ""
    session.add(request)
    session.flush()


def forget_old(session: Session, *, now: datetime) -> None:
    """Drop what no longer counts towards any limit."""
    session.exec(delete(LinkRequest).where(col(LinkRequest.created_at) <= now - DAY))


def _stay_within_budget(session: Session, request: LinkRequest) -> None:
    def asked(since: timedelta, field: str) -> int:
        return session.exec(
            select(func.count())
            .select_from(LinkRequest)
            .where(
                col(LinkRequest.created_at) > request.created_at - since,
                getattr(LinkRequest, field) == getattr(request, field),
            )
        ).one()

    if asked(PATIENCE, "phone_hash"):
        raise TooMany(_("This was asked a moment ago. Please wait a minute before asking again."))
    if (
        asked(DAY, "phone_hash") >= PER_PHONE_A_DAY
        or (request.origin and asked(HOUR, "origin") >= PER_ORIGIN_AN_HOUR)
        or (request.network and asked(HOUR, "network") >= PER_NETWORK_AN_HOUR)
    ):
        raise TooMany(
            _("This was asked too often. Please try later, or call us."), retry_after=3600
        )


def _hash_of(phone: str, key: str) -> str:
    return hmac.new(key.encode(), b"phone:" + phone.encode(), hashlib.sha256).hexdigest()
