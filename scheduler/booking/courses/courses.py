"""Books, clears and cancels a whole course."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import Session, col, select

from scheduler.audit import audit_trail, scoped
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
from scheduler.booking.availability.limits import NO_PERMIT, Permit
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.reservation import ClaimLost
from scheduler.booking.courses import adherence, placement
from scheduler.booking.events import change_notices, course_events
from scheduler.booking.events.course_events import AppointmentValues
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import (
    Appointment,
    AppointmentState,
    Course,
    CourseState,
)
from scheduler.booking.pace.violations import PaceViolation
from scheduler.booking.planning import plan_course
from scheduler.booking.states import LIVE
from scheduler.clinic.models import Clinic, Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Conflict, NotFound
from scheduler.patients.models import Patient, Screening
from scheduler.patients.screening import newest
from scheduler.storage.database import stored_id

BOOKED_SO = "booked on these dates"
"""The reason of pace violations that the course was booked with."""


def book(
    session: Session,
    actor: Actor,
    *,
    treatment: Treatment,
    patient: Patient,
    wanted: Sequence[RequestedTime],
    now: datetime,
    agreed: Sequence[Phase] | None = None,
    screening: Screening | None = None,
    pain_since: str = "",
    hold_id: int | None = None,
    permit: Permit = NO_PERMIT,
    permit_reason: str = "",
) -> Course:
    """Book all wanted times or none. SessionsTaken names the times that are taken.

    `hold_id`: times that were kept for this booking. Answers that a practitioner must see first
    hold the course as needs_clearance; where none come with the booking, the newest ones count.
    `permit`: the soft limits that the times may pass, with the reason to record.
    """
    if patient.clinic_id != treatment.clinic_id:
        raise NotFound
    plan_course.check_offered(treatment)
    screening, held = _screened(session, patient, screening)
    resources = search.find_resources(session, treatment)
    # Errors name the position in the request. Booked appointments are numbered by time.
    requested_times.check_requested(_numbered(wanted), resources, now=now, permit=permit)
    wanted = _numbered(sorted(wanted, key=lambda requested: requested.starts_at))
    first = min(requested.starts_at for requested in wanted).astimezone(resources.zone).date()
    planned = list(agreed or plan_course.phases_of(treatment))
    planned = plan_course.with_history(session, planned, treatment, patient, before=first)
    holds.release_lapsed(session, now=now)
    if hold_id is not None:
        holds.release(session, hold_id)

    def place() -> Course:
        seats = allocation.allocate(
            session,
            resources,
            wanted,
            patient=patient,
            now=now,
            held=hold_id is not None,
            permit=permit,
        )
        with session.begin_nested():
            course = _new_course(
                treatment,
                patient,
                planned=planned,
                screening=screening,
                held=held,
                pain_since=pain_since,
                now=now,
            )
            session.add(course)
            session.flush()
            appointments = [
                placement.new_appointment(course, seat, resources, phase, now)
                for seat, phase in zip(
                    seats, placement.phase_numbers(planned, len(seats)), strict=True
                )
            ]
            session.add_all(appointments)
            session.flush()
            if not placement.claim(
                session, resources, appointments, seats, patient=patient, now=now, permit=permit
            ):
                raise ClaimLost
        found = adherence.off_pace(course, appointments)
        adherence.record_violations(course, found, found, reason=BOOKED_SO)
        _record_booking(
            session, actor, course, appointments, permit=permit, reason=permit_reason, now=now
        )
        return course

    return reservation.retry(place)


def off_pace(session: Session, course: Course) -> list[PaceViolation]:
    """Where the dates of a course violate its agreed pace.

    Staff may book such dates, or accept them later; `adherence.accepted_violations` has the
    reasons. A cancelled appointment keeps its place in the course: its gap is no violation.
    """
    return adherence.off_pace(course, appointments_of(session, course))


def find(session: Session, actor: Actor, course_id: int) -> Course:
    """A course at one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, Course, course_id)


def appointments_of(session: Session, course: Course) -> list[Appointment]:
    """All appointments of a course in order, cancelled ones included."""
    return list(
        session.exec(
            select(Appointment)
            .where(Appointment.course_id == course.id)
            .order_by(col(Appointment.number))
        )
    )


def cancel(
    session: Session, actor: Actor, course: Course, *, reason: str = "", now: datetime
) -> Course:
    """Cancel a course and each of its appointments that has not begun."""
    if course.state in {CourseState.CANCELLED, CourseState.COMPLETED}:
        raise Conflict(f"This course is already {course.state}.")
    rest = [
        appointment
        for appointment in appointments_of(session, course)
        if can_change(appointment, now)
    ]
    diary.free(session, appointment_ids=[stored_id(appointment.id) for appointment in rest])
    before = [AppointmentValues.of(appointment) for appointment in rest]
    for appointment in rest:
        appointment.state = AppointmentState.CANCELLED
        # Only a patient can cancel too late. A clinic that ends a course needs no notice.
        late = actor.kind == "patient" and is_late(session, appointment, now)
        appointment.cancelled_late = late
        appointment.changed_at = now
        session.add(appointment)
    changes = [
        course_events.change_of(appointment, values, now=now)
        for appointment, values in zip(rest, before, strict=True)
    ]
    course_events.record(
        session,
        actor,
        EventKind.CANCELLED,
        course,
        now=now,
        reason=reason,
        changes=changes,
        course_state_before=course.state,
        pace_exceptions_before=course.pace_exceptions,
    )
    change_notices.give(session, actor, changes)
    course.state = CourseState.CANCELLED
    course.cancel_reason, course.pace_exceptions = reason, []
    bump_version(session, course, now)
    numbers = [appointment.number for appointment in rest]
    audit(session, actor, EventKind.CANCELLED, course, now, sessions=numbers, reason=reason)
    return course


