"""When practitioners are away and rooms are out of use, once or again and again."""

from collections.abc import Callable
from enum import Enum
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session, col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Reading, Writing, needs
from scheduler.api.http.fields import LARGEST_ID, Day, Moment, PathId, Shape, Text, local
from scheduler.api.http.pagination import Page, Paging
from scheduler.audit.audit_trail import Actor
from scheduler.booking.absences import time_off
from scheduler.booking.absences.time_off import Recurrence, Whose
from scheduler.clinic import setup
from scheduler.clinic.models import TimeOff
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

Find = Callable[[Session, Actor, int], Whose]


class TimeOffRepeat(Shape):
    """The same again, by the clock on the wall: every second Friday afternoon, say.

    One that would lie wholly in an hour that clocks skip is left out; the others stay.
    """

    every_weeks: int = Field(strict=True, ge=1, le=52, examples=[2])
    until: Day = Field(description="The last day on which it may begin; two years at most.")


class TimeOffTimes(Shape):
    """When a practitioner is away, or a room is out of use."""

    starts_at: Moment
    ends_at: Moment
    reason: Text = Field("", max_length=200)


class NewTimeOff(TimeOffTimes):
    """A practitioner is away, or a room is out of use."""

    repeat: TimeOffRepeat | None = None


class TimeOffShape(Shape):
    """When a practitioner is away, or a room is out of use."""

    id: int
    practitioner_id: int | None = Field(description="Who is away, if it is somebody.")
    room_id: int | None = Field(description="Which room is out of use, if it is one.")
    starts_at: str
    ends_at: str
    reason: str
    series_id: int | None = Field(description="The first of those that recur together.")


def _add_routes(router: APIRouter, noun: str, find: Find) -> None:
    """The same for practitioners and for rooms."""
    path = f"/{noun}s/{{{noun}_id}}/time-off"
    tags: list[str | Enum] = [f"{noun}s"]
    WhoseId = Annotated[int, Path(alias=f"{noun}_id", ge=1, le=LARGEST_ID)]  # noqa: N806 - a type
    column = col(TimeOff.room_id if noun == "room" else TimeOff.practitioner_id)

    @router.get(path, tags=tags)
    @needs(Permission.SEE_CLINIC)
    def list_time_off(call: Reading, whose_id: WhoseId, paging: Paging) -> Page[TimeOffShape]:
        """When they are away; of what recurs, each time."""
        whose = find(call.session, call.actor, whose_id)
        zone = zones.of(call.session, whose.clinic_id)
        found = pagination.rows(call, TimeOff, paging, column == whose_id)
        return pagination.page(found, paging, lambda row: _shape(row, zone))

    @router.post(path, tags=tags, status_code=201, response_model=TimeOffShape)
    @needs(Permission.CLOSE)
    def take_time_off(call: Writing, whose_id: WhoseId, body: NewTimeOff) -> JSONResponse:
        """Enter an absence. Sessions booked in it, or in any of its repeats: 409 lists them.

        The answer to one that recurs is the first of it.
        """
        whose = find(call.session, call.actor, whose_id)
        zone = zones.of(call.session, whose.clinic_id)
        repeat = Recurrence(body.repeat.every_weeks, body.repeat.until) if body.repeat else None
        row = time_off.take_time_off(
            call.session,
            call.actor,
            whose,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            reason=body.reason,
            repeat=repeat,
            now=call.now,
        )
        return call.answer(_shape(row, zone), status=201)

    @router.put(path + "/{time_off_id}", tags=tags, response_model=TimeOffShape)
    @needs(Permission.CLOSE)
    def change_time_off(
        call: Writing, whose_id: WhoseId, time_off_id: PathId, body: TimeOffTimes
    ) -> JSONResponse:
        """Other times for one absence; of a series the others stay. Sessions in it: 409."""
        whose = find(call.session, call.actor, whose_id)
        zone = zones.of(call.session, whose.clinic_id)
        row = time_off.find_time_off(call.session, whose, time_off_id)
        time_off.change_time_off(
            call.session, call.actor, whose, row, now=call.now, **body.model_dump()
        )
        return call.answer(_shape(row, zone))

    @router.delete(path + "/{time_off_id}", tags=tags, status_code=204)
    @needs(Permission.CLOSE)
    def cancel_time_off(
        call: Writing,
        whose_id: WhoseId,
        time_off_id: PathId,
        series: Annotated[
            bool, Query(description="Also what is still to come of the same series.")
        ] = False,
    ) -> None:
        """They are here after all."""
        whose = find(call.session, call.actor, whose_id)
        row = time_off.find_time_off(call.session, whose, time_off_id)
        time_off.cancel_time_off(call.session, call.actor, whose, row, series=series, now=call.now)


def _shape(row: TimeOff, zone: ZoneInfo) -> TimeOffShape:
    return TimeOffShape(
        id=stored_id(row.id),
        practitioner_id=row.practitioner_id,
        room_id=row.room_id,
        starts_at=local(row.starts_at, zone),
        ends_at=local(row.ends_at, zone),
        reason=row.reason,
        series_id=row.series_id,
    )


router = APIRouter()
_add_routes(router, "practitioner", setup.find_practitioner)
_add_routes(router, "room", setup.find_room)
