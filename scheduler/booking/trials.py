"""Other places for sessions that cannot stay, found by trying them on the calendar.

Whoever calls takes it all back afterwards: what was tried is only what would be possible together.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice

from sqlmodel import Session

from scheduler.booking import assignment, courses, marks, moves, search, seating, slots
from scheduler.booking.assignment import Place, Take
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.search import NOTHING, Resources
from scheduler.booking.seating import Seat
from scheduler.booking.slots import RoomTime
from scheduler.clinic import hours
from scheduler.database import known
from scheduler.intervals import Interval, minute_of
from scheduler.patients.models import Patient

NEAR = timedelta(days=14)
"""How far from its day a session is put where nobody else is free on that day."""

OTHER_DAY = 10**7
"""What another day costs, beside the minutes: more than all minutes of all sessions together."""

MOST_PLACES = 3_000
"""How many places are weighed against each other, of all sessions together."""
LEAST_PLACES = 30
"""The same for one session."""


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

    As many as possible, as many of them as possible on their own day with whoever is free, the
    nearest times; the others on days that keep the pace of their course.
    """
    trial = _Trial(session, now)
    chosen = assignment.assign([_places(trial, each, len(sessions)) for each in sessions])
    # What was chosen is right by itself; what sessions do to each other's pace, and to days and
    # breaks that fill up, only the calendar knows.
    for each, seated in zip(sessions, chosen, strict=True):
        if seated is not None:
            seat = replace(seated.place.what, room_id=seated.room)
            if _keeps_pace(trial, each, seat) and _within_limits(trial, each, seat):
                _claim(trial, each, seat)
    # First whoever can stay on their day, so that nobody from another day takes that from them.
    for candidates in (_same_day, _near):
        for each in sessions:
            if known(each.id) not in trial.seats:
                for seat in candidates(trial, each):
                    if _claim(trial, each, seat):
                        break
    return trial.seats


def _places(trial: _Trial, appointment: Appointment, sessions: int) -> list[Place]:
    """Where a session could go if nothing but its own course mattered, the nearest first."""
    _, means = _course(trial, appointment)
    most = max(LEAST_PLACES, MOST_PLACES // sessions)
    there = list(islice(_same_day(trial, appointment), most * 2 // 3))
    near = list(islice(_near(trial, appointment), most // 3))
    day = date.fromisoformat(appointment.wall_time[:10])
    times = search.times(trial.session, means, first=day - NEAR, last=day + NEAR, now=trial.now)
    patient = trial.session.get_one(Patient, appointment.patient_id)
    at = minute_of(appointment.starts_at)
    return [
        _place(
            seat,
            means,
            abs(seat.starts_at - at) + (OTHER_DAY if place >= len(there) else 0),
            rooms=times.rooms,
            course_id=appointment.course_id,
            patient=patient,
        )
        for place, seat in enumerate([*there, *near])
    ]


def _place(
    seat: Seat,
    means: Resources,
    cost: int,
    *,
    rooms: Sequence[RoomTime],
    course_id: int,
    patient: Patient,
) -> Place:
    room, *others = seating.entries(seat, means, patient=patient)
    day = hours.wall(seat.starts_at, means.zone)[0].toordinal()
    return Place(
        cost,
        (
            *(Take(each.calendar_id, each.span) for each in others),
            Take(("a day", course_id), Interval(day, day + 1)),
        ),
        room.span,
        tuple(
            each.room_id
            for each in rooms
            if slots.room_for(seat.starts_at, means.shape, [each]) is not None
        ),
        seat,
    )


def _claim(trial: _Trial, appointment: Appointment, seat: Seat) -> bool:
    course, means = _course(trial, appointment)
    patient = trial.session.get_one(Patient, appointment.patient_id)
    if not courses.claim(
        trial.session, means, [appointment], [seat], patient=patient, now=trial.now
    ):
        return False
    trial.seats[known(appointment.id)] = seat
    day, _ = hours.wall(seat.starts_at, means.zone)
    trial.days[known(course.id)][known(appointment.id)] = day
    return True


def _same_day(trial: _Trial, appointment: Appointment) -> Iterator[Seat]:
    yield from _free(trial, appointment, timedelta(0))


def _near(trial: _Trial, appointment: Appointment) -> Iterator[Seat]:
    """Free times on other days, of which each keeps the pace of the course as well as now."""
    _, means = _course(trial, appointment)
    fits: dict[date, bool] = {}
    for seat in _free(trial, appointment, NEAR):
        day, _ = hours.wall(seat.starts_at, means.zone)
        if day not in fits:
            fits[day] = not _is_on(appointment, day) and _keeps_pace(trial, appointment, seat)
        if fits[day]:
            yield seat


def _keeps_pace(trial: _Trial, appointment: Appointment, seat: Seat) -> bool:
    """Whether a session may go there, as far as its course is concerned."""
    course, means = _course(trial, appointment)
    day, _ = hours.wall(seat.starts_at, means.zone)
    if _is_on(appointment, day):
        return True
    siblings, moved = trial.siblings[known(course.id)], trial.days[known(course.id)]
    others = {
        moved.get(known(each.id)) or date.fromisoformat(each.wall_time[:10])
        for each in siblings
        if each.id != appointment.id and each.state != AppointmentState.CANCELLED
    }
    if day in others:
        return False
    before = marks.standing(course, siblings, instead=moved)
    after = marks.standing(course, siblings, instead={**moved, known(appointment.id): day})
    return not marks.fresh(before, after)


def _within_limits(trial: _Trial, appointment: Appointment, seat: Seat) -> bool:
    """Whether those who were seated before leave it possible."""
    _, means = _course(trial, appointment)
    return seating.upheld(trial.session, means, [seat], now=trial.now, leaving=NOTHING)


def _is_on(appointment: Appointment, day: date) -> bool:
    return appointment.wall_time[:10] == day.isoformat()


def _free(trial: _Trial, appointment: Appointment, reach: timedelta) -> list[Seat]:
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
    found.sort(key=lambda slot: (abs(slot.starts_at - at), slot.practitioner_id))
    return [Seat(appointment.number, *slot) for slot in found]


def _course(trial: _Trial, appointment: Appointment) -> tuple[Course, Resources]:
    course = trial.session.get_one(Course, appointment.course_id)
    if course.treatment_id not in trial.means:
        trial.means[course.treatment_id] = moves.means_of(trial.session, course)
    if course.id not in trial.siblings:
        trial.siblings[known(course.id)] = courses.appointments_of(trial.session, course)
    return course, trial.means[course.treatment_id]
