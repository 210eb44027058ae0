"""Practitioners, when they work, and when they are away."""

from datetime import date
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api import lists, zones
from scheduler.api.conflicts import telling_who_is_booked
from scheduler.api.entry import Call, Reading, Writing, needs
from scheduler.api.lists import Part
from scheduler.api.shapes import (
    Change,
    ClockTime,
    Day,
    Id,
    Moment,
    Page,
    PathId,
    QueryId,
    Shape,
    Text,
    Weekday,
    given,
    local,
)
from scheduler.booking import absences
from scheduler.clinic import setup
from scheduler.clinic.models import Practitioner, TimeOff, WorkingHours
from scheduler.clinic.phases import WEEKDAYS
from scheduler.database import known
from scheduler.errors import NotFound, Unfit
from scheduler.staff.roles import Deed

router = APIRouter(prefix="/practitioners", tags=["practitioners"])


class NewPractitioner(Shape):
    """Somebody who treats."""

    clinic_id: Id
    name: Text = Field(min_length=1, max_length=120, examples=["Ana Fictional"])
    license_number: Text = Field(min_length=1, max_length=60, examples=["AC-0001"])
    license_expires_on: Day = Field(description="The last day on which they may treat.")


class PractitionerChange(Change):
    """What is to be different."""

    name: Text = Field("", min_length=1, max_length=120)
    license_number: Text = Field("", min_length=1, max_length=60)
    license_expires_on: Day = date.min
    active: bool = Field(True, strict=True, description="False: nobody is booked with them.")


class PractitionerShape(Shape):
    """A practitioner."""

    id: int
    clinic_id: int
    name: str
    license_number: str
    license_expires_on: date
    active: bool


class Stretch(Shape):
    """Work on a weekday, by the clinic's clocks. `to` 00:00 is midnight after that day."""

    weekday: Weekday
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")


class NewHours(Shape):
    """A week of work, for the dates from `valid_from` to `valid_to`; both count."""

    weekly: list[Stretch] = Field(max_length=70)
    valid_from: Day | None = Field(None, description="Left out: as early as you like.")
    valid_to: Day | None = Field(None, description="Left out: until further notice.")


class StretchShape(Shape):
    """Work on a weekday, and the dates for which it holds."""

    weekday: str
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    valid_from: date | None
    valid_to: date | None


class HoursShape(Shape):
    """All hours of a practitioner."""

    weekly: list[StretchShape]


class NewTimeOff(Shape):
    """A practitioner is away."""

    starts_at: Moment
    ends_at: Moment
    reason: Text = Field("", max_length=200)


class TimeOffShape(Shape):
    """When a practitioner is away."""

    id: int
    practitioner_id: int
    starts_at: str
    ends_at: str
    reason: str


@router.get("")
@needs(Deed.SEE_CLINIC)
def list_practitioners(
    call: Reading, part: Part, clinic_id: QueryId = None
) -> Page[PractitionerShape]:
    """The practitioners of your clinics."""
    return lists.page(lists.rows(call, Practitioner, part, clinic_id=clinic_id), part, _shape)


@router.post("", status_code=201, response_model=PractitionerShape)
@needs(Deed.SET_UP)
def hire(call: Writing, body: NewPractitioner) -> JSONResponse:
    """Enter a practitioner. Give them hours next, and treatments."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    practitioner = setup.hire(
        call.session,
        call.actor,
        clinic,
        now=call.now,
        **body.model_dump(exclude={"clinic_id"}),
    )
    return call.answer(_shape(practitioner), status=201, version=practitioner.version)


@router.get("/{practitioner_id}", response_model=PractitionerShape)
@needs(Deed.SEE_CLINIC)
def show_practitioner(call: Reading, practitioner_id: PathId) -> JSONResponse:
    """One practitioner."""
    practitioner = _find(call, practitioner_id)
    return call.answer(_shape(practitioner), version=practitioner.version)


@router.patch("/{practitioner_id}", response_model=PractitionerShape)
@needs(Deed.SET_UP)
def change_practitioner(
    call: Writing, practitioner_id: PathId, body: PractitionerChange
) -> JSONResponse:
    """Change a practitioner. What is booked with them stays booked."""
    practitioner = _find(call, practitioner_id)
    call.expect(practitioner.version)
    setup.change_practitioner(call.session, call.actor, practitioner, given(body), now=call.now)
    return call.answer(_shape(practitioner), version=practitioner.version)


@router.get("/{practitioner_id}/hours", response_model=HoursShape)
@needs(Deed.SEE_CLINIC)
def show_hours(call: Reading, practitioner_id: PathId) -> JSONResponse:
    """When a practitioner works, past and future dates included. The ETag is the practitioner's."""
    practitioner = _find(call, practitioner_id)
    hours = setup.hours_of(call.session, practitioner)
    return call.answer(_hours_shape(hours), version=practitioner.version)


