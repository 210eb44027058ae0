"""Field types and base classes of request and response bodies."""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, TypeVar
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
    ValidationInfo,
)

from scheduler.i18n import languages
from scheduler.infra import plain_names
from scheduler.infra.errors import Invalid

FIRST_YEAR, LAST_YEAR = 2000, 2100
LARGEST_ID = 2**31 - 1
UTC = ZoneInfo("UTC")
MAX_QUERY_DAYS = 92


class Shape(BaseModel):
    """A request or response body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def of(cls, source: object, zone: ZoneInfo = UTC, **fields: Any) -> Self:
        """Copies the attributes of `source` that have a field's name.

        `zone` is the clinic's zone, in which `LocalTime` fields are written. `fields` add values
        or replace those of the source.
        """
        copied = {
            name: getattr(source, name)
            for name in cls.model_fields
            if name not in fields and hasattr(source, name)
        }
        return cls.model_validate(
            {**copied, **fields}, from_attributes=True, by_name=True, context={"zone": zone}
        )


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class PatchShape(Shape):
    """The body of a PATCH. Fields that are not sent stay unchanged, so OpenAPI shows no default."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


def _visible(value: str) -> str:
    for character in value:
        category = unicodedata.category(character)
        # Half of a surrogate pair cannot be stored; a change of direction can disguise a text.
        hidden = category in {"Cc", "Cs"} and character not in "\n\t"
        if hidden or character in "\u202a\u202b\u202d\u202e":
            raise ValueError(
                f"it contains the invisible character U+{ord(character):04X}; remove it"
            )
    return value


def _is_text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write it as a string in ISO 8601")  # noqa: TRY004 - pydantic wants a ValueError
    return value


def _in_range(value: Any) -> Any:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"the year must be between {FIRST_YEAR} and {LAST_YEAR}, not {value.year}")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_visible)]
"""A text without control characters. Surrounding spaces are dropped. A field sets the length."""


def _plain(value: str) -> str:
    if fault := plain_names.fault_of(value):
        raise ValueError(fault)
    return value


Name = Annotated[Text, AfterValidator(_plain)]
"""A name that is shown to people: a single line without invisible characters and addresses."""

Id = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID, examples=[7])]
PathId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Option = TypeVar("Option")

Several = Annotated[
    list[Option] | None,
    Query(max_length=20, description="May be repeated: one of the values."),
]
"""A query parameter with several values; None: any value."""

QueryId = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_is_text),
    AfterValidator(_in_range),
    Field(examples=["2027-01-11T09:00:00-05:00"], description="RFC 3339, with an offset."),
]
Day = Annotated[
    date,
    BeforeValidator(_is_text),
    AfterValidator(_in_range),
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


def _in_clinic_zone(value: object, info: ValidationInfo) -> object:
    context: Any = info.context
    return local(value, context["zone"]) if isinstance(value, datetime) else value


LocalTime = Annotated[
    str,
    BeforeValidator(_in_clinic_zone),
    Field(examples=["2027-01-11T09:00:00-05:00"], json_schema_extra={"format": "date-time"}),
]
"""An instant in a response, written with the clinic's offset. `Shape.of` sets the zone."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]


def _known_language(value: str) -> str:
    if not languages.is_known(value):
        raise ValueError(
            f"“{value}” is not a supported language; use one of {', '.join(languages.codes())}"
        )
    return value


Spoken = Annotated[Language, AfterValidator(_known_language)]
"""A language that texts and pages are written in."""


def local(instant: datetime, zone: ZoneInfo) -> str:
    """An instant in RFC 3339 with the offset of the clinic."""
    return instant.astimezone(zone).isoformat()


def check_days(first: date, last: date) -> None:
    """Raises Invalid for a range that ends before it begins, or is longer than a quarter."""
    if last < first:
        raise Invalid(f"`to` ({last}) is before `from` ({first}). Send a later `to`.", field="to")
    if (days := (last - first).days) > MAX_QUERY_DAYS:
        raise Invalid(
            f"`from` to `to` spans {days} days. Ask for at most {MAX_QUERY_DAYS} days.", field="to"
        )


def given(shape: BaseModel) -> Mapping[str, Any]:
    """The fields of a PATCH that were sent."""
    return shape.model_dump(exclude_unset=True)
