"""Lists: inside the caller's clinics, in a stable order, one page at a time."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement
from sqlmodel import SQLModel, col, select

from scheduler.api.http.auth import Call
from scheduler.api.http.fields import LARGEST_ID, Shape
from scheduler.infra.errors import Invalid

Row = TypeVar("Row", bound=SQLModel)
Source = TypeVar("Source")
Item = TypeVar("Item")


class Page(Shape, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page. Null: this is the last page."
    )


class PageRequest(BaseModel):
    """The page that a request asks for."""

    limit: int = 50
    cursor: str | None = None

    def after(self, length: int = 1) -> list[int] | None:
        """The keys of the last row of the page before: `length` whole numbers.

        Raises Invalid for a cursor that this list cannot have given out.
        """
        if self.cursor is None:
            return None
        try:
            keys = json.loads(base64.urlsafe_b64decode(self.cursor.encode()))
        except (binascii.Error, ValueError, UnicodeError, RecursionError):
            keys = None
        if not (isinstance(keys, list) and len(keys) == length and all(map(_is_key, keys))):
            raise _bad_cursor()
        if keys[-1] > LARGEST_ID:
            raise _bad_cursor()
        return keys

    def page(
        self,
        sources: Iterable[Source],
        shape: Callable[[Source], Item],
        keys: Callable[[Source], list[Any]],
    ) -> Page[Item]:
        """The page, from one row more than its limit: that row shows that there is another page."""
        found = list(sources)
        cursor = None
        if len(found) > self.limit:
            last = json.dumps(keys(found[self.limit - 1]))
            cursor = base64.urlsafe_b64encode(last.encode()).decode()
        return Page(items=[shape(source) for source in found[: self.limit]], next_cursor=cursor)


def _is_key(value: Any) -> bool:
    """Whether a cursor may hold it: the id of a row, or an instant in seconds."""
    return type(value) is int and 0 <= value < 2**32


def _bad_cursor() -> Invalid:
    """The error for a cursor that this list has not given out."""
    return Invalid(
        "This cursor is not valid. Send `next_cursor` of the page before, unchanged.",
        field="cursor",
    )


Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before.")
]


def page_request(
    limit: Annotated[int, Query(ge=1, le=100, description="The most items on a page.")] = 50,
    cursor: Cursor = None,
) -> PageRequest:
    """Reads the query parameters that every list takes."""
    return PageRequest(limit=limit, cursor=cursor)


Paging = Annotated[PageRequest, Depends(page_request)]


def rows(
    call: Call,
    kind: type[Row],
    paging: Paging,
    *where: ColumnElement[bool],
    clinic_id: int | None = None,
    newest_first: bool = False,
    scoped: bool = True,
) -> list[Row]:
    """The rows of a page in the order of their ids, and one row more than its limit.

    `scoped`: False where `where` already limits the rows to one that the actor may see.
    """
    key: Any = col(kind.id)  # type: ignore[attr-defined]
    clinic: Any = getattr(kind, "clinic_id", key)
    statement = select(kind).where(*([call.actor.scope(clinic)] if scoped else []), *where)
    if clinic_id is not None:
        call.actor.require(clinic_id)
        statement = statement.where(clinic == clinic_id)
    if after := paging.after():
        statement = statement.where(key < after[-1] if newest_first else key > after[-1])
    order = key.desc() if newest_first else key
    return list(call.session.exec(statement.order_by(order).limit(paging.limit + 1)))


def page(found: list[Row], paging: Paging, shape: Callable[[Row], Item]) -> Page[Item]:
    """A page of rows in the order of their ids."""
    return paging.page(found, shape, lambda row: [row.id])  # type: ignore[attr-defined]
