"""Inserts that lose a race without an error."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel


def insert_or_ignore(
    session: Session, kind: type[SQLModel], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Insert rows except those that a unique constraint refuses. Returns how many it inserted.

    On PostgreSQL a second transaction with the same key waits until the first one has ended.
    """
    if not rows:
        return 0
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    inserted = session.execute(
        insert(kind).values(rows).on_conflict_do_nothing(),
        execution_options={"preserve_rowcount": True},
    )
    return int(inserted.rowcount)  # type: ignore[attr-defined]
