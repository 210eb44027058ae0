"""A phone is proved by six digits texted to it.

Budgets keep the form from being used to text strangers at the clinic's cost: Twilio names such
"SMS pumping" the most frequent fraud on forms that send codes. They count codes alone, so that
nobody's reminders give way to a flood of them.
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

LIVES = timedelta(minutes=10)
MAX_TRIES = 5
PATIENCE = timedelta(seconds=60)
"""How long to wait before a second code can be asked for: most texts come within it."""

PER_PHONE_IN_ITS_LIFE = 2
"""Codes to a phone within ten minutes. One lost text is common, and nobody who has just filled a
form should wait ten minutes for it; whom a second does not reach, a third in the same minutes
reaches no better, and to somebody who never asked it is a flood. Three a day hold besides, whatever
they were for: of those, all other texts to a phone that no patient has are counted too."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PER_PHONE_A_DAY = 3
PER_ORIGIN_AN_HOUR = 5
PER_NETWORK_AN_HOUR = 20
PER_CLINIC_A_DAY = 500

log = logging.getLogger(__name__)


def begin(session: Session, *, clinic_id: int, phone: str, origin: str, now: datetime) -> PhoneCode:
    """A new code for a phone (E.164). TooMany where phone, address or clinic had too many."""
    origin, network = origin_and_network(origin)
    # One at a time for a clinic: a budget that two could read at once would hold for neither.
    session.exec(select(Clinic.id).where(Clinic.id == clinic_id).with_for_update(key_share=True))
    code = PhoneCode(
        clinic_id=clinic_id,
        phone=phone,
        nonce=secrets.token_hex(16),
        origin=origin,
        network=network,
        created_at=now,
        expires_at=now + LIVES,
    )
    _stay_within_budget(session, code)
    session.add(code)
    session.flush()
    return code


def check(session: Session, code: PhoneCode, typed: str, *, key: str, now: datetime) -> None:
    """Prove the phone with what was typed, counting the try.

    Raises Unfit with a sentence when the digits are wrong, have lapsed or were tried too often. The
    door must catch it and answer all the same, so that the count is committed: a try that is rolled
    back would make guessing free.
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
    digits = "".join(sign for sign in typed if sign.isdecimal())
    if not compare_digest(digits.encode(), links.code_of(key, code.nonce).encode()):
        raise Invalid(
            _("This is not the code that we texted. Please look at the text again."), field="code"
        )
    code.proved_at = now
    session.add(code)
    session.flush()


def too_many() -> TooMany:
    """What somebody is told for whom no more codes are texted, whichever limit it was."""
    return TooMany(
        _("We cannot text another code now. Please try later, or call us."), retry_after=3600
    )


def _stay_within_budget(session: Session, code: PhoneCode) -> None:
    def asked(since: timedelta, field: str) -> int:
        return session.exec(
            select(func.count())
            .select_from(PhoneCode)
            .where(
                col(PhoneCode.created_at) > code.created_at - since,
                getattr(PhoneCode, field) == getattr(code, field),
            )
        ).one()

    if asked(PATIENCE, "phone"):
        raise TooMany(
            _("We have just texted a code. Please wait a minute before asking for another.")
        )
    if asked(LIVES, "phone") >= PER_PHONE_IN_ITS_LIFE:
        raise TooMany(
            _(
                "We have texted two codes to this phone. Please wait ten minutes before asking"
                " for another, or call us."
            ),
            retry_after=int(LIVES.total_seconds()),
        )
    if asked(DAY, "clinic_id") >= PER_CLINIC_A_DAY:
        log.error(
            "No more codes are texted for clinic %d: %d were asked for within a day."
            " Somebody may be misusing the booking form.",
            code.clinic_id,
            PER_CLINIC_A_DAY,
        )
        raise too_many()
    if (
        asked(DAY, "phone") >= PER_PHONE_A_DAY
        or (code.origin and asked(HOUR, "origin") >= PER_ORIGIN_AN_HOUR)
        or (code.network and asked(HOUR, "network") >= PER_NETWORK_AN_HOUR)
    ):
        raise too_many()
