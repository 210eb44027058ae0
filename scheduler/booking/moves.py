"""Sessions of a course that get other times, all of them or none."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler import audit
from scheduler.audit import Actor
from scheduler.booking import courses, diary, holds, search, seating
from scheduler.booking.lifecycle import EXPECTED
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.search import Resources
from scheduler.booking.seating import Wanted
from scheduler.clinic import hours
from scheduler.clinic.models import Treatment
from scheduler.database import Busy, known
from scheduler.errors import Conflict, Unfit
from scheduler.intervals import instant_of
from scheduler.patients.models import Patient


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

    Sessions that have begun, or whose patient is here already, stay where they are.
    Either by a number of days, or so that the first of them falls on a date.
    """
    rest = [
        each
        for each in courses.appointments_of(session, course)
        if each.number >= from_number and each.state in EXPECTED and each.starts_at > now
    ]
    if not rest:
        raise Conflict("No session from this number on is still to come.")
    treatment = session.get_one(Treatment, course.treatment_id)
    means = search.resources(session, treatment)
    field = "by_days" if start_on is None else "start_on"
    if start_on is not None:
        by_days = (start_on - date.fromisoformat(rest[0].wall_time[:10])).days
    if not by_days:
        raise Unfit("Say by how many days to shift, or on which date to go on.", field=field)
    wanted = [_shifted(each, by_days, means, field=field) for each in rest]
    move_all(session, actor, course, moved=rest, wanted=wanted, means=means, now=now, field=field)
    courses.record(session, actor, "shifted", course, now, from_number=from_number, by_days=by_days)
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
    field: str,
) -> None:
    """Give sessions of a course new times, all of them or none: SessionsTaken, Unfit.

    `field`: where the caller said the new times; an Unfit time is told there.
    """
    ids = [known(each.id) for each in moved]
    others = {
        each.starts_at.astimezone(means.zone).date()
        for each in courses.appointments_of(session, course)
        if each.id not in ids and each.state != AppointmentState.CANCELLED
    }
    seating.check_wanted(wanted, means, now=now, taken_days=others, field=field)
    patient = session.get_one(Patient, course.patient_id)
    holds.release_lapsed(session, now=now)
    # Freed together first, so that none lands on a sibling that has yet to move away.
    diary.free(session, appointment_ids=ids)
    for _ in range(courses.LOOKS):
        seats = seating.seat(session, means, wanted, patient=patient, now=now)
        if courses.claim(session, means, moved, seats, patient=patient):
            break
    else:
        raise Busy
    for appointment, seat in zip(moved, seats, strict=True):
        before = appointment.starts_at
        courses.place(appointment, seat, means, now)
        if appointment.starts_at != before:
            appointment.news_at = courses.news(actor, now)
            # If it was confirmed, what was confirmed was the old time.
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
    courses.touch(session, course, now)


def usual_practitioner(appointment: Appointment, means: Resources) -> int | None:
    """Who gives a session now; nobody in particular if they no longer give the treatment."""
    return appointment.practitioner_id if means.gives(appointment.practitioner_id) else None


def _shifted(appointment: Appointment, by_days: int, means: Resources, *, field: str) -> Wanted:
    day, clock = appointment.wall_time.split("T")
    hour, minute = clock.split(":")
    target = date.fromisoformat(day) + timedelta(days=by_days)
    starts_at = hours.resolve(target, int(hour) * 60 + int(minute), means.zone, appointment.fold)
    if starts_at is None:
        raise Unfit(
            f"On {target.isoformat()} clocks skip {clock}. Please choose another time for session"
            f" {appointment.number}.",
            field=field,
        )
    who = usual_practitioner(appointment, means)
    return Wanted(appointment.number, instant_of(starts_at), who)
