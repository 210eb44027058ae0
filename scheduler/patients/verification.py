"""Phone verification with a code of six digits.

Rate limits prevent SMS pumping, in which an attacker uses the form to send texts at the clinic's
cost; Twilio calls it the most frequent fraud on such forms. The limits count only codes, so
reminders are not affected.
"""

import logging
import secrets
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlmodel import Session, col, func, select, update

from scheduler.clinic.models import Clinic
from scheduler.http.origins import origin_and_network
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid, TooMany
from scheduler.patients.models import PhoneCode
from scheduler.storage import links

VALID_FOR = timedelta(minutes=10)
MAX_TRIES = 5
RESEND_AFTER = timedelta(seconds=60)
"""How long a patient must wait before requesting another code. Most texts arrive sooner."""

PER_PHONE_WHILE_VALID = 2
"""Codes to one phone within ten minutes. One text is easily lost, and a patient should not wait ten
minutes for the next. If two codes do not arrive, a third will not either, and the owner of a
mistyped number should not get many. The daily limit also counts the other texts to a phone that no
patient has."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PER_PHONE_A_DAY = 3
PER_ORIGIN_AN_HOUR = 5
PER_NETWORK_AN_HOUR = 20
PER_CLINIC_A_DAY = 500

log = logging.getLogger(__name__)


def begin(session: Session, *, clinic_id: int, phone: str, origin: str, now: datetime) -> PhoneCode:
    """A new code for a phone (E.164). Raises TooMany if phone, origin or clinic is over a limit."""
    origin, network = origin_and_network(origin)
    # One at a time per clinic: two transactions that count at once would both stay below the limit.
    session.exec(select(Clinic.id).where(Clinic.id == clinic_id).with_for_update(key_share=True))
    code = PhoneCode(
        clinic_id=clinic_id,
        phone=phone,
        nonce=secrets.token_hex(16),
        origin=origin,
        network=network,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    _stay_within_budget(session, code)
    session.add(code)
    session.flush()
    return code


def check(session: Session, code: PhoneCode, typed: str, *, key: str, now: datetime) -> None:
    """Verify the phone with the typed code, and count the attempt.

    Raises Invalid if the code is wrong, has expired or was tried too often. The caller must catch
    that and commit: if the count were rolled back, guessing would be free.
    """
    counted = session.exec(
        update(PhoneCode)
        .where(col(PhoneCode.id) == code.id, col(PhoneCode.tries) < MAX_TRIES)
        .values(tries=col(PhoneCode.tries) + 1)
    )
    if counted.rowcount == 0:
        raise Invalid(_("That was one try too many. Please ask for a new code."), field="code")
    if code.expires_at <= now:
        raise Invalid(_("This code has lapsed. Please ask for a new one."), field="code")
    digits = "".join(character for character in typed if character.isdecimal())
    if not compare_digest(digits.encode(), links.code_of(key, code.nonce).encode()):
        raise Invalid(
            _("This is not the code that we texted. Please look at the text again."), field="code"
        )
    code.proved_at = now
    session.add(code)
    session.flush()


def too_many() -> TooMany:
    """The error for a request over a limit. It is the same for every limit."""
    return TooMany(
        _("We cannot text another code now. Please try later, or call us."), retry_after=3600
    )


def _stay_within_budget(session: Session, code: PhoneCode) -> None:
    def codes(since: timedelta, field: str) -> int:
        return session.exec(
            select(func.count())
            .select_from(PhoneCode)
            .where(
                col(PhoneCode.created_at) > code.created_at - since,
                getattr(PhoneCode, field) == getattr(code, field),
            )
        ).one()

    if codes(RESEND_AFTER, "phone"):
        raise TooMany(
            _("We have just texted a code. Please wait a minute before asking for another.")
        )
    if codes(VALID_FOR, "phone") >= PER_PHONE_WHILE_VALID:
        raise TooMany(
            _(
                "We have texted two codes to this phone. Please wait ten minutes before asking"
                " for another, or call us."
            ),
            retry_after=int(VALID_FOR.total_seconds()),
        )
    if codes(DAY, "clinic_id") >= PER_CLINIC_A_DAY:
        log.error(
            "Clinic %d sends no more codes today: it has reached the limit of %d."
            " The booking form may be under attack.",
            code.clinic_id,
            PER_CLINIC_A_DAY,
        )
        raise too_many()
    if (
        codes(DAY, "phone") >= PER_PHONE_A_DAY
        or (code.origin and codes(HOUR, "origin") >= PER_ORIGIN_AN_HOUR)
        or (code.network and codes(HOUR, "network") >= PER_NETWORK_AN_HOUR)
    ):
        raise too_many()
