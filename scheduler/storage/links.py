"""Private links with tokens that cannot be guessed, nor derived from the database alone.

A token is an HMAC of a random 128-bit nonce under the secret key. The database stores the nonce and
the hash of the token. The program can derive the token again with the key, and finds a link by the
hash.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, Session, SQLModel, col, or_, select, update

from scheduler.infra.errors import NotFound
from scheduler.storage.database import Instant


class NoSuchLink(NotFound):
    sentence = "This address does not exist, or it has expired."


class Link(SQLModel, table=True):
    """One link: its `purpose`, the row that it opens (`subject_id`), and its lifetime."""

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_purpose_created", "purpose", "created_at"),)

    id: int | None = Field(default=None, primary_key=True)
    purpose: str = Field(max_length=20)
    subject_id: int = Field(index=True)
    nonce: str = Field(max_length=32)
    token_hash: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


def mint(
    session: Session,
    key: str,
    *,
    purpose: str,
    subject_id: int,
    now: datetime,
    expires_at: datetime | None,
) -> tuple[Link, str]:
    """Store a new link and return it with its token (22 characters, safe in a URL)."""
    nonce = secrets.token_hex(16)
    token = token_of(key, nonce)
    link = Link(
        purpose=purpose,
        subject_id=subject_id,
        nonce=nonce,
        token_hash=hash_of(token),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(link)
    session.flush()
    return link, token


def follow(session: Session, token: str, *, purpose: str, now: datetime) -> Link:
    """The valid link with this token. Raises NoSuchLink for an unknown, expired or revoked one."""
    link = session.exec(
        select(Link).where(Link.token_hash == hash_of(token), Link.purpose == purpose)
    ).first()
    if link is None or link.revoked_at is not None:
        raise NoSuchLink
    if link.expires_at is not None and link.expires_at <= now:
        raise NoSuchLink
    return link


def prolong(
    session: Session, *, purposes: Collection[str], subject_id: int, now: datetime, until: datetime
) -> None:
    """Extend the valid links of one subject until at least `until`."""
    session.exec(
        update(Link)
        .where(
            col(Link.purpose).in_(purposes),
            col(Link.subject_id) == subject_id,
            col(Link.revoked_at).is_(None),
            col(Link.expires_at) > now,
            col(Link.expires_at) < until,
        )
        .values(expires_at=until)
    )


def revoke(session: Session, *, purpose: str, subject_id: int, now: datetime) -> None:
    """Revoke the links of one purpose and subject."""
    session.exec(
        update(Link)
        .where(
            col(Link.purpose) == purpose,
            col(Link.subject_id) == subject_id,
            col(Link.revoked_at).is_(None),
        )
        .values(revoked_at=now)
    )


def shorten(session: Session, *, purpose: str, subject_id: int, until: datetime) -> None:
    """Let the valid links of one purpose and subject expire at `until` or earlier."""
    session.exec(
        update(Link)
        .where(
            col(Link.purpose) == purpose,
            col(Link.subject_id) == subject_id,
            col(Link.revoked_at).is_(None),
            or_(col(Link.expires_at).is_(None), col(Link.expires_at) > until),
        )
        .values(expires_at=until)
    )


def token_of(key: str, nonce: str) -> str:
    """The token of a nonce: 128 bits, 22 characters."""
    digest = hmac.new(key.encode(), b"link:" + nonce.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def code_of(key: str, nonce: str) -> str:
    """The six-digit code of a nonce."""
    digest = hmac.new(key.encode(), b"code:" + nonce.encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def hash_of(token: str) -> str:
    """The stored hash of a token. A token has 128 bits, so a hash without salt is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
