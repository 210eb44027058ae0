"""Other free times for one appointment or for the rest of a course. Changes nothing."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import search
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.search import Ignoring
from scheduler.booking.courses import adherence, courses, replanning, rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id

NEAR = timedelta(days=14)
"""How far from the present time to search for another one."""

Times = Sequence[tuple[int, int]]
"""For each session the minute of its start and the id of its practitioner."""


def opening_of(session: Session, appointment: Appointment) -> Opening:
    """The time of an appointment as the planner represents it."""
    resources = rescheduling.resources_of(session, session.get_one(Course, appointment.course_id))
    return replanning.opening_of(appointment, resources)


def nearest(session: Session, appointment: Appointment, *, now: datetime) -> list[Opening]:
    """Free times that cause no new pace violation, by start and practitioner.

    They lie between the sessions before and after, so that the number stays, with any practitioner
    who gives the treatment. The present time is not among them.
    """
    course = session.get_one(Course, appointment.course_id)
    resources = rescheduling.resources_of(session, course)
    patient = session.get_one(Patient, course.patient_id)
    day = date.fromisoformat(appointment.wall_time[:10])
    free = search.free_slots(
        session,
        resources,
        first=day - NEAR,
        last=day + NEAR,
        now=now,
        patient_calendar_id=patient.calendar_id,
        ignoring=Ignoring(appointment_ids=[stored_id(appointment.id)]),
    )
    siblings = courses.appointments_of(session, course)
    fits = adherence.day_keeps_pace(course, siblings, appointment)
    after, until = _between(appointment, siblings)
    now_at = minute_of(appointment.starts_at)
    return [
        opening
        for opening in search.openings(free, resources.zone)
        if after < opening.day < until and opening.starts_at != now_at and fits(opening.day)
    ]


def rest_from(
    session: Session, course: Course, *, from_number: int, start_on: date, now: datetime
) -> list[Opening]:
    """The best free times for the rest of a course from a date on. Raises NoPlan.

    On its present weekdays and at its present hours, if they are free.
    """
    rest = rescheduling.rest_of(session, course, from_number=from_number, now=now)
    resources = rescheduling.resources_of(session, course)
    moved = {appointment.id for appointment in rest}
    kept = [
        appointment
        for appointment in courses.appointments_of(session, course)
        if appointment.id not in moved and appointment.number < rest[0].number
    ]
    return replanning.plan_tail(
        session,
        course,
        [replanning.opening_of(appointment, resources) for appointment in kept],
        adherence.cut_to(adherence.planned_phases(course), len(kept) + len(rest)),
        wishes=as_now(
            [replanning.opening_of(appointment, resources) for appointment in rest], start_on
        ),
        resources=resources,
        ignoring=Ignoring(appointment_ids=[stored_id(appointment.id) for appointment in rest]),
        now=now,
    )


def go(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    from_number: int,
    times: Times,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Move the rest of a course to the times that were shown, all or none.

    Raises SessionsTaken if another booking has taken a time, BreaksPace if the times break the
    pace, and Invalid if their number is not that of the sessions.
    """
    rest = rescheduling.rest_of(session, course, from_number=from_number, now=now)
    if len(times) != len(rest):
        raise Invalid(
            "These times are not for the future sessions of the course. Load it again.",
            field="times",
        )
    wanted = [
        RequestedTime(appointment.number, instant_of(minute), practitioner_id)
        for appointment, (minute, practitioner_id) in zip(rest, sorted(times), strict=True)
    ]
    resources = rescheduling.resources_of(session, course)
    part = rescheduling.Reschedule(course, resources, rest, wanted, "times")
    with session.begin_nested():
        rescheduling.reschedule(session, actor, [part], policy=policy, now=now)
    courses.record(
        session,
        actor,
        EventKind.REPLANNED,
        course,
        now=now,
        reason=policy.why,
        from_number=from_number,
    )


def as_now(now: Sequence[Opening], start_on: date) -> Wishes:
    """The wish to keep the present weekdays, hours and practitioner."""
    minutes = [opening.minute for opening in now]
    givers = {opening.practitioner_id for opening in now}
    return Wishes(
        start_on,
        weekdays=frozenset(opening.day.weekday() for opening in now),
        between=(min(minutes), max(minutes) + 1),
        practitioner_id=givers.pop() if len(givers) == 1 else None,
    )


def _between(appointment: Appointment, siblings: Sequence[Appointment]) -> tuple[date, date]:
    """The days of the appointments before and after one, without cancelled ones."""
    there = [sibling for sibling in siblings if sibling.state != AppointmentState.CANCELLED]
    days = [
        (appointment.number, date.fromisoformat(appointment.wall_time[:10]))
        for appointment in there
    ]
    before = [day for number, day in days if number < appointment.number]
    after = [day for number, day in days if number > appointment.number]
    return max(before, default=date.min), min(after, default=date.max)
