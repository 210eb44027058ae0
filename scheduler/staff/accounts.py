"""Staff members, passwords, API keys and sign-ins.

Keys and tokens have 256 random bits, so an unsalted SHA-256 of them is stored and looked up.
Passwords are hashed with argon2id. Errors do not reveal what was wrong.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Session, col, delete, func, select, update

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.http.origins import household
from scheduler.infra import plain_names
from scheduler.infra.errors import Conflict, Invalid, NotFound, Problem, TooMany
from scheduler.staff import password_rules
from scheduler.staff.models import ApiKey, Member, Membership, SignIn, SignInTry
from scheduler.staff.roles import Role
from scheduler.storage import stored_instants
from scheduler.storage.database import stored_id

KEY_PREFIX = "ck_"
TOKEN_PREFIX = "st_"  # noqa: S105 - it only tells a token from a key
IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
RECORD_USE_EVERY = timedelta(minutes=1)
WRONG_PASSWORD_WINDOW = timedelta(minutes=15)
WRONG_PASSWORDS_PER_ACCOUNT = 10
WRONG_PASSWORDS_PER_ORIGIN = 30

# 19 MiB, two passes: the minimum in OWASP's Password Storage Cheat Sheet.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_UNKNOWN_ACCOUNT_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""Checked if the account does not exist, so that the response takes as long as if it did."""


class NotSignedIn(Problem):
    sentence = "The API key or sign-in token is missing or not valid. Sign in again."

    slug = "not-signed-in"


@dataclass(frozen=True)
class Account:
    """The values with which `fits` checks a password outside a transaction."""

    member_id: int | None
    password_hash: str


def add(
    session: Session,
    *,
    email: str,
    name: str,
    role: str,
    password: str,
    clinic_ids: list[int] | None,
    now: datetime,
) -> Member:
    """Add a staff member. `clinic_ids` None: all clinics, including future ones."""
    email = _clean_email(email)
    if role not in set(Role):
        raise Invalid(f"{role!r} is not a role. Choose one of {', '.join(Role)}.", field="role")
    if not 1 <= len(name.strip()) <= 120:
        raise Invalid("A name has 1 to 120 characters.", field="name")
    if fault := plain_names.fault_of(name.strip()):
        raise Invalid(fault, field="name")
    password_rules.check(password, about=(name, email))
    if _by_email(session, email) is not None:
        raise Conflict(f"A staff member with the email address {email} exists already.")
    member = Member(
        email=email,
        name=name.strip(),
        role=role,
        password_hash=_HASHER.hash(password),
        all_clinics=clinic_ids is None,
        created_at=now,
    )
    session.add(member)
    session.flush()
    for clinic_id in clinic_ids or ():
        session.add(Membership(member_id=stored_id(member.id), clinic_id=clinic_id))
    session.flush()
    audit_trail.record(
        session, OPERATOR, Action.ADDED, "member", member.id, clinic_id=None, now=now
    )
    return member


def find(session: Session, email: str) -> Member:
    """The staff member with an email address. Raises NotFound if there is none."""
    member = _by_email(session, _clean_email(email))
    if member is None:
        raise NotFound("There is no staff member with this email address.")
    return member


def make_key(session: Session, member: Member, *, label: str, now: datetime) -> str:
    """A new API key with the permissions of a member. Only its hash is stored."""
    if not 1 <= len(label.strip()) <= 80:
        raise Invalid("A label has 1 to 80 characters.", field="label")
    if fault := plain_names.fault_of(label.strip()):
        raise Invalid(fault, field="label")
    # The key contains its id only so that people can recognize it.
    key = ApiKey(
        member_id=stored_id(member.id),
        label=label.strip(),
        key_hash=secrets.token_hex(),
        created_at=now,
    )
    session.add(key)
    session.flush()
    raw = f"{KEY_PREFIX}{key.id}_{secrets.token_urlsafe(32)}"
    key.key_hash = _hash(raw)
    session.add(key)
    session.flush()
    audit_trail.record(session, OPERATOR, Action.MADE, "API key", key.id, clinic_id=None, now=now)
    return raw


def by_key(session: Session, raw: str, *, now: datetime) -> tuple[Actor, bool]:
    """The actor of an API key, and whether to call `touch`. Raises NotSignedIn."""
    found = session.exec(
        select(ApiKey, Member)
        .join(Member, col(Member.id) == col(ApiKey.member_id))
        .where(ApiKey.key_hash == _hash(raw), col(ApiKey.revoked_at).is_(None), Member.active)
    ).first()
    if found is None:
        raise NotSignedIn
    key, member = found
    unused = key.last_used_on is None or not (
        now - timedelta(days=1) <= key.last_used_on <= now + stored_instants.CLOCKS_DIFFER_BY
    )
    return _actor(session, member), unused


