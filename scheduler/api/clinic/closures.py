"""When clinics are closed: a day, part of a day, or a range of days."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import NEVER_CHANGED, Reading, Writing, needs
from scheduler.api.http.fields import ClockTime, Day, PathId, Shape, Text
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.absences import closures
from scheduler.clinic import setup
from scheduler.clinic.models import Closure
from scheduler.infra.errors import Invalid
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/clinics/{clinic_id}/closures", tags=["clinics"])


class NewClosure(Shape):
    """A day, part of a day, or a range of days on which the clinic is closed."""

    date: Day
    last_date: Day | None = Field(None, description="The last day of a range, inclusive.")
    start: ClockTime = Field("00:00", alias="from", description="The start on each day.")
    end: ClockTime = Field(
        "00:00", alias="to", description="The end on each day. 00:00 is midnight after that day."
    )
    reason: Text = Field("", max_length=200, examples=["Thanksgiving"])

    def check(self, today: dt.date) -> None:
        """Raises Invalid for days in the past, or for a range that ends before it begins."""
        if self.date < today:
            raise Invalid(f"{self.date} is in the past. Send today or a later day.", field="date")
        if self.last_date is not None and self.last_date < self.date:
            raise Invalid(
                f"`last_date` ({self.last_date}) is before `date` ({self.date}). Send a later one.",
                field="last_date",
            )


class ClosureShape(Shape):
    """A day on which the clinic is closed: all day (00:00 to 00:00) or part of it."""

    id: int
    clinic_id: int
    day: dt.date = Field(serialization_alias="date")
    starts: str = Field(serialization_alias="from")
    ends: str = Field(serialization_alias="to")
    reason: str
    series_id: int | None = Field(
        description="The id of the first day, if several days were closed together."
    )


@router.get("")
@needs(Permission.SEE_CLINIC)
def list_closures(
    call: Reading,
    clinic_id: PathId,
    paging: Paging,
    since: Annotated[
        Day | None, Query(alias="from", description="Only closures on this day or later.")
    ] = None,
) -> Page[ClosureShape]:
    """The days on which a clinic is closed, in the order in which they were added."""
    where = [] if since is None else [col(Closure.day) >= since]
    return pagination.page(
        pagination.rows(call, Closure, paging, *where, clinic_id=clinic_id), paging, ClosureShape.of
    )


@router.post("", status_code=201, response_model=ClosureShape)
@needs(Permission.CLOSE)
def close(call: Writing, clinic_id: PathId, body: NewClosure) -> JSONResponse:
    """Close a clinic for a day, part of a day, or a range of days. Returns the first day.

    Closures add up: a day may have several, and it stays closed until each is removed.
    If sessions are booked in that time, 409 lists them and the clinic stays open.
    """
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    zone = zones.of(call.session, clinic_id)
    body.check(call.now.astimezone(zone).date())
    series = closures.close(
        call.session,
        call.actor,
        clinic,
        day=body.date,
        last_day=body.last_date,
        starts=body.start,
        ends=body.end,
        reason=body.reason,
        now=call.now,
    )
    return call.answer(ClosureShape.of(series[0]), status=201, version=NEVER_CHANGED)


@router.delete("/{closure_id}", status_code=204)
@needs(Permission.CLOSE)
def reopen(
    call: Writing,
    clinic_id: PathId,
    closure_id: PathId,
    series: Annotated[
        bool, Query(description="True: also reopen all days that were closed together with it.")
    ] = False,
) -> None:
    """Open the clinic on that day again."""
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    closure = closures.find_closure(call.session, clinic, closure_id)
    call.expect(NEVER_CHANGED)
    closures.reopen(call.session, call.actor, clinic, closure, series=series, now=call.now)
