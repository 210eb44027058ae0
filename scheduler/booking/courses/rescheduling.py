"""Gives appointments of one or several courses new times, all of them or none.

Each change is a list of `Reschedule`s, one for each course. `reschedule` frees the old times,
allocates the new ones, numbers the appointments by time and checks the pace.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select, update

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import (
    allocation,
    diary,
    holds,
    requested_times,
    reservation,
    search,
)
from scheduler.booking.availability.allocation import Allocation
from scheduler.booking.availability.limits import Limit, Permit
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.reservation import ClaimLost
from scheduler.booking.availability.search import Resources
from scheduler.booking.courses import adherence, courses, placement, private_links
from scheduler.booking.courses.adherence import ChangePolicy, PaceStatus
from scheduler.booking.events import change_notices, course_events
from scheduler.booking.events.course_events import AppointmentValues
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.states import EXPECTED
from scheduler.clinic import hours
from scheduler.clinic.models import Treatment
from scheduler.infra.errors import Conflict, Invalid
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id

KEEP_PACE = ChangePolicy()
"""Keeps the pace, and has no reason."""


@dataclass(frozen=True)
class Reschedule:
    """Appointments of one course and their requested times, in the same order.

    `held`: the appointments had these times before, so the notice period does not apply. `later`:
    the course may become slower, whatever the policy says.
    """

    course: Course
    resources: Resources
    moved: Sequence[Appointment]
    wanted: Sequence[RequestedTime]
    field: str
    """The request field that errors about the new times name"""
    held: bool = False
    later: bool = False
    kept_hours: bool = True
    """Whether the wall times are those of booked sessions, which may be off the grid"""


def shift_rest(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    from_number: int,
    by_days: int | None = None,
    start_on: date | None = None,
    policy: ChangePolicy | None = None,
    now: datetime,
) -> Course:
    """Move an appointment and all later ones by days, at their wall times; all or none.

    Appointments that have begun, or whose patient has arrived, stay. The shift is a number of days
    (`by_days`) or the new date of the first appointment (`start_on`).
    """
    rest = rest_of(session, course, from_number=from_number, now=now)
    field = "by_days" if start_on is None else "start_on"
    if start_on is not None:
        by_days = (start_on - date.fromisoformat(rest[0].wall_time[:10])).days
    if not by_days:
        raise Invalid("The shift has no length. Send `by_days` or `start_on`.", field=field)
    policy = policy or ChangePolicy(
        allow_later=True, label=f"the rest was shifted by {_days(by_days)}"
    )
    shift(session, actor, course, rest, by_days, policy=policy, now=now, field=field)
    courses.record(
        session,
        actor,
        EventKind.SHIFTED,
        course,
        now=now,
        reason=policy.why,
        from_number=from_number,
        by_days=by_days,
    )
    return course


def shift(
    session: Session,
    actor: Actor,
    course: Course,
    moved: Sequence[Appointment],
    by_days: int,
    *,
    policy: ChangePolicy,
    now: datetime,
    field: str,
) -> None:
    """Move some appointments by days, at their wall times and with their practitioners."""
    resources = resources_of(session, course)
    wanted = [shifted(appointment, by_days, resources, field=field) for appointment in moved]
    part = Reschedule(course, resources, moved, wanted, field)
    reschedule(session, actor, [part], policy=policy, now=now)


def reschedule(
    session: Session,
    actor: Actor,
    parts: Sequence[Reschedule],
    *,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Give appointments new times, all or none. Raises SessionsTaken, BreaksPace or Invalid."""
    before = [pace_status(session, part.course) for part in parts]
    taken_days = [_check(session, part, policy.permit, now) for part in parts]
    holds.release_lapsed(session, now=now)
    # Free all old times first: a new time may be the old time of a sibling.
    ids = [stored_id(appointment.id) for part in parts for appointment in part.moved]
    diary.free(session, appointment_ids=ids)
    seated = _claimed(session, parts, taken_days, policy.permit, now)
    for part, seats, stood in zip(parts, seated, before, strict=True):
        values = [AppointmentValues.of(appointment) for appointment in part.moved]
        for appointment, seat in zip(part.moved, seats, strict=True):
            _apply(session, appointment, seat, resources=part.resources, now=now)
        own = replace(policy, allow_later=True) if part.later else policy
        check_pace(session, part.course, stood, policy=own, now=now)
        _record(session, actor, part, values, policy=policy, now=now)


