"""When practitioners work: weekly hours, extra hours on a date, breaks."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination
from scheduler.api.http.auth import Call, Reading, Writing, needs
from scheduler.api.http.fields import ClockTime, Day, KeepBooked, PathId, Shape, Weekday
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.absences import displaced
from scheduler.clinic import rota, setup
from scheduler.clinic.models import HoursKind, Practitioner, WorkingHours
from scheduler.clinic.phases import WEEKDAYS
from scheduler.clinic.shifts import WeeklyBreak
from scheduler.infra.errors import Invalid
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/practitioners/{practitioner_id}", tags=["practitioners"])


class WeeklyHours(Shape):
    """Work on a weekday, by the clinic's clocks. `to` 00:00 is midnight after that day."""

    weekday: Weekday
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")


class ValidDates(Shape):
    """The dates from `valid_from` to `valid_to`; both count."""

    valid_from: Day | None = Field(None, description="Left out: as early as you like.")
    valid_to: Day | None = Field(None, description="Left out: until further notice.")
    keep_booked: KeepBooked = False


class NewHours(ValidDates):
    """A week of work, for some dates."""

    weekly: list[WeeklyHours] = Field(max_length=70)


class NewBreak(WeeklyHours):
    """A break: so many minutes in a row without hands on, somewhere between `from` and `to`."""

    minutes: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=480,
        description="Left out: all of it, at this very time. Less: it floats, and booking leaves"
        " room for it.",
        examples=[30],
    )


class NewBreaks(ValidDates):
    """A week of breaks, for some dates."""

    weekly: list[NewBreak] = Field(max_length=70)


class WeeklyHoursShape(Shape):
    """Work on a weekday, and the dates for which it holds."""

    weekday: str
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    valid_from: date | None
    valid_to: date | None


class HoursShape(Shape):
    """All hours of a practitioner."""

    weekly: list[WeeklyHoursShape]


class BreakShape(WeeklyHoursShape):
    """A break, and the dates for which it holds."""

    minutes: int | None


class BreaksShape(Shape):
    """All breaks of a practitioner."""

    weekly: list[BreakShape]


class NewExtraHours(Shape):
    """Work on one date, beside the weekly hours."""

    date: Day
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")


class ExtraHoursShape(Shape):
    """Work on one date."""

    id: int
    practitioner_id: int
    date: str
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")


@router.get("/hours", response_model=HoursShape)
@needs(Permission.SEE_CLINIC)
def show_hours(call: Reading, practitioner_id: PathId) -> JSONResponse:
    """When a practitioner works, past and future dates included. The ETag is the practitioner's."""
    practitioner = _find(call, practitioner_id)
    hours = rota.hours_of(call.session, practitioner)
    return call.answer(_hours_shape(hours), version=practitioner.version)


@router.put("/hours", response_model=HoursShape)
@needs(Permission.SET_UP)
def set_hours(call: Writing, practitioner_id: PathId, body: NewHours) -> JSONResponse:
    """Set the hours for some dates; hours of other dates stay.

    Sessions that would lie outside them: 409 lists them, unless they are to be kept.
    """
    practitioner = _to_change(call, practitioner_id, body)
    with displaced.telling(call.session, practitioner, keep=body.keep_booked, now=call.now):
        kept = rota.set_hours(
            call.session,
            call.actor,
            practitioner,
            [
                rota.weekly_hours(WEEKDAYS.index(each.weekday), each.start, each.end)
                for each in body.weekly
            ],
            valid_from=body.valid_from,
            valid_to=body.valid_to,
            now=call.now,
        )
    return call.answer(_hours_shape(kept), version=practitioner.version)


@router.get("/breaks", response_model=BreaksShape)
@needs(Permission.SEE_CLINIC)
def show_breaks(call: Reading, practitioner_id: PathId) -> JSONResponse:
    """When a practitioner has breaks. The ETag is the practitioner's."""
    practitioner = _find(call, practitioner_id)
    breaks = rota.hours_of(call.session, practitioner, HoursKind.BREAK)
    return call.answer(_breaks_shape(breaks), version=practitioner.version)


