"""Finds rows inside the clinics that an actor may see."""

from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, select

from scheduler.audit.audit_trail import Actor
from scheduler.infra.errors import NotFound

Row = TypeVar("Row", bound=SQLModel)


def find(
    session: Session, actor: Actor, kind: type[Row], row_id: int, *, lock: bool = False
) -> Row:
    """The row with this id at one of the actor's clinics. Raises NotFound for every other id.

    A clinic is scoped by its own id, every other row by its `clinic_id`. `lock` locks the row until
    the transaction ends and reads it again from the database.
    """
    key: Any = col(kind.id)  # type: ignore[attr-defined]
    clinic: Any = getattr(kind, "clinic_id", key)
    statement = select(kind).where(key == row_id, actor.scope(clinic))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = session.exec(statement).first()
    if row is None:
        raise NotFound
    return row
