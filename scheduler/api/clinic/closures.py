"""When clinics are closed: a day, part of one, a range of days."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Reading, Writing, needs
from scheduler.api.http.fields import ClockTime, Day, PathId, Shape, Text
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.absences import closures
from scheduler.clinic import setup
from scheduler.clinic.models import Closure
from scheduler.infra.errors import Invalid
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/clinics/{clinic_id}/closures", tags=["clinics"])


class NewClosure(Shape):
    """A day on which nobody is treated, a part of it, or a range of days."""

    date: Day
    last_date: Day | None = Field(None, description="The last of a range of days; it counts.")
    start: ClockTime = Field("00:00", alias="from", description="For part of each day.")
    end: ClockTime = Field("00:00", alias="to", description="00:00 is midnight after that day.")
    reason: Text = Field("", max_length=200, examples=["Thanksgiving"])

    def fits(self, today: dt.date) -> None:
        """Unfit for days that are over, or that end before they begin."""
        if self.date < today:
            raise Invalid("This day is over.", field="date")
        if self.last_date is not None and self.last_date < self.date:
            raise Invalid("`last_date` must not be before `date`.", field="last_date")


class ClosureShape(Shape):
    """A day on which the clinic is closed, for all of it (00:00 to 00:00) or for a part."""

    id: int
    clinic_id: int
    date: str
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    reason: str
    series_id: int | None = Field(description="The first of those that were closed together.")


@router.get("")
@needs(Permission.SEE_CLINIC)
def list_closures(
    call: Reading,
    clinic_id: PathId,
    paging: Paging,
    since: Annotated[Day | None, Query(alias="from", description="None before this day.")] = None,
) -> Page[ClosureShape]:
    """The days on which a clinic is closed, in the order in which they were entered."""
    where = [] if since is None else [col(Closure.day) >= since]
    return pagination.page(
        pagination.rows(call, Closure, paging, *where, clinic_id=clinic_id), paging, _shape
    )


@router.post("", status_code=201, response_model=ClosureShape)
@needs(Permission.CLOSE)
def close(call: Writing, clinic_id: PathId, body: NewClosure) -> JSONResponse:
    """Close on a day, for part of it, or on a range of days; the answer is the first of them.

    Sessions that are booked then: 409, which lists them, and the clinic stays open.
    """
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    zone = zones.of(call.session, clinic_id)
    body.fits(call.now.astimezone(zone).date())
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
    return call.answer(_shape(series[0]), status=201)


@router.delete("/{closure_id}", status_code=204)
@needs(Permission.CLOSE)
def reopen(
    call: Writing,
    clinic_id: PathId,
    closure_id: PathId,
    series: Annotated[
        bool, Query(description="All days that were closed together with it.")
    ] = False,
) -> None:
    """Open on that day after all."""
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    closure = closures.find_closure(call.session, clinic, closure_id)
    closures.reopen(call.session, call.actor, clinic, closure, series=series, now=call.now)


def _shape(closure: Closure) -> ClosureShape:
    return ClosureShape(
        id=stored_id(closure.id),
        clinic_id=closure.clinic_id,
        date=closure.day.isoformat(),
        start=closure.starts,
        end=closure.ends,
        reason=closure.reason,
        series_id=closure.series_id,
    )
