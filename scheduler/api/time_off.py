"""When practitioners are away, once or again and again."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api import lists, zones
from scheduler.api.conflicts import telling_who_is_booked
from scheduler.api.entry import Call, Reading, Writing, needs
from scheduler.api.lists import Part
from scheduler.api.shapes import Day, Moment, Page, PathId, Shape, Text, local
from scheduler.booking import absences
from scheduler.booking.absences import Recurrence
from scheduler.clinic import setup
from scheduler.clinic.models import Practitioner, TimeOff
from scheduler.database import known
from scheduler.staff.roles import Deed

router = APIRouter(prefix="/practitioners/{practitioner_id}/time-off", tags=["practitioners"])


class Repeat(Shape):
    """The same again, by the clock on the wall: every second Friday afternoon, say.

    One that would lie wholly in an hour that clocks skip is left out; the others stay.
    """

    every_weeks: int = Field(strict=True, ge=1, le=52, examples=[2])
    until: Day = Field(description="The last day on which it may begin; two years at most.")


class TimeOffTimes(Shape):
    """When a practitioner is away."""

    starts_at: Moment
    ends_at: Moment
    reason: Text = Field("", max_length=200)


class NewTimeOff(TimeOffTimes):
    """A practitioner is away."""

    repeat: Repeat | None = None


class TimeOffShape(Shape):
    """When a practitioner is away."""

    id: int
    practitioner_id: int
    starts_at: str
    ends_at: str
    reason: str
    series_id: int | None = Field(description="The first of those that recur together.")


@router.get("")
@needs(Deed.SEE_CLINIC)
def list_time_off(call: Reading, practitioner_id: PathId, part: Part) -> Page[TimeOffShape]:
    """When a practitioner is away; of what recurs, each time."""
    practitioner = _find(call, practitioner_id)
    zone = zones.of(call.session, practitioner.clinic_id)
    found = lists.rows(call, TimeOff, part, col(TimeOff.practitioner_id) == practitioner_id)
    return lists.page(found, part, lambda row: _shape(row, zone))


@router.post("", status_code=201, response_model=TimeOffShape)
@needs(Deed.CLOSE)
def take_time_off(call: Writing, practitioner_id: PathId, body: NewTimeOff) -> JSONResponse:
    """Enter an absence. Sessions that are booked in it, or in any of its repeats: 409 lists them.

    The answer to one that recurs is the first of it.
    """
    practitioner = _find(call, practitioner_id)
    zone = zones.of(call.session, practitioner.clinic_id)
    repeat = Recurrence(body.repeat.every_weeks, body.repeat.until) if body.repeat else None
    with telling_who_is_booked(zone):
        row = absences.take_time_off(
            call.session,
            call.actor,
            practitioner,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            reason=body.reason,
            repeat=repeat,
            now=call.now,
        )
    return call.answer(_shape(row, zone), status=201)


@router.put("/{time_off_id}", response_model=TimeOffShape)
@needs(Deed.CLOSE)
def change_time_off(
    call: Writing, practitioner_id: PathId, time_off_id: PathId, body: TimeOffTimes
) -> JSONResponse:
    """Other times for one absence; of a series the others stay. Booked sessions: 409 lists them."""
    practitioner = _find(call, practitioner_id)
    zone = zones.of(call.session, practitioner.clinic_id)
    row = absences.find_time_off(call.session, practitioner, time_off_id)
    with telling_who_is_booked(zone):
        absences.change_time_off(
            call.session, call.actor, practitioner, row, now=call.now, **body.model_dump()
        )
    return call.answer(_shape(row, zone))


@router.delete("/{time_off_id}", status_code=204)
@needs(Deed.CLOSE)
def cancel_time_off(
    call: Writing,
    practitioner_id: PathId,
    time_off_id: PathId,
    series: Annotated[
        bool, Query(description="Also what is still to come of the same series.")
    ] = False,
) -> None:
    """The practitioner is here after all."""
    practitioner = _find(call, practitioner_id)
    row = absences.find_time_off(call.session, practitioner, time_off_id)
    absences.cancel_time_off(
        call.session, call.actor, practitioner, row, series=series, now=call.now
    )


def _find(call: Call, practitioner_id: int) -> Practitioner:
    return setup.find_practitioner(call.session, call.actor, practitioner_id)


def _shape(row: TimeOff, zone: ZoneInfo) -> TimeOffShape:
    return TimeOffShape(
        id=known(row.id),
        practitioner_id=row.practitioner_id,
        starts_at=local(row.starts_at, zone),
        ends_at=local(row.ends_at, zone),
        reason=row.reason,
        series_id=row.series_id,
    )
