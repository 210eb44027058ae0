"""Practitioners. See hours.py and time_off.py for when they work."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from scheduler.api.http import pagination
from scheduler.api.http.auth import Call, Reading, Writing, needs
from scheduler.api.http.fields import (
    Day,
    Id,
    KeepBooked,
    Name,
    PatchShape,
    PathId,
    QueryId,
    Shape,
    Text,
    given,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.absences import displaced
from scheduler.clinic import setup
from scheduler.clinic.models import Practitioner
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/practitioners", tags=["practitioners"])

MostSessions = Annotated[int, Field(strict=True, ge=1, le=100)]


class NewPractitioner(Shape):
    """A practitioner of a clinic."""

    clinic_id: Id
    name: Name = Field(min_length=1, max_length=120, examples=["Ana Fictional"])
    license_number: Text = Field(min_length=1, max_length=60, examples=["AC-0001"])
    license_expires_on: Day = Field(description="The last day on which they may treat patients.")
    max_sessions_per_day: MostSessions | None = Field(
        None, description="The most sessions on one day. Null: no limit."
    )


class PractitionerChange(PatchShape):
    """Changes of a practitioner."""

    name: Name = Field("", min_length=1, max_length=120)
    license_number: Text = Field("", min_length=1, max_length=60)
    license_expires_on: Day = date.min
    max_sessions_per_day: MostSessions | None = None
    active: bool = Field(True, strict=True, description="False: no session is booked with them.")
    keep_booked: KeepBooked = False


class PractitionerShape(Shape):
    """A practitioner."""

    id: int
    clinic_id: int
    name: str
    license_number: str
    license_expires_on: date
    max_sessions_per_day: int | None
    active: bool


@router.get("")
@needs(Permission.SEE_CLINIC)
def list_practitioners(
    call: Reading, paging: Paging, clinic_id: QueryId = None
) -> Page[PractitionerShape]:
    """The practitioners of your clinics."""
    return pagination.page(
        pagination.rows(call, Practitioner, paging, clinic_id=clinic_id),
        paging,
        PractitionerShape.of,
    )


@router.post("", status_code=201, response_model=PractitionerShape)
@needs(Permission.SET_UP)
def hire(call: Writing, body: NewPractitioner) -> JSONResponse:
    """Add a practitioner. Then set their hours, and add them to treatments."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    practitioner = setup.hire(
        call.session,
        call.actor,
        clinic,
        now=call.now,
        **body.model_dump(exclude={"clinic_id"}),
    )
    return call.answer(PractitionerShape.of(practitioner), status=201, version=practitioner.version)


@router.get("/{practitioner_id}", response_model=PractitionerShape)
@needs(Permission.SEE_CLINIC)
def show_practitioner(call: Reading, practitioner_id: PathId) -> JSONResponse:
    """One practitioner."""
    practitioner = _find(call, practitioner_id)
    return call.answer(PractitionerShape.of(practitioner), version=practitioner.version)


@router.patch("/{practitioner_id}", response_model=PractitionerShape)
@needs(Permission.SET_UP)
def change_practitioner(
    call: Writing, practitioner_id: PathId, body: PractitionerChange
) -> JSONResponse:
    """Change a practitioner.

    If a new license date or daily limit leaves out booked sessions, 409 lists them, unless
    `keep_booked` is true. Sessions of a practitioner who becomes inactive stay booked.
    """
    practitioner = _find(call, practitioner_id)
    call.expect(practitioner.version)
    changes = {name: value for name, value in given(body).items() if name != "keep_booked"}
    with displaced.telling(call.session, practitioner, keep=body.keep_booked, now=call.now):
        setup.change_practitioner(call.session, call.actor, practitioner, changes, now=call.now)
    return call.answer(PractitionerShape.of(practitioner), version=practitioner.version)


def _find(call: Call, practitioner_id: int) -> Practitioner:
    return setup.find_practitioner(call.session, call.actor, practitioner_id)
