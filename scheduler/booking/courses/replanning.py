"""Replans the rest of a course, skips a week, or changes the practitioner of the rest."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import reservation, search
from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.search import Ignoring, Resources
from scheduler.booking.courses import adherence, courses, rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.pace import planner
from scheduler.booking.pace.planner import NoPlan
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.booking.planning import no_plan, plan_course
from scheduler.booking.planning.no_plan import PlanRequest
from scheduler.clinic import hours
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Conflict, Invalid, NotFound
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id


def replan(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    from_number: int,
    wishes: Wishes,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Find the best new times for the rest of a course that these wishes allow.

    The plan keeps the pace, counted from the earlier appointments. NoPlan names the sessions that
    have no time.
    """
    rest = rescheduling.rest_of(session, course, from_number=from_number, now=now)
    replan_those(session, actor, course, rest, wishes=wishes, policy=policy, now=now)
    courses.record(
        session,
        actor,
        EventKind.REPLANNED,
        course,
        now=now,
        reason=policy.why,
        from_number=from_number,
    )


def replan_those(
    session: Session,
    actor: Actor,
    course: Course,
    moved: Sequence[Appointment],
    *,
    wishes: Wishes,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Move some appointments behind all others of their course, at its pace."""
    resources = rescheduling.resources_of(session, course)
    ids = {appointment.id for appointment in moved}
    kept = [
        appointment
        for appointment in courses.appointments_of(session, course)
        if appointment.id not in ids
    ]
    first = min(appointment.number for appointment in moved)
    # Ignore later cancelled appointments: the plan is for the rest as it will take place.
    kept = [
        appointment
        for appointment in kept
        if appointment.number < first or appointment.state != AppointmentState.CANCELLED
    ]

    def plan_and_move() -> None:
        openings = plan_tail(
            session,
            course,
            [opening_of(appointment, resources) for appointment in kept],
            adherence.cut_to(adherence.planned_phases(course), len(kept) + len(moved)),
            wishes=wishes,
            resources=resources,
            ignoring=Ignoring(appointment_ids=[stored_id(appointment.id) for appointment in moved]),
            now=now,
        )
        wanted = [
            RequestedTime(
                appointment.number, instant_of(opening.starts_at), opening.practitioner_id
            )
            for appointment, opening in zip(moved, openings, strict=True)
        ]
        part = rescheduling.Reschedule(course, resources, moved, wanted, "start_on")
        with session.begin_nested():
            rescheduling.reschedule(session, actor, [part], policy=policy, now=now)

    reservation.retry(plan_and_move, after=SessionsTaken)


def shift_by_plan(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    from_number: int,
    by_days: int | None = None,
    start_on: date | None = None,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Like `rescheduling.shift_rest`, but at the best times instead of the same wall times."""
    first = rescheduling.rest_of(session, course, from_number=from_number, now=now)[0]
    start = start_on or date.fromisoformat(_day(first)) + timedelta(days=by_days or 0)
    wishes = Wishes(start)
    replan(session, actor, course, from_number=from_number, wishes=wishes, policy=policy, now=now)


def skip_week(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    start_on: date,
    behind: bool = False,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Skip seven days from a date: all appointments from then on move one week later.

    `behind`: only the appointments of that week move, behind all others. Raises Conflict if the
    week has none.
    """
    still_to_come = rescheduling.rest_of(session, course, from_number=1, now=now)
    rest = [
        appointment for appointment in still_to_come if _day(appointment) >= start_on.isoformat()
    ]
    end = (start_on + timedelta(days=7)).isoformat()
    inside = [appointment for appointment in rest if _day(appointment) < end]
    if not inside:
        raise Conflict("No session is in that week. Choose another `start_on`.")
    first = inside[0].number
    if behind:
        wishes = Wishes(start_on + timedelta(days=7))
        replan_those(session, actor, course, inside, wishes=wishes, policy=policy, now=now)
    else:
        rescheduling.shift(
            session, actor, course, rest, 7, policy=policy, now=now, field="start_on"
        )
    courses.record(
        session,
        actor,
        EventKind.WEEK_SKIPPED,
        course,
        now=now,
        reason=policy.why,
        start_on=start_on,
        from_number=first,
        behind=behind,
    )


def change_practitioner(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    from_number: int,
    practitioner_id: int,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Give the rest of a course to another practitioner, at the same times.

    Raises SessionsTaken if that practitioner is busy at one of them.
    """
    rest = rescheduling.rest_of(session, course, from_number=from_number, now=now)
    resources = rescheduling.resources_of(session, course)
    if not resources.gives(practitioner_id):
        raise NotFound(
            f"No practitioner with id {practitioner_id} gives this treatment.",
            field="practitioner_id",
        )
    rest = [appointment for appointment in rest if appointment.practitioner_id != practitioner_id]
    if not rest:
        raise Invalid(
            "This practitioner already gives all these sessions. Choose another one.",
            field="practitioner_id",
        )
    wanted = [
        RequestedTime(appointment.number, appointment.starts_at, practitioner_id)
        for appointment in rest
    ]
    part = rescheduling.Reschedule(course, resources, rest, wanted, "from_number")
    rescheduling.reschedule(session, actor, [part], policy=policy, now=now)
    courses.record(
        session,
        actor,
        EventKind.PRACTITIONER_CHANGED,
        course,
        now=now,
        reason=policy.why,
        from_number=from_number,
        practitioner_id=practitioner_id,
    )


def plan_tail(
    session: Session,
    course: Course,
    kept: Sequence[Opening],
    phases: Sequence[Phase],
    *,
    wishes: Wishes,
    resources: Resources,
    ignoring: Ignoring = search.IGNORE_NOTHING,
    last: date | None = None,
    now: datetime,
) -> list[Opening]:
    """Free times for the sessions of the phases beyond the kept ones. Raises NoPlan.

    `last`: the last day to search; by default the latest day on which a plan may end.
    """
    today = now.astimezone(resources.zone).date()
    start = max([today, wishes.start_on, *(opening.day for opening in kept)])
    end = plan_course.last_day(start, phases, resources.treatment, today)
    last = min(end, last) if last else end
    patient = session.get_one(Patient, course.patient_id)
    free = search.free_slots(
        session,
        resources,
        first=max(today, wishes.start_on),
        last=last,
        now=now,
        patient_calendar_id=patient.calendar_id,
        ignoring=ignoring,
    )
    fixed = sorted(kept, key=lambda opening: opening.starts_at)
    openings = search.openings(free, resources.zone)
    try:
        plan = planner.plan_rest(phases, fixed, openings, wishes, until=last)
    except NoPlan as refusal:
        asked = PlanRequest(phases, wishes, now, patient.calendar_id, ignoring)
        raise no_plan.explain(session, resources, refusal, asked) from refusal
    return [appointment.opening for appointment in plan.sessions]


def opening_of(appointment: Appointment, resources: Resources) -> Opening:
    """The time of an appointment as the planner represents it."""
    minute = minute_of(appointment.starts_at)
    return Opening(
        *hours.wall(minute, resources.zone),
        minute,
        appointment.practitioner_id,
        appointment.room_id,
    )


def _day(appointment: Appointment) -> str:
    return appointment.wall_time[:10]