def check_pace(
    session: Session,
    course: Course,
    before: PaceStatus,
    *,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Number the appointments of a course by time and check its pace.

    Raises BreaksPace for violations that the policy does not allow, and stores the reason of the
    others.
    """
    number_by_time(session, course, now)
    after = pace_status(session, course)
    new = adherence.newly_violated(before, after)
    adherence.check(new, policy)
    adherence.record_violations(course, after.violations, new, reason=policy.why or policy.label)
    courses.bump_version(session, course, now)
    private_links.prolong_links(session, course, now=now)


def pace_status(session: Session, course: Course) -> PaceStatus:
    """How the dates of a course compare with its pace."""
    return adherence.pace_status(course, courses.appointments_of(session, course))


def number_by_time(session: Session, course: Course, now: datetime) -> None:
    """Number the appointments of a course by their start, cancelled ones included."""
    session.flush()
    sessions = sorted(
        courses.appointments_of(session, course),
        key=lambda appointment: (appointment.starts_at, appointment.number),
    )
    phase_of = placement.phase_numbers(course.phases, len(sessions))
    renumbered = [
        (appointment, number, phase)
        for number, (appointment, phase) in enumerate(zip(sessions, phase_of, strict=True), start=1)
        if appointment.number != number
    ]
    # Numbers are unique in a course at every moment, so make the changing ones negative first.
    session.exec(
        update(Appointment)
        .where(col(Appointment.id).in_([appointment.id for appointment, _, _ in renumbered]))
        .values(number=-col(Appointment.number))
        .execution_options(synchronize_session=False)
    )
    for appointment, number, phase in renumbered:
        appointment.number, appointment.phase, appointment.changed_at = number, phase, now
        session.add(appointment)
    session.flush()


def rest_of(
    session: Session, course: Course, *, from_number: int, now: datetime
) -> list[Appointment]:
    """The future appointments from a number on. Raises Conflict if there is none."""
    rest = [
        appointment
        for appointment in courses.appointments_of(session, course)
        if appointment.number >= from_number
        and appointment.state in EXPECTED
        and appointment.starts_at > now
    ]
    if not rest:
        raise Conflict("No future session has this number or a later one.")
    return rest


def resources_of(session: Session, course: Course) -> Resources:
    """The practitioners, rooms and hours for the treatment of a course."""
    return search.find_resources(session, session.get_one(Treatment, course.treatment_id))


def usual_practitioner(appointment: Appointment, resources: Resources) -> int | None:
    """The present practitioner; None if they no longer give the treatment."""
    return appointment.practitioner_id if resources.gives(appointment.practitioner_id) else None


def shifted(
    appointment: Appointment, by_days: int, resources: Resources, *, field: str
) -> RequestedTime:
    """The same wall time and practitioner on another day.

    Raises Invalid if the clocks skip that time.
    """
    day, clock = appointment.wall_time.split("T")
    hour, minute = clock.split(":")
    target = date.fromisoformat(day) + timedelta(days=by_days)
    starts_at = hours.resolve(
        target, int(hour) * 60 + int(minute), resources.zone, appointment.fold
    )
    if starts_at is None:
        last, first = hours.gap(target, int(hour) * 60 + int(minute), resources.zone)
        raise Invalid(
            f"On {target.isoformat()} clocks go from {last} straight to {first}: there is no"
            f" {clock}. Please choose a time before or after that for session"
            f" {appointment.number}.",
            field=field,
        )
    practitioner_id = usual_practitioner(appointment, resources)
    return RequestedTime(appointment.number, instant_of(starts_at), practitioner_id)


def _check(session: Session, part: Reschedule, permit: Permit, now: datetime) -> set[date]:
    """Raise Invalid for times that no calendar allows. Returns the days of the other sessions."""
    ids = {appointment.id for appointment in part.moved}
    others = session.exec(
        select(Appointment.wall_time).where(
            Appointment.course_id == part.course.id,
            col(Appointment.id).not_in(ids),
            Appointment.state != AppointmentState.CANCELLED,
        )
    )
    taken = {date.fromisoformat(wall_time[:10]) for wall_time in others}
    requested_times.check_requested(
        part.wanted, part.resources, now=now, taken_days=taken, field=part.field, permit=permit
    )
    return taken


def _claimed(
    session: Session,
    parts: Sequence[Reschedule],
    taken_days: Sequence[set[date]],
    permit: Permit,
    now: datetime,
) -> list[list[Allocation]]:
    def claim() -> list[list[Allocation]]:
        seated: list[list[Allocation]] = []
        with session.begin_nested():
            for part, days in zip(parts, taken_days, strict=True):
                patient = session.get_one(Patient, part.course.patient_id)
                own = permit.also(Limit.OFF_GRID) if part.kept_hours else permit
                seats = allocation.allocate(
                    session,
                    part.resources,
                    part.wanted,
                    patient=patient,
                    now=now,
                    held=part.held,
                    permit=own,
                    taken_days=days,
                )
                if not placement.claim(
                    session, part.resources, part.moved, seats, patient=patient, now=now, permit=own
                ):
                    raise ClaimLost
                seated.append(seats)
        return seated

    return reservation.retry(claim)


def _apply(
    session: Session,
    appointment: Appointment,
    seat: Allocation,
    *,
    resources: Resources,
    now: datetime,
) -> None:
    starts_at = appointment.starts_at
    placement.place(appointment, seat, resources, now)
    if appointment.starts_at != starts_at:
        # The patient confirmed the old time, if any.
        appointment.state = AppointmentState.BOOKED
    session.add(appointment)


def _record(
    session: Session,
    actor: Actor,
    part: Reschedule,
    values: Sequence[AppointmentValues],
    *,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    """Record the appointments that have another number, time, practitioner or room than before."""
    changes = []
    for appointment, before in zip(part.moved, values, strict=True):
        if _placed(before) == _placed(AppointmentValues.of(appointment)):
            continue
        change = course_events.change_of(appointment, before, now=now)
        course_events.record(
            session,
            actor,
            EventKind.MOVED,
            part.course,
            now=now,
            reason=policy.why,
            changes=[change],
            overrides_pace=bool(policy.override_reason),
        )
        changes.append(change)
        _audit(session, actor, appointment, before, policy=policy, now=now)
    if not policy.restore:
        change_notices.give(session, actor, changes)


def _placed(values: AppointmentValues) -> tuple[int, datetime, int, int]:
    return values.number, values.starts_at, values.practitioner_id, values.room_id


def _audit(
    session: Session,
    actor: Actor,
    appointment: Appointment,
    before: AppointmentValues,
    *,
    policy: ChangePolicy,
    now: datetime,
) -> None:
    audit_trail.record(
        session,
        actor,
        Action.MOVED,
        "appointment",
        appointment.id,
        clinic_id=appointment.clinic_id,
        now=now,
        before=before.starts_at.isoformat(),
        after=appointment.starts_at.isoformat(),
        number=before.number,
        number_after=appointment.number,
        practitioner_before=before.practitioner_id,
        practitioner_after=appointment.practitioner_id,
        state_before=before.state,
        insisted=bool(policy.override_reason),
        **{"reason": policy.why, **_passed(policy)},
    )


def _passed(policy: ChangePolicy) -> dict[str, Any]:
    """The limits that a member passed. An undo passes them without being asked."""
    return {} if policy.restore else policy.permit.details(policy.why)


def _days(number: int) -> str:
    return "1 day" if abs(number) == 1 else f"{number} days"
