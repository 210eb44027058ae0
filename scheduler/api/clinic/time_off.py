"""Time off of practitioners and rooms, once or recurring."""

from collections.abc import Callable
from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session, col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Reading, Writing, needs
from scheduler.api.http.fields import LARGEST_ID, Day, LocalTime, Moment, PathId, Shape, Text
from scheduler.api.http.pagination import Page, Paging
from scheduler.audit.audit_trail import Actor
from scheduler.booking.absences import time_off
from scheduler.booking.absences.time_off import Recurrence, Whose
from scheduler.clinic import setup
from scheduler.clinic.models import TimeOff
from scheduler.staff.roles import Permission

Find = Callable[[Session, Actor, int], Whose]


class TimeOffRepeat(Shape):
    """A recurrence at the same clinic time, for example every second Friday afternoon.

    A recurrence that falls entirely into an hour that the clocks skip is left out.
    """

    every_weeks: int = Field(strict=True, ge=1, le=52, examples=[2])
    until: Day = Field(description="The last day on which it may begin. At most two years.")


class TimeOffTimes(Shape):
    """A time in which a practitioner is away, or a room is out of use."""

    starts_at: Moment
    ends_at: Moment
    reason: Text = Field("", max_length=200)


class NewTimeOff(TimeOffTimes):
    """A time in which a practitioner is away, or a room is out of use, once or recurring."""

    repeat: TimeOffRepeat | None = None


class TimeOffShape(Shape):
    """A time in which a practitioner is away, or a room is out of use."""

    id: int
    practitioner_id: int | None = Field(
        description="The practitioner who is away. Null if a room is out of use."
    )
    room_id: int | None = Field(
        description="The room that is out of use. Null if a practitioner is away."
    )
    starts_at: LocalTime
    ends_at: LocalTime
    reason: str
    series_id: int | None = Field(description="The id of the first time, if it recurs.")


def _add_routes(router: APIRouter, noun: str, find: Find) -> None:
    """Adds the routes for practitioners or for rooms."""
    path = f"/{noun}s/{{{noun}_id}}/time-off"
    tags: list[str | Enum] = [f"{noun}s"]
    OwnerId = Annotated[int, Path(alias=f"{noun}_id", ge=1, le=LARGEST_ID)]  # noqa: N806 - a type
    column = col(TimeOff.room_id if noun == "room" else TimeOff.practitioner_id)

    @router.get(path, tags=tags)
    @needs(Permission.SEE_CLINIC)
    def list_time_off(call: Reading, owner_id: OwnerId, paging: Paging) -> Page[TimeOffShape]:
        """The time off of a practitioner or room. Each recurrence is listed."""
        owner = find(call.session, call.actor, owner_id)
        zone = zones.of(call.session, owner.clinic_id)
        found = pagination.rows(call, TimeOff, paging, column == owner_id)
        return pagination.page(found, paging, lambda row: TimeOffShape.of(row, zone))

    @router.post(path, tags=tags, status_code=201, response_model=TimeOffShape)
    @needs(Permission.CLOSE)
    def take_time_off(call: Writing, owner_id: OwnerId, body: NewTimeOff) -> JSONResponse:
        """Add time off. Returns the first time, if it recurs.

        If sessions are booked in it or in one of its recurrences, 409 lists them.
        """
        owner = find(call.session, call.actor, owner_id)
        zone = zones.of(call.session, owner.clinic_id)
        repeat = Recurrence(body.repeat.every_weeks, body.repeat.until) if body.repeat else None
        row = time_off.take_time_off(
            call.session,
            call.actor,
            owner,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            reason=body.reason,
            repeat=repeat,
            now=call.now,
        )
        return call.answer(TimeOffShape.of(row, zone), status=201, version=row.version)

    @router.put(path + "/{time_off_id}", tags=tags, response_model=TimeOffShape)
    @needs(Permission.CLOSE)
    def change_time_off(
        call: Writing, owner_id: OwnerId, time_off_id: PathId, body: TimeOffTimes
    ) -> JSONResponse:
        """Change one time off; other recurrences stay. If sessions are booked, 409 lists them."""
        owner = find(call.session, call.actor, owner_id)
        zone = zones.of(call.session, owner.clinic_id)
        row = time_off.find_time_off(call.session, owner, time_off_id)
        call.expect(row.version)
        time_off.change_time_off(
            call.session, call.actor, owner, row, now=call.now, **body.model_dump()
        )
        return call.answer(TimeOffShape.of(row, zone), version=row.version)

    @router.delete(path + "/{time_off_id}", tags=tags, status_code=204)
    @needs(Permission.CLOSE)
    def cancel_time_off(
        call: Writing,
        owner_id: OwnerId,
        time_off_id: PathId,
        series: Annotated[
            bool, Query(description="True: also remove the future recurrences.")
        ] = False,
    ) -> None:
        """Remove time off."""
        owner = find(call.session, call.actor, owner_id)
        row = time_off.find_time_off(call.session, owner, time_off_id)
        call.expect(row.version)
        time_off.cancel_time_off(call.session, call.actor, owner, row, series=series, now=call.now)


router = APIRouter()
_add_routes(router, "practitioner", setup.find_practitioner)
_add_routes(router, "room", setup.find_room)
