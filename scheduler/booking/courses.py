"""A whole course at once: proposed, booked whole or not at all, shifted, cancelled."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import Session, col, select

from scheduler import audit
from scheduler.audit import Actor
from scheduler.booking import diary, holds, planner, search, seating
from scheduler.booking.compromises import Wishes
from scheduler.booking.lifecycle import LIVE
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.booking.planner import Plan
from scheduler.booking.search import NOTHING, Leaving, Resources
from scheduler.booking.seating import Seat, Wanted
from scheduler.clinic import hours, phases
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import Phase
from scheduler.database import Busy, known
from scheduler.errors import Conflict, NotFound, Unfit
from scheduler.intervals import instant_of
from scheduler.patients.models import Patient, Screening

LOOKS = 4
"""How often a free room is looked for anew when somebody else was quicker."""

PLANNING_SLACK = timedelta(days=56)
"""How much longer than its phases ask a plan may take, closed weeks and late starts included."""


def propose(
    session: Session,
    treatment: Treatment,
    wishes: Wishes,
    *,
    now: datetime,
    agreed: Sequence[Phase] | None = None,
    patient: Patient | None = None,
    leaving: Leaving = NOTHING,
) -> Plan:
    """The best plan for the phases (default: the treatment's). Raises planner.NoPlan with why."""
    means = search.resources(session, treatment)
    planned = [phase for phase in agreed or phases_of(treatment) if not phase.optional]
    last = _last_day(wishes.start_on, planned, treatment, now.astimezone(means.zone).date())
    free = search.free_slots(
        session,
        means,
        first=wishes.start_on,
        last=last,
        now=now,
        patient_calendar_id=patient.calendar_id if patient else None,
        leaving=leaving,
    )
    return planner.plan(planned, search.openings(free, means.zone), wishes, until=last)


def phases_of(treatment: Treatment) -> list[Phase]:
    """The phases of a treatment, optional ones included."""
    return [phases.from_json(each) for each in treatment.phases]


def book(
    session: Session,
    actor: Actor,
    *,
    treatment: Treatment,
    patient: Patient,
    wanted: Sequence[Wanted],
    now: datetime,
    agreed: Sequence[Phase] | None = None,
    screening: Screening | None = None,
    pain_since: str = "",
    hold_id: int | None = None,
) -> Course:
    """Book each wanted time or none: SessionsTaken names those that are gone.

    `hold_id`: times that were kept for this booking. Answers that a practitioner must see first
    hold the course as needs_clearance.
    """
    if patient.clinic_id != treatment.clinic_id:
        raise NotFound
    means = search.resources(session, treatment)
    wanted = sorted(wanted, key=lambda each: each.starts_at)
    wanted = [
        Wanted(number, each.starts_at, each.practitioner_id, each.room_id)
        for number, each in enumerate(wanted, start=1)
    ]
    seating.check_wanted(wanted, means, now=now)
    planned = list(agreed or phases_of(treatment))
    holds.release_lapsed(session, now=now)
    if hold_id is not None:
        holds.release(session, hold_id)
    for _ in range(LOOKS):
        seats = seating.seat(session, means, wanted, patient=patient, now=now)
        with session.begin_nested() as attempt:
            course = _new_course(
                treatment,
                patient,
                planned=planned,
                screening=screening,
                pain_since=pain_since,
                now=now,
            )
            session.add(course)
            session.flush()
            appointments = [
                _new_appointment(course, seat, means, phase, now)
                for seat, phase in zip(seats, _phase_numbers(planned, len(seats)), strict=True)
            ]
            session.add_all(appointments)
            session.flush()
            if _claim(session, means, appointments, seats, patient):
                _record_booking(session, actor, course, appointments, now)
                return course
            attempt.rollback()
    raise Busy


def find(session: Session, actor: Actor, course_id: int) -> Course:
    """A course at one of the actor's clinics; NotFound for any other."""
    course = session.exec(
        select(Course).where(Course.id == course_id, actor.scope(col(Course.clinic_id)))
    ).first()
    if course is None:
        raise NotFound
    return course


def appointments_of(session: Session, course: Course) -> list[Appointment]:
    """All sessions of a course, cancelled ones too, in their order."""
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
    """Cancel what is left of a course: each session that has not begun is freed."""
    if course.state in {CourseState.CANCELLED, CourseState.COMPLETED}:
        raise Conflict(f"This course is {course.state} already.")
    rest = [each for each in appointments_of(session, course) if _can_change(each, now)]
    diary.free(session, appointment_ids=[known(each.id) for each in rest])
    for each in rest:
        each.state = AppointmentState.CANCELLED
        each.changed_at = now
        session.add(each)
    course.state = CourseState.CANCELLED
    course.cancel_reason = reason
    touch(session, course, now)
    _record(session, actor, "cancelled", course, now, sessions=[each.number for each in rest])
    return course


def clear(
    session: Session, actor: Actor, course: Course, *, note: str = "", now: datetime
) -> Course:
    """A practitioner has looked at the screening: the course may begin. Conflict if none waits."""
    if course.state != CourseState.NEEDS_CLEARANCE:
        raise Conflict(f"This course does not wait for clearance: it is {course.state}.")
    course.state = CourseState.ACTIVE
    touch(session, course, now)
    _record(session, actor, "cleared", course, now, note=note)
    return course


def shift_rest(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    from_number: int,
    by_days: int | None = None,
    start_on: date | None = None,
    now: datetime,
) -> Course:
    """Move a session and all after it by days, each at its wall time; all of them or none.

    Either by a number of days, or so that the first of them falls on a date.
    """
    rest = [
        each
        for each in appointments_of(session, course)
        if each.number >= from_number and _can_change(each, now)
    ]
    if not rest:
        raise Conflict("No session from this number on is still to come.")
    treatment = session.get_one(Treatment, course.treatment_id)
    means = search.resources(session, treatment)
    if start_on is not None:
        by_days = (start_on - date.fromisoformat(rest[0].wall_time[:10])).days
    if not by_days:
        raise Unfit("Say by how many days to shift, or on which date to go on.", field="by_days")
    wanted = [_shifted(each, by_days, means) for each in rest]
    move_all(session, actor, course, moved=rest, wanted=wanted, means=means, now=now)
    _record(session, actor, "shifted", course, now, from_number=from_number, by_days=by_days)
    return course


def move_all(
    session: Session,
    actor: Actor,
    course: Course,
    *,
    moved: Sequence[Appointment],
    wanted: Sequence[Wanted],
    means: Resources,
    now: datetime,
) -> None:
    """Give sessions of a course new times, all of them or none: SessionsTaken, Unfit."""
    ids = [known(each.id) for each in moved]
    others = {
        each.starts_at.astimezone(means.zone).date()
        for each in appointments_of(session, course)
        if each.id not in ids and each.state != AppointmentState.CANCELLED
    }
    seating.check_wanted(wanted, means, now=now, taken_days=others)
    patient = session.get_one(Patient, course.patient_id)
    holds.release_lapsed(session, now=now)
    # Freed together first, so that none lands on a sibling that has yet to move away.
    diary.free(session, appointment_ids=ids)
    for _ in range(LOOKS):
        seats = seating.seat(session, means, wanted, patient=patient, now=now)
        if _claim(session, means, moved, seats, patient):
            break
    else:
        raise Busy
    for appointment, seat in zip(moved, seats, strict=True):
        before = appointment.starts_at
        _place(appointment, seat, means, now)
        if appointment.starts_at != before and appointment.state == AppointmentState.CONFIRMED:
            # What was confirmed was the old time.
            appointment.state = AppointmentState.BOOKED
        session.add(appointment)
        audit.record(
            session,
            actor,
            "moved",
            "appointment",
            appointment.id,
            clinic_id=appointment.clinic_id,
            now=now,
            before=before.isoformat(),
            after=appointment.starts_at.isoformat(),
        )
    touch(session, course, now)


def touch(session: Session, course: Course, now: datetime) -> None:
    """A change of a session is a change of its course: it gets a new version."""
    course.changed_at = now
    # Two changes in one moment are still two: the version must grow with each.
    flag_modified(course, "changed_at")
    session.add(course)
    session.flush()


def _can_change(appointment: Appointment, now: datetime) -> bool:
    return appointment.state in LIVE and appointment.starts_at > now


def _shifted(appointment: Appointment, by_days: int, means: Resources) -> Wanted:
    day, clock = appointment.wall_time.split("T")
    hour, minute = clock.split(":")
    target = date.fromisoformat(day) + timedelta(days=by_days)
    starts_at = hours.resolve(target, int(hour) * 60 + int(minute), means.zone, appointment.fold)
    if starts_at is None:
        raise Unfit(
            f"On {target.isoformat()} clocks skip {clock}. Please choose another time for session"
            f" {appointment.number}."
        )
    return Wanted(appointment.number, instant_of(starts_at), appointment.practitioner_id)


def _claim(
    session: Session,
    means: Resources,
    appointments: Sequence[Appointment],
    seats: Sequence[Seat],
    patient: Patient,
) -> bool:
    return diary.claim(
        session,
        [
            entry
            for appointment, seat in zip(appointments, seats, strict=True)
            for entry in seating.entries(
                seat, means, patient=patient, appointment_id=known(appointment.id)
            )
        ],
    )


def _new_course(
    treatment: Treatment,
    patient: Patient,
    *,
    planned: Sequence[Phase],
    screening: Screening | None,
    pain_since: str,
    now: datetime,
) -> Course:
    held = screening is not None and screening.needs_clearance
    return Course(
        clinic_id=treatment.clinic_id,
        patient_id=known(patient.id),
        treatment_id=known(treatment.id),
        screening_id=screening.id if screening else None,
        state=CourseState.NEEDS_CLEARANCE if held else CourseState.ACTIVE,
        pain_since=pain_since,
        phases=[phases.to_json(phase) for phase in planned],
        booked_at=now,
        changed_at=now,
    )


def _new_appointment(
    course: Course, seat: Seat, means: Resources, phase: int, now: datetime
) -> Appointment:
    starts_at = instant_of(seat.starts_at)
    appointment = Appointment(
        clinic_id=course.clinic_id,
        course_id=known(course.id),
        patient_id=course.patient_id,
        practitioner_id=seat.practitioner_id,
        room_id=seat.room_id,
        number=seat.number,
        phase=phase,
        starts_at=starts_at,
        ends_at=starts_at,
        wall_time="",
        zone=means.zone.key,
        changed_at=now,
    )
    _place(appointment, seat, means, now)
    return appointment


def _place(appointment: Appointment, seat: Seat, means: Resources, now: datetime) -> None:
    """Set an appointment to a time, practitioner and room."""
    local = instant_of(seat.starts_at).astimezone(means.zone)
    appointment.practitioner_id = seat.practitioner_id
    appointment.room_id = seat.room_id
    appointment.starts_at = instant_of(seat.starts_at)
    appointment.ends_at = instant_of(seat.starts_at + means.shape.minutes)
    appointment.wall_time = local.strftime("%Y-%m-%dT%H:%M")
    appointment.fold = local.fold
    appointment.zone = means.zone.key
    appointment.changed_at = now


def _phase_numbers(planned: Sequence[Phase], sessions: int) -> list[int]:
    """To which phase each session belongs, the last taking what is over."""
    numbers = [
        number
        for number, phase in enumerate(planned, start=1)
        if not phase.optional
        for _ in range(phase.sessions)
    ]
    return (numbers + [max(numbers, default=1)] * sessions)[:sessions]


def _last_day(start_on: date, planned: Sequence[Phase], treatment: Treatment, today: date) -> date:
    wanted = max(start_on, today) + timedelta(weeks=phases.weeks(list(planned))) + PLANNING_SLACK
    return min(wanted, today + timedelta(days=treatment.horizon_days))


def _record_booking(
    session: Session,
    actor: Actor,
    course: Course,
    appointments: Sequence[Appointment],
    now: datetime,
) -> None:
    _record(
        session,
        actor,
        "booked",
        course,
        now,
        appointments=[[each.id, each.starts_at.isoformat()] for each in appointments],
    )


def _record(
    session: Session, actor: Actor, deed: str, course: Course, now: datetime, **details: Any
) -> None:
    audit.record(
        session,
        actor,
        deed,
        "course",
        course.id,
        clinic_id=course.clinic_id,
        now=now,
        **details,
    )
