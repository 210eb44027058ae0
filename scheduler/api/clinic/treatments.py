"""Treatments: the length of a session, and the phases of a course."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator

from scheduler.api.http import pagination
from scheduler.api.http.auth import Call, Reading, Writing, needs
from scheduler.api.http.fields import (
    Day,
    Id,
    Name,
    PatchShape,
    PathId,
    QueryId,
    Shape,
    Text,
    Weekday,
    given,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.clinic import phases, regimen, setup
from scheduler.clinic.models import Treatment
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/treatments", tags=["treatments"])


class CapShape(Shape):
    """The most sessions within a number of days, counted from the first session."""

    sessions: int = Field(strict=True, ge=1, le=phases.MAX_COURSE_SESSIONS, examples=[12])
    days: int = Field(strict=True, ge=1, le=phases.LONGEST_PHASE, examples=[90])


class PhaseShape(Shape):
    """A part of a course with exactly one pace: `per_week`, `every_days` or `within_days`.

    Six days in a row and one day off, four times: `{"sessions": 6, "every_days": 1, "repeat": 4,
    "pause_days": 1}`. Every weekday: `{"sessions": 10, "every_days": 1, "weekdays":
    ["mon", "tue", "wed", "thu", "fri"]}`. In the two weeks before a date, ending
    three days before it: `{"sessions": 4, "per_week": 2, "from_day": -14, "to_day": -3}`.
    """

    sessions: int = Field(strict=True, ge=1, le=phases.MAX_COURSE_SESSIONS, examples=[6])
    per_week: float | None = Field(
        None,
        strict=True,
        gt=0,
        le=7,
        allow_inf_nan=False,
        examples=[2],
        description="Sessions per week: 1 to 7, or 0.5 (one in two weeks), 0.25 (one in four),"
        " 1.5 (three in two weeks).",
    )
    every_days: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=phases.LONGEST_PHASE,
        description="Days from one session to the next. With `weekdays`, counted in those days.",
    )
    within_days: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=phases.LONGEST_PHASE,
        description="All sessions within this many days, evenly spread.",
    )
    at_least_days: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=phases.LONGEST_PHASE,
        description="With `within_days`: in no fewer days than this.",
    )
    rest_days: int = Field(
        0,
        strict=True,
        ge=0,
        le=phases.LONGEST_PHASE,
        description="Whole days of rest before the phase.",
    )
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7)
    optional: bool = Field(
        False, strict=True, description="True: booked only after a review has released it."
    )
    repeat: int = Field(
        1,
        strict=True,
        ge=1,
        le=phases.MAX_COURSE_SESSIONS,
        description="How many times the phase is given.",
    )
    pause_days: int = Field(
        0,
        strict=True,
        ge=0,
        le=phases.LONGEST_PHASE,
        description="Whole days between two repetitions.",
    )
    from_day: int | None = Field(
        None,
        strict=True,
        ge=-phases.LONGEST_PHASE,
        le=phases.LONGEST_PHASE,
        description="No session before this day, counted from `anchor_on`. -14: two weeks before.",
    )
    to_day: int | None = Field(
        None,
        strict=True,
        ge=-phases.LONGEST_PHASE,
        le=phases.LONGEST_PHASE,
        description="No session after this day, counted from `anchor_on`.",
    )
    anchor_on: Day | None = Field(
        None,
        description="The date that `from_day` and `to_day` count from. Courses and plans have one.",
    )
    caps: list[CapShape] = Field(
        default_factory=list,
        max_length=5,
        description="Limits that apply to all phases of the course together.",
    )
    earlier: list[Day] = Field(
        default_factory=list,
        max_length=200,
        description="Days of earlier sessions of the patient, which count toward `caps`. A plan"
        " with a `patient_id` already counts those of this treatment.",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_phase(cls, value: object) -> object:
        return phases.to_json(value) if isinstance(value, phases.Phase) else value


SessionNumber = Annotated[int, Field(strict=True, ge=1, le=phases.MAX_COURSE_SESSIONS)]


class HandsOnTime(Shape):
    """Minutes of a session, counted from its start, in which the practitioner is needed."""

    from_minute: int = Field(strict=True, ge=0, le=480)
    to_minute: int = Field(strict=True, ge=1, le=480)


class TreatmentTips(Shape):
    """Advice to patients on the pages."""

    before: Text = Field("", max_length=1000)
    after: Text = Field("", max_length=1000)


class TreatmentFields(Shape):
    """The fields of a treatment that can be set."""

    name: Name = Field("", min_length=1, max_length=120, examples=["Back course"])
    summary: Text = Field("", max_length=2000)
    source: Text = Field("", max_length=500, examples=["Cherkin et al. 2009"])
    minutes: int = Field(40, strict=True, ge=5, le=480)
    hands_on: list[HandsOnTime] = Field(
        default_factory=list, max_length=10, description="Empty: the whole session."
    )
    setup_minutes: int = Field(
        0, strict=True, ge=0, le=120, description="How long the room is occupied before a session."
    )
    turnover_minutes: int = Field(
        0, strict=True, ge=0, le=120, description="How long the room is occupied after a session."
    )
    buffer_before_minutes: int = Field(
        0,
        strict=True,
        ge=0,
        le=60,
        description="How long the practitioner is occupied before each hands-on time.",
    )
    buffer_after_minutes: int = Field(
        0,
        strict=True,
        ge=0,
        le=60,
        description="How long the practitioner is occupied after each hands-on time.",
    )
    phases: list[PhaseShape] = Field(
        default_factory=list,
        min_length=1,
        max_length=regimen.MAX_PHASES,
        examples=[[{"sessions": 6, "per_week": 2}, {"sessions": 4, "per_week": 1}]],
    )
    review_after: list[SessionNumber] = Field(
        default_factory=list,
        max_length=10,
        description="The numbers of the sessions after which the patient is asked if it helps.",
    )
    practitioner_ids: list[Id] = Field(default_factory=list, max_length=100)
    room_ids: list[Id] = Field(default_factory=list, max_length=100)
    tips: TreatmentTips = TreatmentTips()
    start_every_minutes: int = Field(
        20,
        strict=True,
        ge=5,
        le=240,
        description="Minutes between two starts, counted from the beginning of each working"
        " stretch and from the end of a fixed break.",
    )
    min_notice_minutes: int = Field(120, strict=True, ge=0, le=20_160)
    horizon_days: int = Field(365, strict=True, ge=1, le=730)


class NewTreatment(TreatmentFields):
    """A treatment."""

    clinic_id: Id
    name: Name = Field(min_length=1, max_length=120, examples=["Back course"])
    phases: list[PhaseShape] = Field(
        min_length=1,
        max_length=regimen.MAX_PHASES,
        examples=[[{"sessions": 6, "per_week": 2}, {"sessions": 4, "per_week": 1}]],
    )


class TreatmentChange(TreatmentFields, PatchShape):
    """Changes of a treatment. Booked courses keep their phases and times."""

    active: bool = Field(True, strict=True, description="False: it is no longer offered.")


class TreatmentShape(TreatmentFields):
    """A treatment."""

    id: int
    clinic_id: int
    name: str
    """As stored: a name from before a rule was made must not hide the others"""
    phases: list[PhaseShape]
    active: bool


@router.get("")
@needs(Permission.SEE_CLINIC)
def list_treatments(
    call: Reading, paging: Paging, clinic_id: QueryId = None
) -> Page[TreatmentShape]:
    """The treatments of your clinics."""
    found = pagination.rows(call, Treatment, paging, clinic_id=clinic_id)
    givers = setup.givers(call.session, [stored_id(row.id) for row in found])
    return pagination.page(found, paging, lambda row: _shape(row, givers[stored_id(row.id)]))


@router.post("", status_code=201, response_model=TreatmentShape)
@needs(Permission.SET_UP)
def offer(call: Writing, body: NewTreatment) -> JSONResponse:
    """Add a treatment. Phases that no calendar can satisfy are refused."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    fields = body.model_dump(exclude={"clinic_id"})
    treatment = setup.offer(call.session, call.actor, clinic, now=call.now, **fields)
    return _answer(call, treatment, status=201)