@router.put("/{practitioner_id}/hours", response_model=HoursShape)
@needs(Deed.SET_UP)
def set_hours(call: Writing, practitioner_id: PathId, body: NewHours) -> JSONResponse:
    """Set the hours for some dates; hours of other dates stay. What is booked stays booked."""
    practitioner = _find(call, practitioner_id)
    # One at a time: hours that two set at once would be put together from both.
    call.session.refresh(practitioner, with_for_update={"key_share": True})
    call.expect(practitioner.version)
    if body.valid_from and body.valid_to and body.valid_to < body.valid_from:
        raise Unfit("`valid_to` must not be before `valid_from`.", field="valid_to")
    kept = setup.set_hours(
        call.session,
        call.actor,
        practitioner,
        [
            setup.weekly_hours(WEEKDAYS.index(each.weekday), each.start, each.end)
            for each in body.weekly
        ],
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        now=call.now,
    )
    return call.answer(_hours_shape(kept), version=practitioner.version)


@router.get("/{practitioner_id}/time-off")
@needs(Deed.SEE_CLINIC)
def list_time_off(call: Reading, practitioner_id: PathId, part: Part) -> Page[TimeOffShape]:
    """When a practitioner is away."""
    practitioner = _find(call, practitioner_id)
    zone = zones.of(call.session, practitioner.clinic_id)
    found = lists.rows(call, TimeOff, part, col(TimeOff.practitioner_id) == practitioner_id)
    return lists.page(found, part, lambda row: _time_off_shape(row, zone))


@router.post("/{practitioner_id}/time-off", status_code=201, response_model=TimeOffShape)
@needs(Deed.CLOSE)
def take_time_off(call: Writing, practitioner_id: PathId, body: NewTimeOff) -> JSONResponse:
    """Enter an absence. Sessions that are booked in it: 409, which lists them."""
    practitioner = _find(call, practitioner_id)
    zone = zones.of(call.session, practitioner.clinic_id)
    with telling_who_is_booked(zone):
        row = absences.take_time_off(
            call.session, call.actor, practitioner, now=call.now, **body.model_dump()
        )
    return call.answer(_time_off_shape(row, zone), status=201)


@router.delete("/{practitioner_id}/time-off/{time_off_id}", status_code=204)
@needs(Deed.CLOSE)
def cancel_time_off(call: Writing, practitioner_id: PathId, time_off_id: PathId) -> None:
    """The practitioner is here after all."""
    practitioner = _find(call, practitioner_id)
    row = call.session.get(TimeOff, time_off_id)
    if row is None or row.practitioner_id != practitioner.id:
        raise NotFound
    absences.cancel_time_off(call.session, call.actor, time_off_id, now=call.now)


def _find(call: Call, practitioner_id: int) -> Practitioner:
    return setup.find_practitioner(call.session, call.actor, practitioner_id)


def _shape(practitioner: Practitioner) -> PractitionerShape:
    names = PractitionerShape.model_fields
    return PractitionerShape(**{name: getattr(practitioner, name) for name in names})


def _hours_shape(rows: list[WorkingHours]) -> HoursShape:
    return HoursShape(
        weekly=[
            StretchShape(
                weekday=WEEKDAYS[row.weekday],
                start=row.starts,
                end=row.ends,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
            )
            for row in rows
        ]
    )


def _time_off_shape(row: TimeOff, zone: ZoneInfo) -> TimeOffShape:
    return TimeOffShape(
        id=known(row.id),
        practitioner_id=row.practitioner_id,
        starts_at=local(row.starts_at, zone),
        ends_at=local(row.ends_at, zone),
        reason=row.reason,
    )
