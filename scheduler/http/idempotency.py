"""The same request, sent twice, gives the same answer and is done once."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import JSON, Field, Session, SQLModel, col, delete, select, update

from scheduler.infra.errors import Invalid
from scheduler.storage.database import Instant
from scheduler.storage.inserts import insert_or_ignore

KEPT = timedelta(days=2)
"""How long an answer can be had again."""


class IdempotencyKey(SQLModel, table=True):
    """A key that somebody sent, what they sent with it, and what they were answered."""

    __tablename__ = "idempotency_keys"

    owner: str = Field(primary_key=True, max_length=80)
    key: str = Field(primary_key=True, max_length=200)
    fingerprint: str = Field(max_length=64)
    status: int | None = None
    answer: Any = Field(default=None, sa_type=JSON, nullable=True)
    created_at: datetime = Field(sa_type=Instant, index=True)


class Replay(Exception):
    """This was done before: here is the answer that was given then."""

    def __init__(self, status: int, answer: Any, etag: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.answer = answer
        self.etag = etag


def fingerprint(method: str, path: str, body: Any) -> str:
    """What makes two requests the same."""
    said = json.dumps([method, path, body], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def begin(session: Session, *, owner: str, key: str, print_: str, now: datetime) -> None:
    """Claim the key in this transaction.

    A second transaction with the key waits here for the first. Raises Replay when it was done
    before, Unfit when the key came with another request.
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
    raise Replay(before.status or 200, before.answer.get("answer", {}), before.answer.get("etag"))


def finish(
    session: Session, *, owner: str, key: str, status: int, answer: Any, etag: str | None = None
) -> None:
    """Keep the answer and its tag, in the transaction that did the deed."""
    session.exec(
        update(IdempotencyKey)
        .where(col(IdempotencyKey.owner) == owner, col(IdempotencyKey.key) == key)
        .values(status=status, answer={"answer": answer, "etag": etag})
    )


def forget_old(session: Session, *, now: datetime) -> None:
    """Drop keys whose answers nobody will ask for again."""
    session.exec(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < now - KEPT))