@router.put("/breaks", response_model=BreaksShape)
@needs(Permission.SET_UP)
def set_breaks(call: Writing, practitioner_id: PathId, body: NewBreaks) -> JSONResponse:
    """Set the breaks for some dates, a lunch say: at a fixed time, or floating in a window.

    In a break no hands are on; a patient may rest through it. Sessions that would leave no room
    for one: 409 lists them, unless they are to be kept.
    """
    practitioner = _to_change(call, practitioner_id, body)
    with displaced.telling(call.session, practitioner, keep=body.keep_booked, now=call.now):
        kept = rota.set_breaks(
            call.session,
            call.actor,
            practitioner,
            [
                WeeklyBreak(
                    rota.weekly_hours(WEEKDAYS.index(each.weekday), each.start, each.end),
                    each.minutes,
                )
                for each in body.weekly
            ],
            valid_from=body.valid_from,
            valid_to=body.valid_to,
            now=call.now,
        )
    return call.answer(_breaks_shape(kept), version=practitioner.version)


@router.get("/extra-hours")
@needs(Permission.SEE_CLINIC)
def list_extra_hours(
    call: Reading, practitioner_id: PathId, paging: Paging
) -> Page[ExtraHoursShape]:
    """On which dates a practitioner works beside the weekly hours."""
    practitioner = _find(call, practitioner_id)
    found = pagination.rows(
        call,
        WorkingHours,
        paging,
        col(WorkingHours.practitioner_id) == practitioner.id,
        col(WorkingHours.kind) == HoursKind.EXTRA,
        scoped=False,
    )
    return pagination.page(found, paging, _extra_shape)


@router.post("/extra-hours", status_code=201, response_model=ExtraHoursShape)
@needs(Permission.SET_UP)
def add_extra_hours(call: Writing, practitioner_id: PathId, body: NewExtraHours) -> JSONResponse:
    """Let a practitioner work on one date beside the weekly hours."""
    practitioner = _find(call, practitioner_id)
    row = rota.add_extra(
        call.session,
        call.actor,
        practitioner,
        day=body.date,
        starts=body.start,
        ends=body.end,
        now=call.now,
    )
    return call.answer(_extra_shape(row), status=201)


@router.delete("/extra-hours/{extra_hours_id}", status_code=204)
@needs(Permission.SET_UP)
def remove_extra_hours(
    call: Writing,
    practitioner_id: PathId,
    extra_hours_id: PathId,
    keep_booked: Annotated[
        bool, Query(description="Keep sessions that are booked in them.")
    ] = False,
) -> None:
    """Take extra hours away. Sessions that are booked in them: 409 lists them."""
    practitioner = _find(call, practitioner_id)
    with displaced.telling(call.session, practitioner, keep=keep_booked, now=call.now):
        rota.remove_extra(call.session, call.actor, practitioner, extra_hours_id, now=call.now)


def _find(call: Call, practitioner_id: int) -> Practitioner:
    return setup.find_practitioner(call.session, call.actor, practitioner_id)


def _to_change(call: Call, practitioner_id: int, body: ValidDates) -> Practitioner:
    practitioner = _find(call, practitioner_id)
    # One at a time: hours that two set at once would be put together from both.
    call.session.refresh(practitioner, with_for_update={"key_share": True})
    call.expect(practitioner.version)
    if body.valid_from and body.valid_to and body.valid_to < body.valid_from:
        raise Invalid("`valid_to` must not be before `valid_from`.", field="valid_to")
    return practitioner


def _hours_shape(rows: list[WorkingHours]) -> HoursShape:
    return HoursShape(
        weekly=[
            WeeklyHoursShape(
                weekday=WEEKDAYS[row.weekday],
                start=row.starts,
                end=row.ends,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
            )
            for row in rows
        ]
    )


def _breaks_shape(rows: list[WorkingHours]) -> BreaksShape:
    return BreaksShape(
        weekly=[
            BreakShape(
                weekday=WEEKDAYS[row.weekday],
                start=row.starts,
                end=row.ends,
                minutes=row.minutes,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
            )
            for row in rows
        ]
    )


def _extra_shape(row: WorkingHours) -> ExtraHoursShape:
    return ExtraHoursShape(
        id=stored_id(row.id),
        practitioner_id=row.practitioner_id,
        date=stored_id(row.valid_from).isoformat(),
        start=row.starts,
        end=row.ends,
    )
