"""Lists: scoped to the clinics of whoever asks, bounded, in a steady order."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from sqlalchemy import ColumnElement
from sqlmodel import SQLModel, col, select

from scheduler.api.http.auth import Call
from scheduler.api.http.fields import Page, Window, window

Row = TypeVar("Row", bound=SQLModel)
Item = TypeVar("Item")

Part = Annotated[Window, Depends(window)]
"""Which part of the list is asked for."""


def rows(
    call: Call,
    kind: type[Row],
    part: Part,
    *where: ColumnElement[bool],
    clinic_id: int | None = None,
    newest_first: bool = False,
    scoped: bool = True,
) -> list[Row]:
    """One row more than asked for, so that it shows whether there are more. By id.

    `scoped`: False where `where` keeps to something that the actor was found to have.
    """
    key: Any = col(kind.id)  # type: ignore[attr-defined]
    clinic: Any = getattr(kind, "clinic_id", key)
    statement = select(kind).where(*([call.actor.scope(clinic)] if scoped else []), *where)
    if clinic_id is not None:
        call.actor.require(clinic_id)
        statement = statement.where(clinic == clinic_id)
    if after := part.after():
        statement = statement.where(key < after[-1] if newest_first else key > after[-1])
    order = key.desc() if newest_first else key
    return list(call.session.exec(statement.order_by(order).limit(part.limit + 1)))


def page(found: list[Row], part: Part, shape: Callable[[Row], Item]) -> Page[Item]:
    """The answer to a list in the order of ids."""
    return part.page(found, shape, lambda row: [row.id])  # type: ignore[attr-defined]
