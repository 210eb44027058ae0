"""Plans for a whole course. A plan books and holds nothing."""

from datetime import date, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import Field

from scheduler.api.clinic.treatments import PhaseShape
from scheduler.api.http import zones
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import ClockTime, Day, Id, LocalTime, Shape, Weekday, local
from scheduler.booking.availability import search
from scheduler.booking.pace import alternatives, planner
from scheduler.booking.pace.alternatives import Proposal
from scheduler.booking.pace.planner import Plan
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.booking.planning import plan_course
from scheduler.clinic import regimen, setup
from scheduler.clinic.hours import end_of, minute_of_day
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import WEEKDAYS, Phase, written_out
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import instant_of
from scheduler.patients import register
from scheduler.phrases import alternatives as alternative_phrases
from scheduler.phrases import compromises as compromise_phrases
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/course-plans", tags=["courses"])


class PlanWishes(Shape):
    """Wishes: the practitioner, the weekdays and the hours."""

    practitioner_id: Id | None = None
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7, examples=[["mon", "thu"]])
    between: Annotated[list[ClockTime], Field(min_length=2, max_length=2)] | None = Field(
        None,
        examples=[["09:00", "13:00"]],
        description="Sessions start at or after the first time, and before the second.",
    )
    strict: list[Literal["practitioner", "weekdays", "hours"]] = Field(
        default_factory=list,
        max_length=3,
        description="The wishes that must be met. The others are met where possible.",
    )

    def wishes(self, start_on: date) -> Wishes:
        """The wishes for the planner. Raises Invalid for hours that end before they begin."""
        between = None
        if self.between is not None:
            first, last = (time.fromisoformat(clock_time) for clock_time in self.between)
            between = (minute_of_day(first), end_of(last))
            if between[1] <= between[0]:
                raise Invalid(
                    f"{self.between[1]} is not later than {self.between[0]}. Send a later"
                    " second time.",
                    field="between",
                )
        return Wishes(
            start_on=start_on,
            weekdays=frozenset(WEEKDAYS.index(weekday) for weekday in self.weekdays),
            between=between,
            practitioner_id=self.practitioner_id,
            strict=frozenset(self.strict),
        )


class NewPlan(PlanWishes):
    """A treatment to plan, with wishes. The phases are always kept."""

    treatment_id: Id
    start_on: Day = Field(description="No session before this date.")
    patient_id: Id | None = Field(
        None, description="The patient, whose other sessions are avoided."
    )
    phases: list[PhaseShape] | None = Field(
        None,
        min_length=1,
        max_length=regimen.MAX_PHASES,
        description="Null: the phases of the treatment.",
    )
    with_optional: bool = Field(
        False, strict=True, description="True: also plan the optional phases."
    )
    anchor_on: Day | None = Field(
        None, description="The date that `from_day` and `to_day` of the phases count from."
    )
    alternatives: bool = Field(
        False,
        strict=True,
        description="True: also return plans that end earlier, keep one practitioner, or keep one"
        " time of day, where the best plan does not.",
    )
    neighbours: int = Field(
        0,
        strict=True,
        ge=0,
        le=10,
        description="The number of other free times to return for each session, nearest first, that"
        " keep the pace while the other sessions stay.",
    )


class PlannedTime(Shape):
    """A free time."""

    starts_at: LocalTime
    ends_at: LocalTime
    practitioner_id: int
    room_id: int


class PlannedSessionShape(PlannedTime):
    """A planned session. `neighbours` lists other times that keep the pace, if requested."""

    number: int
    phase: int
    neighbours: list[PlannedTime] | None = None


class CompromiseShape(Shape):
    """A place where a course misses a wish or its pace."""

    kind: str
    session_numbers: list[int]
    sentence: str


class PlannedCourse(Shape):
    """A planned course."""

    sessions: list[PlannedSessionShape]
    compromises: list[CompromiseShape]


class AlternativePlan(PlannedCourse):
    """A plan that is better in one respect: earlier_end, same_practitioner or same_hour."""

    kind: str
    sentence: str


class CoursePlan(PlannedCourse):
    """The best plan, and alternatives if requested."""

    alternatives: list[AlternativePlan] | None = None


@router.post("", response_model_exclude_none=True)
@needs(Permission.SEE_CALENDAR)
def propose(call: Reading, body: NewPlan) -> CoursePlan:
    """Plan the best course with the free times.

    422 says which session cannot be placed, and why. Its `remedies` are changes that make a plan
    possible: each has a sentence, and `send` contains the fields to send instead.
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
    writer = _Writer(treatment, zones.of(call.session, treatment.clinic_id))
    others = alternatives.find(found) if body.alternatives else None
    return CoursePlan(
        **writer.course(found.plan, found, neighbours=body.neighbours),
        alternatives=None
        if others is None
        else [
            AlternativePlan(
                kind=other.kind,
                sentence=alternative_phrases.sentence(other.advantage),
                **writer.course(other.plan),
            )
            for other in others
        ],
    )


def agreed_phases(given: list[PhaseShape]) -> list[Phase]:
    """The phases of a request, checked like those of a treatment."""
    return written_out(regimen.check_phases([phase.model_dump() for phase in given]))


class _Writer:
    """Writes plans in clinic time."""

    def __init__(self, treatment: Treatment, zone: ZoneInfo) -> None:
        self.minutes = treatment.minutes
        self.zone = zone

    def course(
        self, plan: Plan, found: Proposal | None = None, *, neighbours: int = 0
    ) -> dict[str, Any]:
        """A course and its compromises, with up to n neighbors of each session."""
        sessions = []
        for appointment in plan.sessions:
            planned = PlannedSessionShape(
                number=appointment.number,
                phase=appointment.phase,
                **self._time(appointment.opening),
            )
            if found is not None and neighbours:
                near = _near(found, appointment.number, neighbours)
                planned.neighbours = [PlannedTime(**self._time(opening)) for opening in near]
            sessions.append(planned)
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
