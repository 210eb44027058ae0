"""Other places for sessions that cannot stay, found by trying them on the calendar.

Whoever calls takes it all back afterwards: what was tried is only what would be possible together.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler.booking import courses, marks, moves, search
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.search import Resources
from scheduler.booking.seating import Seat
from scheduler.booking.slots import Slot
from scheduler.clinic import hours
from scheduler.database import known
from scheduler.intervals import minute_of
from scheduler.patients.models import Patient

NEAR = timedelta(days=14)
"""How far from its day a session is put where nobody else is free on that day."""


@dataclass
class _Trial:
    """What has been tried out so far: the seat of each session, and the new days of its course."""

    session: Session
    now: datetime
    means: dict[int, Resources] = field(default_factory=dict)
    siblings: dict[int, list[Appointment]] = field(default_factory=dict)
    days: dict[int, dict[int, date]] = field(default_factory=lambda: defaultdict(dict))
    seats: dict[int, Seat] = field(default_factory=dict)


def seat_all(
    session: Session, sessions: Sequence[Appointment], *, now: datetime
) -> dict[int, Seat]:
    """Seats for all that can be seated, by their ids; they are on the calendar now.

    On the same day with whoever is free, the nearest time first; else on the nearest day that keeps
    the pace of the course.
    """
    trial = _Trial(session, now)
    # First whoever can stay on their day, so that nobody from another day takes that from them.
    for candidates in (_same_day, _near):
        for each in sessions:
            if known(each.id) not in trial.seats:
                _seat(trial, each, candidates(trial, each))
    return trial.seats


def _seat(trial: _Trial, appointment: Appointment, candidates: Iterator[Slot]) -> None:
    course, means = _course(trial, appointment)
    patient = trial.session.get_one(Patient, appointment.patient_id)
    for slot in candidates:
        seat = Seat(appointment.number, slot.starts_at, slot.practitioner_id, slot.room_id)
        if courses.claim(
            trial.session, means, [appointment], [seat], patient=patient, now=trial.now
        ):
            trial.seats[known(appointment.id)] = seat
            day, _ = hours.wall(slot.starts_at, means.zone)
            trial.days[known(course.id)][known(appointment.id)] = day
            return


def _same_day(trial: _Trial, appointment: Appointment) -> Iterator[Slot]:
    yield from _free(trial, appointment, timedelta(0))


def _near(trial: _Trial, appointment: Appointment) -> Iterator[Slot]:
    """Free times on other days, of which each keeps the pace of the course as well as now."""
    course, means = _course(trial, appointment)
    siblings, moved = trial.siblings[known(course.id)], trial.days[known(course.id)]
    before = marks.standing(course, siblings, instead=moved)
    others = {
        moved.get(known(each.id)) or date.fromisoformat(each.wall_time[:10])
        for each in siblings
        if each.id != appointment.id and each.state != AppointmentState.CANCELLED
    }
    fits: dict[date, bool] = {}
    for slot in _free(trial, appointment, NEAR):
        day, _ = hours.wall(slot.starts_at, means.zone)
        if day not in fits:
            there = {**moved, known(appointment.id): day}
            after = marks.standing(course, siblings, instead=there)
            fits[day] = day not in others and not marks.fresh(before, after)
        if fits[day]:
            yield slot


def _free(trial: _Trial, appointment: Appointment, reach: timedelta) -> list[Slot]:
    """Free times within some days of a session, the nearest first."""
    _, means = _course(trial, appointment)
    patient = trial.session.get_one(Patient, appointment.patient_id)
    day = date.fromisoformat(appointment.wall_time[:10])
    found = search.free_slots(
        trial.session,
        means,
        first=day - reach,
        last=day + reach,
        now=trial.now,
        patient_calendar_id=patient.calendar_id,
    )
    at = minute_of(appointment.starts_at)
    return sorted(found, key=lambda slot: (abs(slot.starts_at - at), slot.practitioner_id))


def _course(trial: _Trial, appointment: Appointment) -> tuple[Course, Resources]:
    course = trial.session.get_one(Course, appointment.course_id)
    if course.treatment_id not in trial.means:
        trial.means[course.treatment_id] = moves.means_of(trial.session, course)
    if course.id not in trial.siblings:
        trial.siblings[known(course.id)] = courses.appointments_of(trial.session, course)
    return course, trial.means[course.treatment_id]
