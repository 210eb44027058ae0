"""Requests to text a private link again, by phone number.

The page behaves the same whether or not a patient has the phone: it stores the request, and the
worker answers it later. Rate limits count requests, so they do not reveal it either.
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
from scheduler.patients.verification import DAY, HOUR, RESEND_AFTER
from scheduler.storage.database import take_turn

PER_PHONE_A_DAY = 3
PER_ORIGIN_AN_HOUR = 5
PER_NETWORK_AN_HOUR = 20


def ask(session: Session, *, phone: str, key: str, origin: str, now: datetime) -> None:
    """Store a request for the links of a phone (E.164). Raises TooMany if over a limit.

    `key`: the secret for hashing phones. The number itself is deleted when the worker answers.
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
    """The unanswered requests, locked, without those that another worker has locked."""
    return session.exec(
        select(LinkRequest)
        .where(LinkRequest.phone != "")
        .order_by(col(LinkRequest.id))
        .with_for_update(skip_locked=True)
    ).all()


def is_any_waiting(session: Session) -> bool:
    """Whether there are unanswered requests. Takes no locks."""
    return session.exec(select(LinkRequest.id).where(LinkRequest.phone != "")).first() is not None


def done(session: Session, request: LinkRequest) -> None:
    """Mark a request as answered by deleting the number."""
    request.phone = ""
    session.add(request)
    session.flush()


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete requests that no longer count toward any limit."""
    session.exec(delete(LinkRequest).where(col(LinkRequest.created_at) <= now - DAY))


def _stay_within_budget(session: Session, request: LinkRequest) -> None:
    def requests(since: timedelta, field: str) -> int:
        return session.exec(
            select(func.count())
            .select_from(LinkRequest)
            .where(
                col(LinkRequest.created_at) > request.created_at - since,
                getattr(LinkRequest, field) == getattr(request, field),
            )
        ).one()

    if requests(RESEND_AFTER, "phone_hash"):
        raise TooMany(_("This was asked a moment ago. Please wait a minute before asking again."))
    if (
        requests(DAY, "phone_hash") >= PER_PHONE_A_DAY
        or (request.origin and requests(HOUR, "origin") >= PER_ORIGIN_AN_HOUR)
        or (request.network and requests(HOUR, "network") >= PER_NETWORK_AN_HOUR)
    ):
        raise TooMany(
            _("This was asked too often. Please try later, or call us."), retry_after=3600
        )


def _hash_of(phone: str, key: str) -> str:
    return hmac.new(key.encode(), b"phone:" + phone.encode(), hashlib.sha256).hexdigest()
