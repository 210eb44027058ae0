"""A phone is proved by six digits texted to it.

Budgets keep the form from being used to text strangers at the clinic's cost: Twilio names such
"SMS pumping" the most frequent fraud on forms that send codes.
"""

import secrets
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlmodel import Session, col, func, select, update

from scheduler import links
from scheduler.errors import TooMany, Unfit
from scheduler.patients.models import PhoneCode

LIVES = timedelta(minutes=10)
MAX_TRIES = 5
PATIENCE = timedelta(seconds=60)
"""How long to wait before another code can be asked for."""

PER_PHONE_A_DAY = 5
PER_ORIGIN_AN_HOUR = 10
PER_CLINIC_A_DAY = 500


def begin(session: Session, *, clinic_id: int, phone: str, origin: str, now: datetime) -> PhoneCode:
    """A new code for a phone (E.164). TooMany where phone, address or clinic had too many."""
    _stay_within_budget(session, clinic_id=clinic_id, phone=phone, origin=origin, now=now)
    code = PhoneCode(
        clinic_id=clinic_id,
        phone=phone,
        nonce=secrets.token_hex(16),
        origin=origin,
        created_at=now,
        expires_at=now + LIVES,
    )
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
        raise Unfit("That was one try too many. Please ask for a new code.", field="code")
    if code.expires_at <= now:
        raise Unfit("This code has lapsed. Please ask for a new one.", field="code")
    digits = "".join(sign for sign in typed if sign.isdecimal())
    if not compare_digest(digits.encode(), links.code_of(key, code.nonce).encode()):
        raise Unfit(
            "This is not the code that we texted. Please look at the text again.", field="code"
        )
    code.proved_at = now
    session.add(code)
    session.flush()


def _stay_within_budget(
    session: Session, *, clinic_id: int, phone: str, origin: str, now: datetime
) -> None:
    def count(since: timedelta, *conditions: object) -> int:
        return session.exec(
            select(func.count())
            .select_from(PhoneCode)
            .where(col(PhoneCode.created_at) > now - since, *conditions)  # type: ignore[arg-type]
        ).one()

    if count(PATIENCE, PhoneCode.phone == phone):
        raise TooMany("We have just texted a code. Please wait a minute before asking for another.")
    if (
        count(timedelta(days=1), PhoneCode.phone == phone) >= PER_PHONE_A_DAY
        or count(timedelta(hours=1), PhoneCode.origin == origin) >= PER_ORIGIN_AN_HOUR
        or count(timedelta(days=1), PhoneCode.clinic_id == clinic_id) >= PER_CLINIC_A_DAY
    ):
        raise TooMany(
            "We cannot text another code now. Please try later, or call us.", retry_after=3600
        )