def clear(
    session: Session, actor: Actor, course: Course, *, note: str = "", now: datetime
) -> Course:
    """Record that a practitioner reviewed the screening, so that the course may begin.

    Raises Conflict if the course does not wait for clearance.
    """
    if course.state != CourseState.NEEDS_CLEARANCE:
        raise Conflict(f"This course does not wait for clearance: it is {course.state}.")
    course.state, course.cleared_at = CourseState.ACTIVE, now
    bump_version(session, course, now)
    course_events.record(session, actor, EventKind.CLEARED, course, now=now, reason=note)
    audit(session, actor, EventKind.CLEARED, course, now, note=note)
    return course


def screen(
    session: Session, actor: Actor, patient: Patient, screening: Screening, *, now: datetime
) -> None:
    """Use answers that were asked for after the booking for the courses that had none.

    Answers that a practitioner must see hold these courses as needs_clearance.
    """
    unscreened = select(Course).where(
        Course.patient_id == patient.id,
        Course.state == CourseState.ACTIVE,
        col(Course.screening_id).is_(None),
    )
    for course in session.exec(unscreened.order_by(col(Course.id)).with_for_update()).all():
        course.screening_id = screening.id
        if screening.needs_clearance and course.cleared_at is None:
            course.state = CourseState.NEEDS_CLEARANCE
        bump_version(session, course, now)
        audit_trail.record(
            session,
            actor,
            Action.SCREENED,
            "course",
            course.id,
            clinic_id=course.clinic_id,
            now=now,
            held=screening.needs_clearance,
        )


def is_late(session: Session, appointment: Appointment, now: datetime) -> bool:
    """Whether a cancellation now has less notice than `cancel_notice_hours`."""
    clinic = session.get_one(Clinic, appointment.clinic_id)
    return appointment.starts_at - now < timedelta(hours=clinic.cancel_notice_hours)


def lock(session: Session, *course_ids: int) -> None:
    """Lock courses, so that changes run one after another and see each other."""
    # Always in the same order: two requests for the same courses must not deadlock.
    for course_id in sorted(set(course_ids)):
        session.refresh(session.get_one(Course, course_id), with_for_update={"key_share": True})


def bump_version(session: Session, course: Course, now: datetime) -> None:
    """Give a course a new version, because one of its appointments changed."""
    course.changed_at = now
    # Two changes at the same instant must still increase the version twice.
    flag_modified(course, "changed_at")
    session.add(course)
    session.flush()


def can_change(appointment: Appointment, now: datetime) -> bool:
    """Whether the appointment is in the future and not cancelled."""
    return appointment.state in LIVE and appointment.starts_at > now


def _numbered(wanted: Sequence[RequestedTime]) -> list[RequestedTime]:
    return [replace(requested, number=number) for number, requested in enumerate(wanted, start=1)]


def _screened(
    session: Session, patient: Patient, given: Screening | None
) -> tuple[Screening | None, bool]:
    """The screening for a new course, and whether a practitioner must review it first."""
    answers = given or newest(session, patient)
    if answers is None or not answers.needs_clearance:
        return answers, False
    # A course with these answers can only have begun if a practitioner cleared it.
    cleared = session.exec(
        select(Course.id).where(
            Course.screening_id == answers.id,
            col(Course.state).in_({CourseState.ACTIVE, CourseState.COMPLETED}),
        )
    ).first()
    return answers, cleared is None


def _new_course(
    treatment: Treatment,
    patient: Patient,
    *,
    planned: Sequence[Phase],
    screening: Screening | None,
    held: bool,
    pain_since: str,
    now: datetime,
) -> Course:
    return Course(
        clinic_id=treatment.clinic_id,
        patient_id=stored_id(patient.id),
        treatment_id=stored_id(treatment.id),
        screening_id=screening.id if screening else None,
        state=CourseState.NEEDS_CLEARANCE if held else CourseState.ACTIVE,
        pain_since=pain_since,
        phases=list(planned),
        booked_at=now,
        changed_at=now,
    )


def _record_booking(
    session: Session,
    actor: Actor,
    course: Course,
    appointments: Sequence[Appointment],
    *,
    permit: Permit,
    reason: str,
    now: datetime,
) -> None:
    course_events.record(
        session,
        actor,
        EventKind.BOOKED,
        course,
        now=now,
        reason=reason,
        changes=[
            course_events.change_of(appointment, None, now=now) for appointment in appointments
        ],
    )
    audit(
        session,
        actor,
        EventKind.BOOKED,
        course,
        now,
        appointments=[
            [appointment.id, appointment.starts_at.isoformat()] for appointment in appointments
        ],
        **permit.details(reason),
    )


def record(
    session: Session,
    actor: Actor,
    kind: EventKind,
    course: Course,
    *,
    now: datetime,
    reason: str,
    **parameters: Any,
) -> None:
    """Record an event of the whole course, and add it to the audit trail with its parameters."""
    course_events.record(session, actor, kind, course, now=now, reason=reason, **parameters)
    details = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in parameters.items()
    }
    audit(session, actor, kind, course, now, **details, reason=reason)


def audit(
    session: Session, actor: Actor, kind: EventKind, course: Course, now: datetime, **details: Any
) -> None:
    """Add an entry about a course to the audit trail."""
    audit_trail.record(
        session,
        actor,
        Action(kind),
        "course",
        course.id,
        clinic_id=course.clinic_id,
        now=now,
        **details,
    )
