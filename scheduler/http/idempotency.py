"""Idempotency keys: a request that is sent twice is executed once and answered the same."""

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import JSON, Field, Session, SQLModel, col, delete, select, update

from scheduler.infra.errors import Invalid
from scheduler.storage.database import Instant
from scheduler.storage.inserts import insert_or_ignore

KEEP_ANSWERS = timedelta(days=2)
"""How long a repeated request gets the stored answer."""


class IdempotencyKey(SQLModel, table=True):
    """A key, the fingerprint of the request that used it, and the answer."""

    __tablename__ = "idempotency_keys"

    owner: str = Field(primary_key=True, max_length=80)
    key: str = Field(primary_key=True, max_length=200)
    fingerprint: str = Field(max_length=64)
    status: int | None = None
    answer: Any = Field(default=None, sa_type=JSON, nullable=True)
    created_at: datetime = Field(sa_type=Instant, index=True)


class Replay(Exception):
    """The request was executed before. Carries the answer that was given then.

    `clinic_ids`: the clinics that the answer is about. The caller checks that it still sees them.
    """

    def __init__(
        self, status: int, answer: Any, etag: str | None = None, clinic_ids: Sequence[int] = ()
    ) -> None:
        super().__init__(status)
        self.status = status
        self.answer = answer
        self.etag = etag
        self.clinic_ids = clinic_ids


def fingerprint(method: str, path: str, body: Any) -> str:
    """A hash of everything that must agree when a key is used again."""
    request = json.dumps([method, path, body], sort_keys=True, default=str)
    return hashlib.sha256(request.encode()).hexdigest()


def begin(session: Session, *, owner: str, key: str, print_: str, now: datetime) -> None:
    """Claim the key in this transaction.

    A second transaction with the same key waits here for the first. Raises Replay if the request
    was executed before, and Invalid if the key was used for another request.
    """
    row = {
        "owner": owner,
        "key": key,
        "fingerprint": print_,
        "answer": {},
        "created_at": now,
    }
    if insert_or_ignore(session, IdempotencyKey, [row]) == 1:
        return
    before = session.exec(
        select(IdempotencyKey).where(IdempotencyKey.owner == owner, IdempotencyKey.key == key)
    ).one()
    if before.fingerprint != print_:
        raise Invalid("This Idempotency-Key was used for another request. Please use a new one.")
    stored = before.answer
    raise Replay(
        before.status or 200,
        stored.get("answer", {}),
        stored.get("etag"),
        stored.get("clinic_ids", ()),
    )


def finish(
    session: Session,
    *,
    owner: str,
    key: str,
    status: int,
    answer: Any,
    etag: str | None = None,
    clinic_ids: Collection[int] = (),
) -> None:
    """Store the answer and its ETag, in the transaction that executed the request."""
    session.exec(
        update(IdempotencyKey)
        .where(col(IdempotencyKey.owner) == owner, col(IdempotencyKey.key) == key)
        .values(
            status=status,
            answer={"answer": answer, "etag": etag, "clinic_ids": sorted(clinic_ids)},
        )
    )


def forget_old(session: Session, *, now: datetime) -> None:
    """Delete keys whose answers are no longer kept."""
    oldest = now - KEEP_ANSWERS
    session.exec(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < oldest))
