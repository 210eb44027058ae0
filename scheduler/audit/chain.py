"""A chain of hashes over the audit trail, which shows entries that were changed or removed.

A seal holds the hash of an entry together with the hash of the seal before. The worker writes seals
shortly after the entries are committed. The transaction of an entry could not do that itself: it
would lock the end of the chain until it commits, and all writers of PostgreSQL would wait for each
other. Entries are sealed in the order of their ids, except those that are committed after an entry
with a higher id. An entry that is changed before it is sealed is not noticed.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import Any

from sqlalchemy import insert
from sqlmodel import Field, Session, SQLModel, col, func, select

from scheduler.audit.audit_trail import AuditEntry
from scheduler.storage.database import take_turn

AT_ONCE = 250
"""Few, because other writers of SQLite wait in the meantime."""
READ_AT_ONCE = 1000
LOOK_BACK = 10_000
"""Ids below the newest seal at which entries are expected that were committed late."""
GENESIS = "0" * 64
"""The hash before the first seal."""


class AuditSeal(SQLModel, table=True):
    """The position of an entry in the chain, and the hash of the chain up to it."""

    __tablename__ = "audit_seals"

    id: int = Field(primary_key=True)
    """The position: 1, 2, 3 and so on."""
    entry_id: int = Field(unique=True)
    hash: str = Field(max_length=64)


class Fault(StrEnum):
    """What is wrong at a position of the chain."""

    CHANGED = "changed"
    REMOVED = "removed"
    SEAL_REMOVED = "seal removed"
    OTHER_CHAIN = "other chain"


@dataclass(frozen=True)
class Break:
    """The first position at which the chain is broken."""

    position: int
    entry_id: int
    fault: Fault


@dataclass(frozen=True)
class Finding:
    """The result of a check: the sealed entries, those not sealed yet, and the end of the chain."""

    sealed: int
    unsealed: int
    end: str
    broken: Break | None


COLUMNS: tuple[Any, ...] = tuple(AuditEntry.__table__.c)  # type: ignore[attr-defined]


def next_hash(before: str, entry: Any) -> str:
    """The hash of the chain up to an entry. Pure."""
    values = {column.name: getattr(entry, column.key) for column in COLUMNS}
    values["at"] = values["at"].astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def end(session: Session) -> tuple[int, str]:
    """The last position and its hash; 0 and `GENESIS` before the first seal."""
    last = session.exec(select(AuditSeal).order_by(col(AuditSeal.id).desc()).limit(1)).first()
    return (last.id, last.hash) if last else (0, GENESIS)


def is_behind(session: Session) -> bool:
    """Whether the newest entry is not sealed."""
    newest = session.exec(select(func.max(AuditEntry.id))).one()
    sealed = session.exec(select(func.max(AuditSeal.entry_id))).one()
    return (newest or 0) > (sealed or 0)


def seal(session: Session, *, from_the_start: bool = False) -> int:
    """Seal at most `AT_ONCE` entries. Returns how many.

    `from_the_start`: also look for entries that were committed long after they got their id.
    """
    take_turn(session, "audit seals")
    position, before = end(session)
    newest = session.exec(select(func.max(AuditSeal.entry_id))).one() or 0
    entries = session.execute(
        select(*COLUMNS)
        .outerjoin(AuditSeal, col(AuditSeal.entry_id) == AuditEntry.id)
        .where(
            col(AuditSeal.entry_id).is_(None),
            col(AuditEntry.id) > (0 if from_the_start else newest - LOOK_BACK),
        )
        .order_by(col(AuditEntry.id))
        .limit(AT_ONCE)
    ).all()
    seals = []
    for entry in entries:
        position, before = position + 1, next_hash(before, entry)
        seals.append({"id": position, "entry_id": entry.id, "hash": before})
    if seals:
        session.execute(insert(AuditSeal), seals)
    return len(seals)


def verify(session: Session, *, known: tuple[int, str] | None = None) -> Finding:
    """Check the whole chain.

    `known`: a position and the start of its hash, noted earlier. It shows that the chain has not
    been written again from an earlier position.
    """
    position, hash_ = end(session)
    entries = session.exec(select(func.count()).select_from(AuditEntry)).one()
    return Finding(
        sealed=position,
        unsealed=max(0, entries - position),
        end=hash_,
        broken=_first_break(session) or _other_chain(session, known),
    )


def _first_break(session: Session) -> Break | None:
    before = GENESIS
    for position, row in enumerate(_sealed(session), 1):
        if row.position != position:
            return Break(position, row.sealed_id, Fault.SEAL_REMOVED)
        if row.id is None:
            return Break(position, row.sealed_id, Fault.REMOVED)
        before = next_hash(before, row)
        if before != row.hash:
            return Break(position, row.sealed_id, Fault.CHANGED)
    return None


def _sealed(session: Session) -> Iterator[Any]:
    """The seals with their entries, in order; a few at a time, because there may be millions."""
    after = 0
    while True:
        rows = session.execute(
            select(
                col(AuditSeal.id).label("position"),
                col(AuditSeal.entry_id).label("sealed_id"),
                col(AuditSeal.hash),
                *COLUMNS,
            )
            .outerjoin(AuditEntry, col(AuditSeal.entry_id) == AuditEntry.id)
            .where(col(AuditSeal.id) > after)
            .order_by(col(AuditSeal.id))
            .limit(READ_AT_ONCE)
        ).all()
        yield from rows
        if len(rows) < READ_AT_ONCE:
            return
        after = rows[-1].position


def _other_chain(session: Session, known: tuple[int, str] | None) -> Break | None:
    if known is None:
        return None
    position, start = known
    seal = session.get(AuditSeal, position)
    if seal is not None and seal.hash.startswith(start):
        return None
    return Break(position, seal.entry_id if seal else 0, Fault.OTHER_CHAIN)
