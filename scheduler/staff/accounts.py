"""Members of staff, and how they and their programs prove who they are.

A key or token is 256 random bits, so its plain SHA-256 can be stored and looked up; a password is
hashed with argon2id. What was wrong with a proof is never told.
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
from scheduler.infra.errors import Conflict, Invalid, NotFound, Problem, TooMany
from scheduler.staff.models import ApiKey, Member, Membership, SignIn, SignInTry
from scheduler.staff.roles import Role
from scheduler.storage.database import stored_id

KEY_PREFIX = "ck_"
TOKEN_PREFIX = "st_"  # noqa: S105 - it only tells a token from a key
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCHED_EVERY = timedelta(minutes=1)
TRIES_WITHIN = timedelta(minutes=15)
TRIES_PER_ACCOUNT = 10
TRIES_PER_ORIGIN = 30
MIN_PASSWORD = 12
MAX_PASSWORD = 256

# 19 MiB, two passes: what OWASP's cheat sheet on storing passwords asks for at least.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODYS = (
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IGhlcmU$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""Checked for an account that does not exist, so that it takes as long as one that does."""


class NotSignedIn(Problem):
    sentence = "Please give an API key or a sign-in token that is valid."

    slug = "not-signed-in"


@dataclass(frozen=True)
class Account:
    """What is needed to check a password, outside of any transaction."""

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
    """A new member of staff. `clinic_ids` None: every clinic, also those opened later."""
    email = _clean_email(email)
    if role not in set(Role):
        raise Invalid(f"A role is one of {', '.join(Role)}.", field="role")
    if not 1 <= len(name.strip()) <= 120:
        raise Invalid("A name has 1 to 120 characters.", field="name")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid(
            f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.", field="password"
        )
    if _by_email(session, email) is not None:
        raise Conflict("There is a member of staff with this e-mail address already.")
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
    """The member of staff with an e-mail address; NotFound."""
    member = _by_email(session, _clean_email(email))
    if member is None:
        raise NotFound("There is no member of staff with this e-mail address.")
    return member


def make_key(session: Session, member: Member, *, label: str, now: datetime) -> str:
    """A new API key with the powers of a member. It cannot be shown a second time."""
    if not 1 <= len(label.strip()) <= 80:
        raise Invalid("A label has 1 to 80 characters.", field="label")
    # The id stands in the key only so that people can tell which one it is.
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
    """Who holds an API key, and whether `touch` should note that it was used. NotSignedIn."""
    found = session.exec(
        select(ApiKey, Member)
        .join(Member, col(Member.id) == col(ApiKey.member_id))
        .where(ApiKey.key_hash == _hash(raw), col(ApiKey.revoked_at).is_(None), Member.active)
    ).first()
    if found is None:
        raise NotSignedIn
    key, member = found
    unused = key.last_used_on is None or key.last_used_on < now - timedelta(days=1)
    return _actor(session, member), unused


def by_token(session: Session, raw: str, *, now: datetime) -> tuple[Actor, bool]:
    """Who signed in with a token, and whether `touch` should note that it was used. NotSignedIn."""
    found = session.exec(
        select(SignIn, Member)
        .join(Member, col(Member.id) == col(SignIn.member_id))
        .where(
            SignIn.token_hash == _hash(raw),
            col(SignIn.revoked_at).is_(None),
            SignIn.expires_at > now,
            SignIn.last_used_at > now - IDLE,
            Member.active,
        )
    ).first()
    if found is None:
        raise NotSignedIn
    sign_in, member = found
    return _actor(session, member), sign_in.last_used_at < now - TOUCHED_EVERY


def by_proof(session: Session, raw: str, *, now: datetime) -> tuple[Actor, bool]:
    """Either of the two."""
    if raw.startswith(KEY_PREFIX):
        return by_key(session, raw, now=now)
    return by_token(session, raw, now=now)


def touch(session: Session, raw: str, *, now: datetime) -> None:
    """Note that a key or token was used."""
    if raw.startswith(KEY_PREFIX):
        session.exec(
            update(ApiKey).where(col(ApiKey.key_hash) == _hash(raw)).values(last_used_on=now)
        )
    else:
        session.exec(
            update(SignIn).where(col(SignIn.token_hash) == _hash(raw)).values(last_used_at=now)
        )


def account(session: Session, *, email: str, origin: str, now: datetime) -> Account:
    """What to check a password against. TooMany after too many wrong ones."""
    since = now - TRIES_WITHIN
    for whose, limit in (
        (col(SignInTry.account_hash) == _account_hash(email), TRIES_PER_ACCOUNT),
        (col(SignInTry.origin) == household(origin), TRIES_PER_ORIGIN),
    ):
        tries = session.exec(
            select(func.count()).select_from(SignInTry).where(whose, col(SignInTry.at) > since)
        ).one()
        if tries >= limit:
            raise TooMany(
                "Too many wrong passwords. Please wait a quarter of an hour.",
                retry_after=int(TRIES_WITHIN.total_seconds()),
            )
    member = session.exec(
        select(Member).where(Member.email == email.strip().lower(), Member.active)
    ).first()
    return Account(member.id, member.password_hash) if member else Account(None, _NOBODYS)


def fits(account: Account, password: str) -> bool:
    """Whether it is this account's password. Takes some 30 ms: hold no transaction meanwhile."""
    try:
        _HASHER.verify(account.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return account.member_id is not None


def note_wrong(session: Session, *, email: str, origin: str, now: datetime) -> None:
    """Count a wrong password."""
    session.exec(delete(SignInTry).where(col(SignInTry.at) < now - TRIES_WITHIN))
    session.add(SignInTry(account_hash=_account_hash(email), origin=household(origin), at=now))
    session.flush()


def sign_in(
    session: Session, account: Account, *, origin: str, request_id: str, now: datetime
) -> tuple[SignIn, str]:
    """Somebody whose password fits comes in: the row and the token, which is not kept."""
    raw = f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}"
    row = SignIn(
        member_id=stored_id(account.member_id),
        token_hash=_hash(raw),
        created_at=now,
        expires_at=now + ABSOLUTE,
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
        raise Invalid("This does not look like an e-mail address.", field="email")
    return email


def _account_hash(email: str) -> str:
    return _hash(email.strip().lower())


def _hash(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()
