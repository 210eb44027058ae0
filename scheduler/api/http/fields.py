"""What requests and answers are made of: bounds, forms and examples that routes share."""

import base64
import binascii
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from scheduler.i18n import languages
from scheduler.infra.errors import Invalid

Item = TypeVar("Item")
Row = TypeVar("Row")

FIRST_YEAR, LAST_YEAR = 2000, 2100
LARGEST_ID = 2**31 - 1
MOST_DAYS = 92


class Shape(BaseModel):
    """A request or an answer. Fields that it does not have are refused."""

    model_config = ConfigDict(extra="forbid")


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class Change(Shape):
    """A change: what is not sent stays as it is, so a field's default is told to nobody."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


def _said(value: str) -> str:
    for sign in value:
        kind = unicodedata.category(sign)
        # Signs that turn the writing, or are half of one, are somebody's joke or attack.
        if (kind in {"Cc", "Cs"} and sign not in "\n\t") or sign in "\u202a\u202b\u202d\u202e":
            raise ValueError("there is a character in it that cannot be shown")
    return value


def _is_text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write it as text, in ISO 8601")  # noqa: TRY004 - pydantic wants a ValueError
    return value


def _in_our_time(value: Any) -> Any:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_said)]
"""A text without control characters, blanks around it dropped; a field says how long it may be."""

Id = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID, examples=[7])]
PathId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
QueryId = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_is_text),
    AfterValidator(_in_our_time),
    Field(examples=["2027-01-11T09:00:00-05:00"], description="RFC 3339, with an offset."),
]
Day = Annotated[
    date,
    BeforeValidator(_is_text),
    AfterValidator(_in_our_time),
    Field(examples=["2027-01-11"]),
]
ClockTime = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["09:00"])
]
KeepBooked = Annotated[
    bool,
    Field(
        strict=True,
        description="True: booked sessions that no longer fit stay as they are. False: such"
        " sessions make the answer 409, which lists them, and nothing changes.",
    ),
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]


def _spoken(value: str) -> str:
    if not languages.is_known(value):
        raise ValueError(f"we have words for {', '.join(languages.codes())} only")
    return value


Spoken = Annotated[Language, AfterValidator(_spoken)]
"""A language in which we can ask for consent and text."""


class Page(Shape, Generic[Item]):
    """Part of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next part.")


class Window(BaseModel):
    """Which part of a list: how much of it, and after what."""

    limit: int = 50
    cursor: str | None = None

    def after(self) -> list[Any] | None:
        """The keys of the last row that was seen. Unfit for a cursor that is not ours."""
        if self.cursor is None:
            return None
        try:
            keys = json.loads(base64.urlsafe_b64decode(self.cursor.encode()))
        except (binascii.Error, ValueError, UnicodeError, RecursionError):
            keys = None
        if not (isinstance(keys, list) and 1 <= len(keys) <= 2 and type(keys[-1]) is int):
            raise Invalid("This cursor is not one of ours.", field="cursor")
        if not 0 <= keys[-1] <= LARGEST_ID:
            raise Invalid("This cursor is not one of ours.", field="cursor")
        return keys

    def page(
        self,
        rows: Iterable[Row],
        shape: Callable[[Row], Item],
        keys: Callable[[Row], list[Any]],
    ) -> "Page[Item]":
        """The part, out of one row more than its limit."""
        found = list(rows)
        more = len(found) > self.limit
        last = keys(found[self.limit - 1]) if more else None
        cursor = base64.urlsafe_b64encode(json.dumps(last).encode()).decode() if more else None
        return Page(items=[shape(row) for row in found[: self.limit]], next_cursor=cursor)


def window(
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Window:
    """The query parameters of each list."""
    return Window(limit=limit, cursor=cursor)


def local(instant: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 with the clinic's offset."""
    return instant.astimezone(zone).isoformat()


def days_between(first: date, last: date) -> None:
    """Refuse a stretch that ends before it begins, or is longer than a quarter."""
    if last < first:
        raise Invalid("`to` must not be before `from`.", field="to")
    if (last - first).days > MOST_DAYS:
        raise Invalid(f"At most {MOST_DAYS} days can be asked for at once.", field="to")


def given(shape: BaseModel) -> Mapping[str, Any]:
    """The fields of a change that were sent; those not sent stay as they are."""
    return shape.model_dump(exclude_unset=True)