@router.get("/{treatment_id}", response_model=TreatmentShape)
@needs(Permission.SEE_CLINIC)
def show_treatment(call: Reading, treatment_id: PathId) -> JSONResponse:
    """One treatment."""
    return _answer(call, setup.find_treatment(call.session, call.actor, treatment_id))


@router.patch("/{treatment_id}", response_model=TreatmentShape)
@needs(Permission.SET_UP)
def change_treatment(call: Writing, treatment_id: PathId, body: TreatmentChange) -> JSONResponse:
    """Change a treatment. A list replaces the whole list before."""
    treatment = setup.find_treatment(call.session, call.actor, treatment_id)
    call.expect(treatment.version)
    setup.change_treatment(call.session, call.actor, treatment, given(body), now=call.now)
    return _answer(call, treatment)


def _answer(call: Call, treatment: Treatment, *, status: int = 200) -> JSONResponse:
    givers = setup.givers(call.session, [stored_id(treatment.id)])[stored_id(treatment.id)]
    return call.answer(_shape(treatment, givers), status=status, version=treatment.version)


def _shape(treatment: Treatment, givers: setup.Givers) -> TreatmentShape:
    practitioner_ids, room_ids = givers
    return TreatmentShape.of(treatment, practitioner_ids=practitioner_ids, room_ids=room_ids)
