"""When practitioners work: weekly hours, breaks, and extra hours on a date."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination
from scheduler.api.http.auth import NEVER_CHANGED, Call, Reading, Writing, needs
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


class NewWeeklyHours(Shape):
    """Hours of work on a weekday, in clinic time. `to` 00:00 is midnight after that day."""

    weekday: Weekday
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")


class ValidDates(Shape):
    """The dates for which hours apply. Both ends are inclusive."""

    valid_from: Day | None = Field(None, description="Null: no first date.")
    valid_to: Day | None = Field(None, description="Null: until further notice.")
    keep_booked: KeepBooked = False


class NewHours(ValidDates):
    """Weekly hours for a range of dates."""

    weekly: list[NewWeeklyHours] = Field(max_length=70)


class NewBreak(NewWeeklyHours):
    """A break of some minutes between `from` and `to`, without hands-on work."""

    minutes: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=480,
        description="The length of a floating break, which may lie anywhere between `from` and"
        " `to`. Null: the break fills the whole time.",
        examples=[30],
    )


class NewBreaks(ValidDates):
    """Weekly breaks for a range of dates."""

    weekly: list[NewBreak] = Field(max_length=70)


class WeeklyHoursShape(Shape):
    """Hours of work on a weekday, and the dates for which they apply."""

    weekday: str
    starts: str = Field(serialization_alias="from")
    ends: str = Field(serialization_alias="to")
    valid_from: date | None
    valid_to: date | None


class HoursShape(Shape):
    """All weekly hours of a practitioner."""

    weekly: list[WeeklyHoursShape]


class BreakShape(WeeklyHoursShape):
    """A break on a weekday, and the dates for which it applies."""

    minutes: int | None


class BreaksShape(Shape):
    """All weekly breaks of a practitioner."""

    weekly: list[BreakShape]


class NewExtraHours(Shape):
    """Hours of work on one date, in addition to the weekly hours."""

    date: Day
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")


class ExtraHoursShape(Shape):
    """Hours of work on one date, in addition to the weekly hours."""

    id: int
    practitioner_id: int
    date: str
    starts: str = Field(serialization_alias="from")
    ends: str = Field(serialization_alias="to")


@router.get("/hours", response_model=HoursShape)
@needs(Permission.SEE_CLINIC)
def show_hours(call: Reading, practitioner_id: PathId) -> JSONResponse:
    """The weekly hours of a practitioner, past and future. The ETag is the practitioner's."""
    practitioner = _find(call, practitioner_id)
    hours = rota.hours_of(call.session, practitioner)
    return call.answer(_hours_shape(hours), version=practitioner.version)


@router.put("/hours", response_model=HoursShape)
@needs(Permission.SET_UP)
def set_hours(call: Writing, practitioner_id: PathId, body: NewHours) -> JSONResponse:
    """Set the weekly hours for a range of dates. The hours of other dates stay unchanged.

    If booked sessions would be outside the hours, 409 lists them, unless `keep_booked` is true.
    """
    practitioner = _to_change(call, practitioner_id, body)
    with displaced.telling(call.session, practitioner, keep=body.keep_booked, now=call.now):
        kept = rota.set_hours(
            call.session,
            call.actor,
            practitioner,
            [
                rota.weekly_hours(WEEKDAYS.index(hours.weekday), hours.start, hours.end)
                for hours in body.weekly
            ],
            valid_from=body.valid_from,
            valid_to=body.valid_to,
            now=call.now,
        )
    return call.answer(_hours_shape(kept), version=practitioner.version)


@router.get("/breaks", response_model=BreaksShape)
@needs(Permission.SEE_CLINIC)
def show_breaks(call: Reading, practitioner_id: PathId) -> JSONResponse:
    """The weekly breaks of a practitioner. The ETag is the practitioner's."""
    practitioner = _find(call, practitioner_id)
    breaks = rota.hours_of(call.session, practitioner, HoursKind.BREAK)
    return call.answer(_breaks_shape(breaks), version=practitioner.version)


@router.put("/breaks", response_model=BreaksShape)
@needs(Permission.SET_UP)
def set_breaks(call: Writing, practitioner_id: PathId, body: NewBreaks) -> JSONResponse:
    """Set the weekly breaks for a range of dates, at a fixed time or floating in a window.

    The practitioner does not treat during a break, but a patient may rest through it. If booked
    sessions leave no time for a break, 409 lists them, unless `keep_booked` is true.
    """
    practitioner = _to_change(call, practitioner_id, body)
    with displaced.telling(call.session, practitioner, keep=body.keep_booked, now=call.now):
        kept = rota.set_breaks(
            call.session,
            call.actor,
            practitioner,
            [
                WeeklyBreak(
                    rota.weekly_hours(WEEKDAYS.index(hours.weekday), hours.start, hours.end),
                    hours.minutes,
                )
                for hours in body.weekly
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
    """The dates on which a practitioner works in addition to the weekly hours."""
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
    """Add hours on one date to the weekly hours."""
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
    return call.answer(_extra_shape(row), status=201, version=NEVER_CHANGED)


@router.delete("/extra-hours/{extra_hours_id}", status_code=204)
@needs(Permission.SET_UP)
def remove_extra_hours(
    call: Writing,
    practitioner_id: PathId,
    extra_hours_id: PathId,
    keep_booked: Annotated[
        bool, Query(description="True: sessions booked in these hours stay booked.")
    ] = False,
) -> None:
    """Remove extra hours. If sessions are booked in them, 409 lists them."""
    practitioner = _find(call, practitioner_id)
    with displaced.telling(call.session, practitioner, keep=keep_booked, now=call.now):
        call.expect(NEVER_CHANGED)
        rota.remove_extra(call.session, call.actor, practitioner, extra_hours_id, now=call.now)


def _find(call: Call, practitioner_id: int) -> Practitioner:
    return setup.find_practitioner(call.session, call.actor, practitioner_id)


def _to_change(call: Call, practitioner_id: int, body: ValidDates) -> Practitioner:
    practitioner = _find(call, practitioner_id)
    # The lock stops two requests that set hours at once from mixing their hours.
    call.session.refresh(practitioner, with_for_update={"key_share": True})
    call.expect(practitioner.version)
    if body.valid_from and body.valid_to and body.valid_to < body.valid_from:
        raise Invalid(
            f"`valid_to` ({body.valid_to}) is before `valid_from` ({body.valid_from}). Send a later"
            " date.",
            field="valid_to",
        )
    return practitioner


def _hours_shape(rows: list[WorkingHours]) -> HoursShape:
    weekly = [WeeklyHoursShape.of(row, weekday=WEEKDAYS[row.weekday]) for row in rows]
    return HoursShape(weekly=weekly)


def _breaks_shape(rows: list[WorkingHours]) -> BreaksShape:
    weekly = [BreakShape.of(row, weekday=WEEKDAYS[row.weekday]) for row in rows]
    return BreaksShape(weekly=weekly)


def _extra_shape(row: WorkingHours) -> ExtraHoursShape:
    return ExtraHoursShape.of(row, date=stored_id(row.valid_from).isoformat())
