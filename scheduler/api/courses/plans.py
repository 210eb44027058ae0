"""Proposals for a whole course. Nothing is kept by proposing it."""

from datetime import date, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import Field

from scheduler.api.clinic.treatments import PhaseShape
from scheduler.api.http import zones
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import ClockTime, Day, Id, Shape, Weekday, local
from scheduler.booking.availability import search
from scheduler.booking.pace import alternatives, planner
from scheduler.booking.pace.alternatives import Proposal
from scheduler.booking.pace.planner import Plan
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.booking.planning import plan_course
from scheduler.clinic import regimen, setup
from scheduler.clinic.hours import end_of, minute_of_day
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import WEEKDAYS, Phase, from_json, written_out
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import instant_of
from scheduler.patients import register
from scheduler.phrases import alternatives as alternative_phrases
from scheduler.phrases import compromises as compromise_phrases
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/course-plans", tags=["courses"])


class PlanWishes(Shape):
    """With whom, on which weekdays and at what hours, where that is possible."""

    practitioner_id: Id | None = None
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7, examples=[["mon", "thu"]])
    between: Annotated[list[ClockTime], Field(min_length=2, max_length=2)] | None = Field(
        None,
        examples=[["09:00", "13:00"]],
        description="Sessions begin from the one, before the other.",
    )
    strict: list[Literal["practitioner", "weekdays", "hours"]] = Field(
        default_factory=list,
        max_length=3,
        description="Which of these wishes must be met; the others are where that is possible.",
    )

    def wishes(self, start_on: date) -> Wishes:
        """The same for the planner. Unfit for hours that end before they begin."""
        between = None
        if self.between is not None:
            first, last = (time.fromisoformat(each) for each in self.between)
            between = (minute_of_day(first), end_of(last))
            if between[1] <= between[0]:
                raise Invalid("The second time must be later than the first.", field="between")
        return Wishes(
            start_on=start_on,
            weekdays=frozenset(WEEKDAYS.index(weekday) for weekday in self.weekdays),
            between=between,
            practitioner_id=self.practitioner_id,
            strict=frozenset(self.strict),
        )


class NewPlan(PlanWishes):
    """What a patient would like. Wishes are met where that is possible; the phases always."""

    treatment_id: Id
    start_on: Day = Field(description="No session before this date.")
    patient_id: Id | None = Field(None, description="Whose other sessions are to be kept clear of.")
    phases: list[PhaseShape] | None = Field(
        None,
        min_length=1,
        max_length=regimen.MAX_PHASES,
        description="Left out: those of the treatment.",
    )
    with_optional: bool = Field(
        False, strict=True, description="With the optional phases, which a review has released."
    )
    anchor_on: Day | None = Field(
        None, description="The date that from_day and to_day of the phases are counted from."
    )
    alternatives: bool = Field(
        False,
        strict=True,
        description="With others: one that ends earlier, one with one practitioner throughout, one"
        " at one hour throughout, where the best is not so.",
    )
    neighbours: int = Field(
        0,
        strict=True,
        ge=0,
        le=10,
        description="With so many other free times for each session, the nearest first, to which it"
        " could go without harm to the pace while the others stay.",
    )


class PlannedTime(Shape):
    """A free time."""

    starts_at: str
    ends_at: str
    practitioner_id: int
    room_id: int


class PlannedSession(PlannedTime):
    """A proposed session. `neighbours`: where it was asked for, other times that fit as well."""

    number: int
    phase: int
    neighbours: list[PlannedTime] | None = None


class CompromiseShape(Shape):
    """Where the plan is not what was wished, or slower than its pace."""

    kind: str
    session_numbers: list[int]
    sentence: str


class PlannedCourse(Shape):
    """A whole course."""

    sessions: list[PlannedSession]
    compromises: list[CompromiseShape]


class AlternativePlan(PlannedCourse):
    """A whole course that is better in one thing: earlier_end, same_practitioner, same_hour."""

    kind: str
    sentence: str


class CoursePlan(PlannedCourse):
    """The best course, and others where they were asked for."""

    alternatives: list[AlternativePlan] | None = None


@router.post("", response_model_exclude_none=True)
@needs(Permission.SEE_CALENDAR)
def propose(call: Reading, body: NewPlan) -> CoursePlan:
    """The best course that is free.

    422 says which session cannot be placed, and why. Its `remedies` are changes that were planned
    and do help: each with a sentence, and in `send` the fields to send instead.
    """
    treatment = setup.find_treatment(call.session, call.actor, body.treatment_id)
    patient = None
    if body.patient_id is not None:
        patient = register.find(call.session, call.actor, body.patient_id)
    if body.practitioner_id is not None:
        search.find_resources(call.session, treatment).practitioner(body.practitioner_id)
    found = plan_course.proposal(
        call.session,
        treatment,
        body.wishes(body.start_on),
        now=call.now,
        agreed=None if body.phases is None else agreed_phases(body.phases),
        with_optional=body.with_optional,
        anchor_on=body.anchor_on,
        patient=patient,
    )
    teller = _Teller(treatment, zones.of(call.session, treatment.clinic_id))
    others = alternatives.find(found) if body.alternatives else None
    return CoursePlan(
        **teller.course(found.plan, found, neighbours=body.neighbours),
        alternatives=None
        if others is None
        else [
            AlternativePlan(
                kind=each.kind,
                sentence=alternative_phrases.sentence(each.advantage),
                **teller.course(each.plan),
            )
            for each in others
        ],
    )


def agreed_phases(given: list[PhaseShape]) -> list[Phase]:
    """Phases other than the treatment's, checked like those."""
    checked = regimen.check_phases([each.model_dump() for each in given])
    return written_out([from_json(each) for each in checked])


class _Teller:
    """Tells courses in the wall time of their clinic."""

    def __init__(self, treatment: Treatment, zone: ZoneInfo) -> None:
        self.minutes = treatment.minutes
        self.zone = zone

    def course(
        self, plan: Plan, found: Proposal | None = None, *, neighbours: int = 0
    ) -> dict[str, Any]:
        """A course and its compromises; with so many neighbours of each session, where wanted."""
        sessions = []
        for appointment in plan.sessions:
            told = PlannedSession(
                number=appointment.number,
                phase=appointment.phase,
                **self._time(appointment.opening),
            )
            if found is not None and neighbours:
                near = _near(found, appointment.number, neighbours)
                told.neighbours = [PlannedTime(**self._time(opening)) for opening in near]
            sessions.append(told)
        return {
            "sessions": sessions,
            "compromises": [
                CompromiseShape(
                    kind=compromise.kind,
                    session_numbers=list(compromise.session_numbers),
                    sentence=compromise_phrases.sentence(compromise),
                )
                for compromise in plan.compromises
            ],
        }

    def _time(self, opening: Opening) -> dict[str, Any]:
        return {
            "starts_at": local(instant_of(opening.starts_at), self.zone),
            "ends_at": local(instant_of(opening.starts_at + self.minutes), self.zone),
            "practitioner_id": opening.practitioner_id,
            "room_id": opening.room_id,
        }


def _near(found: Proposal, number: int, most: int) -> list[Opening]:
    allowed = [opening for opening in found.openings if found.wishes.allow(opening)]
    return planner.neighbours(found.plan, number, allowed, found.phases, limit=most)
