"""Plans a whole course from its phases, the free times and the patient's history. Reads only."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from scheduler.booking.availability import search
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.pace import planner, remedies, session_caps
from scheduler.booking.pace.alternatives import Proposal
from scheduler.booking.pace.planner import NoPlan, Plan
from scheduler.booking.pace.remedies import FreeTimes
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import no_plan
from scheduler.booking.planning.no_plan import PlanRequest
from scheduler.booking.states import LIVE
from scheduler.clinic import phases
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Conflict
from scheduler.patients.models import Patient

PLANNING_SLACK = timedelta(days=56)
"""How much longer than its phases a plan may take, for closed weeks and late starts."""

REMEDY_SLACK = 2 * PLANNING_SLACK
"""The same for remedies, which may include a pause."""


def propose(session: Session, treatment: Treatment, wishes: Wishes, **asked: Any) -> Plan:
    """The best plan; arguments as in `proposal`."""
    return proposal(session, treatment, wishes, **asked).plan


def proposal(
    session: Session,
    treatment: Treatment,
    wishes: Wishes,
    *,
    now: datetime,
    agreed: Sequence[Phase] | None = None,
    with_optional: bool = False,
    anchor_on: date | None = None,
    patient: Patient | None = None,
    ignoring: Ignoring = IGNORE_NOTHING,
) -> Proposal:
    """The best plan for the phases (default: the treatment's), with all free times.

    Raises ExplainedNoPlan with the reason and the remedies.
    `with_optional`: include the phases that a review releases. `anchor_on`: the date from which
    `from_day` and `to_day` of the phases count.
    """
    check_offered(treatment)
    resources = search.find_resources(session, treatment)
    planned = [
        phase for phase in agreed or phases_of(treatment) if with_optional or not phase.optional
    ]
    planned = phases.counted_from(planned, anchor_on)
    today = now.astimezone(resources.zone).date()
    wishes = wishes._replace(start_on=max(wishes.start_on, today))
    if patient is not None:
        planned = with_history(session, planned, treatment, patient, before=wishes.start_on)
    asked = PlanRequest(planned, wishes, now, patient.calendar_id if patient else None, ignoring)

    def free_times(first: date, start: date, slack: timedelta = REMEDY_SLACK) -> FreeTimes:
        until = last_day(start, planned, treatment, today, slack=slack)
        free = search.free_slots(
            session,
            resources,
            first=first,
            last=until,
            now=now,
            patient_calendar_id=asked.patient_calendar_id,
            ignoring=ignoring,
        )
        return FreeTimes(search.openings(free, resources.zone), until)

    free = free_times(wishes.start_on, wishes.start_on, PLANNING_SLACK)
    try:
        plan = planner.plan(planned, free.openings, wishes, until=free.until)
    except NoPlan as refusal:
        refused = no_plan.explain(session, resources, refusal, asked)
        refused.remedies = remedies.find(
            planned, wishes, refused, today=today, free_times=free_times
        )
        raise refused from refusal
    return Proposal(plan, planned, free.openings, wishes, free.until)


def phases_of(treatment: Treatment) -> list[Phase]:
    """The phases of a treatment with optional ones, each repeated as often as it is given."""
    return phases.written_out(treatment.phases)


def last_day(
    start_on: date,
    planned: Sequence[Phase],
    treatment: Treatment,
    today: date,
    *,
    slack: timedelta = PLANNING_SLACK,
) -> date:
    """The last day that a plan may use: at most the treatment's horizon."""
    starts = [start_on, today, *(phase.first_day for phase in planned if phase.first_day)]
    caps = session_caps.of(planned)
    if locked := caps.until(caps.before):
        starts.append(date.fromordinal(locked))
    wanted = max(starts) + timedelta(weeks=phases.weeks_of_all(planned)) + slack
    return min(wanted, today + timedelta(days=treatment.horizon_days))


def with_history(
    session: Session,
    planned: list[Phase],
    treatment: Treatment,
    patient: Patient,
    *,
    before: date,
) -> list[Phase]:
    """The phases, with the patient's earlier sessions of this treatment counted in their caps."""
    if not any(phase.caps for phase in planned):
        return planned
    had = session.exec(
        select(col(Appointment.wall_time))
        .join(Course)
        .where(
            Course.treatment_id == treatment.id,
            Appointment.patient_id == patient.id,
            col(Appointment.state).in_(
                {*LIVE, AppointmentState.ARRIVED, AppointmentState.COMPLETED}
            ),
            col(Appointment.wall_time) < before.isoformat(),
        )
    )
    days = {*planned[0].earlier, *(date.fromisoformat(wall_time[:10]) for wall_time in had)}
    return [replace(planned[0], earlier=tuple(sorted(days))), *planned[1:]]


def check_offered(treatment: Treatment) -> None:
    """Conflict if the treatment is no longer offered."""
    if not treatment.active:
        raise Conflict("This treatment is no longer offered.")