def by_token(session: Session, raw: str, *, now: datetime) -> tuple[Actor, bool]:
    """The actor of a sign-in token, and whether to call `touch`. Raises NotSignedIn."""
    found = session.exec(
        select(SignIn, Member)
        .join(Member, col(Member.id) == col(SignIn.member_id))
        .where(
            SignIn.token_hash == _hash(raw),
            col(SignIn.revoked_at).is_(None),
            ~stored_instants.is_over(SignIn.expires_at, now=now, longest=ABSOLUTE_LIMIT),
            stored_instants.is_within(SignIn.last_used_at, now=now, past=IDLE_LIMIT),
            Member.active,
        )
    ).first()
    if found is None:
        raise NotSignedIn
    sign_in, member = found
    return _actor(session, member), sign_in.last_used_at < now - RECORD_USE_EVERY


def by_proof(session: Session, raw: str, *, now: datetime) -> tuple[Actor, bool]:
    """The actor of an API key or a sign-in token, and whether to call `touch`."""
    if raw.startswith(KEY_PREFIX):
        return by_key(session, raw, now=now)
    return by_token(session, raw, now=now)


def touch(session: Session, raw: str, *, now: datetime) -> None:
    """Record that a key or token was used."""
    if raw.startswith(KEY_PREFIX):
        session.exec(
            update(ApiKey).where(col(ApiKey.key_hash) == _hash(raw)).values(last_used_on=now)
        )
    else:
        session.exec(
            update(SignIn).where(col(SignIn.token_hash) == _hash(raw)).values(last_used_at=now)
        )


def account(session: Session, *, email: str, origin: str, now: datetime) -> Account:
    """The account to check a password against. Raises TooMany after too many wrong passwords."""
    is_recent = stored_instants.is_within(SignInTry.at, now=now, past=WRONG_PASSWORD_WINDOW)
    for condition, limit in (
        (col(SignInTry.account_hash) == _account_hash(email), WRONG_PASSWORDS_PER_ACCOUNT),
        (col(SignInTry.origin) == household(origin), WRONG_PASSWORDS_PER_ORIGIN),
    ):
        wrong_passwords = session.exec(
            select(func.count()).select_from(SignInTry).where(condition, is_recent)
        ).one()
        if wrong_passwords >= limit:
            raise TooMany(
                "Too many wrong passwords. Please wait 15 minutes.",
                retry_after=int(WRONG_PASSWORD_WINDOW.total_seconds()),
            )
    member = session.exec(
        select(Member).where(Member.email == email.strip().lower(), Member.active)
    ).first()
    return (
        Account(member.id, member.password_hash) if member else Account(None, _UNKNOWN_ACCOUNT_HASH)
    )


def fits(account: Account, password: str) -> bool:
    """Whether this is the account's password. Takes about 30 ms; call it outside transactions."""
    try:
        _HASHER.verify(account.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return account.member_id is not None


def note_wrong(session: Session, *, email: str, origin: str, now: datetime) -> None:
    """Count a wrong password."""
    session.exec(delete(SignInTry).where(col(SignInTry.at) < now - WRONG_PASSWORD_WINDOW))
    session.add(SignInTry(account_hash=_account_hash(email), origin=household(origin), at=now))
    session.flush()


def sign_in(
    session: Session, account: Account, *, origin: str, request_id: str, now: datetime
) -> tuple[SignIn, str]:
    """Sign in after `fits`. Returns the row and the token, of which only the hash is stored."""
    raw = f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}"
    row = SignIn(
        member_id=stored_id(account.member_id),
        token_hash=_hash(raw),
        created_at=now,
        expires_at=now + ABSOLUTE_LIMIT,
        last_used_at=now,
    )
    session.add(row)
    session.flush()
    actor = Actor(kind="staff", id=account.member_id, origin=origin, request_id=request_id)
    audit_trail.record(
        session, actor, Action.SIGNED_IN, "member", account.member_id, clinic_id=None, now=now
    )
    return row, raw


def _actor(session: Session, member: Member) -> Actor:
    clinics = None
    if not member.all_clinics:
        clinics = frozenset(
            session.exec(select(Membership.clinic_id).where(Membership.member_id == member.id))
        )
    return Actor(kind="staff", id=member.id, role=member.role, clinic_ids=clinics)


def _by_email(session: Session, email: str) -> Member | None:
    return session.exec(select(Member).where(Member.email == email)).first()


def _clean_email(typed: str) -> str:
    email = typed.strip().lower()
    name, _, host = email.partition("@")
    if not (name and host and len(email) <= 254 and email.isprintable() and " " not in email):
        raise Invalid(f"{typed[:80]!r} is not an email address.", field="email")
    return email


def _account_hash(email: str) -> str:
    return _hash(email.strip().lower())


def _hash(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()
