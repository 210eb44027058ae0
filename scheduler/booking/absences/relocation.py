"""Finds other times for appointments inside an absence by trying them on the calendar.

The caller rolls everything back: the result is only what would be possible together.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from sqlmodel import Session

from scheduler.booking.absences import assignment
from scheduler.booking.absences.assignment import Candidate, Take
from scheduler.booking.availability import allocation, diary, search
from scheduler.booking.availability.allocation import Allocation
from scheduler.booking.availability.search import IGNORE_NOTHING, Resources
from scheduler.booking.availability.slots import Slot, Taken
from scheduler.booking.courses import adherence, courses, placement, rescheduling
from scheduler.booking.models import Appointment, Course
from scheduler.clinic import hours
from scheduler.clinic.hours import MINUTES_PER_DAY
from scheduler.infra.intervals import Interval
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id

NEAR = timedelta(days=14)
"""How many days away an appointment may move if its own day has no time."""

OTHER_DAY = 10**7
"""Cost of another day, on top of the minutes: more than all minutes of all appointments together.
"""

MOST_PLACES = 3_000
"""How many places are weighed against each other, of all sessions together."""
LEAST_PLACES = 30
"""The same for one session."""


PricedAllocation = tuple[int, Allocation]
"""A possible time and its cost: the minutes away from the old time."""


class _Free(NamedTuple):
    """The free times of a treatment over some days, read once for all its appointments."""

    resources: Resources
    by_day: Mapping[date, Sequence[tuple[int, Slot]]]
    """The free starts of each day with the minute of the day, by start and practitioner"""
    rooms: Sequence[tuple[int, Taken]]
    patients: Mapping[int, Taken]
    """By their calendars"""
    limited: frozenset[int]
    """Practitioners with a daily maximum."""


@dataclass
class _Trial:
    """The state of the trial: the new time of each appointment, and the new days of its course."""

    session: Session
    now: datetime
    # Keep the rows too: the session drops unreferenced rows and would read them again and again.
    courses: dict[int, Course] = field(default_factory=dict)
    patients: dict[int, Patient] = field(default_factory=dict)
    resources: dict[int, Resources] = field(default_factory=dict)
    siblings: dict[int, list[Appointment]] = field(default_factory=dict)
    days: dict[int, dict[int, date]] = field(default_factory=lambda: defaultdict(dict))
    seats: dict[int, Allocation] = field(default_factory=dict)


def seat_all(
    session: Session, sessions: Sequence[Appointment], *, now: datetime
) -> dict[int, Allocation]:
    """Allocate a time to as many appointments as possible; they are on the calendar afterwards.

    As many as possible stay on their own day, with any free practitioner, near their old time. The
    others get days that keep their course's pace.
    """
    trial = _Trial(session, now)
    free = _free_for_all(trial, sessions)
    most = max(LEAST_PLACES, MOST_PLACES // max(1, len(sessions)))
    chosen = assignment.assign(
        [
            _places(trial, appointment, free[stored_id(appointment.id)], most)
            for appointment in sessions
        ]
    )
    # Each choice is valid alone. Only the calendar shows how the choices affect each other's pace,
    # daily maximums and breaks.
    for appointment, seated in zip(sessions, chosen, strict=True):
        if seated is not None:
            seat = replace(seated.place.seat, room_id=seated.room)
            if _keeps_pace(trial, appointment, seat) and (
                seat.practitioner_id not in free[stored_id(appointment.id)].limited
                or _within_limits(trial, appointment, seat)
            ):
                _claim(trial, appointment, seat)
    # Appointments that stay on their day first, so that no other appointment takes that time.
    free.clear()
    for candidates in (_same_day, _near):
        for appointment in sessions:
            if stored_id(appointment.id) in trial.seats:
                continue
            if not free:
                free = _free_for_all(trial, sessions)
            for _, seat in candidates(trial, appointment, free[stored_id(appointment.id)]):
                if _claim(trial, appointment, seat):
                    free = {}  # what was read is so no longer
                    break
    return trial.seats


def _free_for_all(trial: _Trial, sessions: Sequence[Appointment]) -> dict[int, _Free]:
    """The free times for each appointment, read once per treatment."""
    of_treatment: dict[int, list[Appointment]] = defaultdict(list)
    for appointment in sessions:
        of_treatment[_course(trial, appointment)[0].treatment_id].append(appointment)
    return {
        stored_id(appointment.id): free
        for alike in of_treatment.values()
        for free in [_free(trial, alike)]
        for appointment in alike
    }


def _free(trial: _Trial, sessions: Sequence[Appointment]) -> _Free:
    """The free times near the appointments of one treatment, by the present calendar."""
    _, resources = _course(trial, sessions[0])
    days = [_day(appointment) for appointment in sessions]
    first, last = min(days) - NEAR, max(days) + NEAR
    now, by_day = trial.now, defaultdict(list)
    found = search.free_slots(trial.session, resources, first=first, last=last, now=now)
    for slot, opening in zip(found, search.openings(found, resources.zone), strict=True):
        by_day[opening.day].append((opening.minute, slot))
    times = search.times(trial.session, resources, first=first, last=last, now=now)
    calendars = {_patient(trial, appointment).calendar_id for appointment in sessions}
    span = Interval(
        hours.moment(first, 0, resources.zone),
        hours.moment(last, MINUTES_PER_DAY, resources.zone) + MINUTES_PER_DAY,
    )
    busy = diary.busy(trial.session, sorted(calendars), span, now=now)
    return _Free(
        resources,
        by_day,
        [(room.room_id, Taken(room.busy)) for room in times.rooms],
        {calendar_id: Taken(spans) for calendar_id, spans in busy.items()},
        frozenset(
            practitioner.practitioner_id
            for practitioner in times.practitioners
            if practitioner.limited
        ),
    )


def _places(trial: _Trial, appointment: Appointment, free: _Free, most: int) -> list[Candidate]:
    """The nearest places that suit the session's own course, without regard to other courses."""
    there = islice(_same_day(trial, appointment, free), most * 2 // 3)
    near = islice(_near(trial, appointment, free, a_day=most // 12), most // 3)
    patient = _patient(trial, appointment)
    return [
        _place(seat, free, cost, course_id=appointment.course_id, patient=patient)
        for cost, seat in (*there, *near)
    ]


def _place(
    seat: Allocation, free: _Free, cost: int, *, course_id: int, patient: Patient
) -> Candidate:
    room, *others = allocation.diary_entries(seat, free.resources, patient=patient)
    day = hours.wall(seat.starts_at, free.resources.zone)[0].toordinal()
    return Candidate(
        cost,
        (
            *(Take(entry.calendar_id, entry.span) for entry in others),
            Take(("a day", course_id), Interval(day, day + 1)),
        ),
        room.span,
        tuple(room_id for room_id, taken in free.rooms if taken.clear(room.span)),
        seat,
    )


def _claim(trial: _Trial, appointment: Appointment, seat: Allocation) -> bool:
    course, resources = _course(trial, appointment)
    patient = _patient(trial, appointment)
    if not placement.claim(
        trial.session, resources, [appointment], [seat], patient=patient, now=trial.now
    ):
        return False
    trial.seats[stored_id(appointment.id)] = seat
    day, _ = hours.wall(seat.starts_at, resources.zone)
    trial.days[stored_id(course.id)][stored_id(appointment.id)] = day
    return True


def _same_day(trial: _Trial, appointment: Appointment, free: _Free) -> Iterator[PricedAllocation]:
    yield from _on(trial, appointment, free, _day(appointment))


def _near(
    trial: _Trial, appointment: Appointment, free: _Free, *, a_day: int | None = None
) -> Iterator[PricedAllocation]:
    """Free times on other days that keep the pace of the course as well as it is kept now.

    Later days come before earlier ones, because they leave more notice. `a_day`: the most times
    on one day.
    """
    fits = _fitting(trial, appointment)
    for away in range(1, NEAR.days + 1):
        for day in (_day(appointment) + timedelta(away), _day(appointment) - timedelta(away)):
            if free.by_day.get(day) and fits(day):
                for cost, seat in islice(_on(trial, appointment, free, day), a_day):
                    yield OTHER_DAY + away * MINUTES_PER_DAY + cost, seat


def _on(
    trial: _Trial, appointment: Appointment, free: _Free, day: date
) -> Iterator[PricedAllocation]:
    """Free times of a day, those nearest to the hour that the session has first."""
    hour, minute = appointment.wall_time[11:].split(":")
    at, length = int(hour) * 60 + int(minute), free.resources.shape.minutes
    taken = free.patients[_patient(trial, appointment).calendar_id]
    # The slots of a day are in order of start and practitioner. The sort is stable, so slots that
    # are equally near keep this order.
    for clock, slot in sorted(
        free.by_day.get(day, ()), key=lambda timed_slot: abs(timed_slot[0] - at)
    ):
        if taken.clear(Interval(slot.starts_at, slot.starts_at + length)):
            yield abs(clock - at), Allocation(appointment.number, *slot)


def _keeps_pace(trial: _Trial, appointment: Appointment, seat: Allocation) -> bool:
    """Whether a session may go there, as far as its course is concerned."""
    _, resources = _course(trial, appointment)
    day, _ = hours.wall(seat.starts_at, resources.zone)
    return day == _day(appointment) or _fitting(trial, appointment)(day)


def _fitting(trial: _Trial, appointment: Appointment) -> Callable[[date], bool]:
    course, _ = _course(trial, appointment)
    siblings, moved = trial.siblings[stored_id(course.id)], trial.days[stored_id(course.id)]
    return adherence.day_keeps_pace(course, siblings, appointment, instead=dict(moved))


def _within_limits(trial: _Trial, appointment: Appointment, seat: Allocation) -> bool:
    """Whether the appointments placed before leave this time possible."""
    _, resources = _course(trial, appointment)
    return allocation.still_allowed(
        trial.session, resources, [seat], now=trial.now, ignoring=IGNORE_NOTHING
    )


def _day(appointment: Appointment) -> date:
    return date.fromisoformat(appointment.wall_time[:10])


def _patient(trial: _Trial, appointment: Appointment) -> Patient:
    key = appointment.patient_id
    if key not in trial.patients:
        trial.patients[key] = trial.session.get_one(Patient, key)
    return trial.patients[key]


def _course(trial: _Trial, appointment: Appointment) -> tuple[Course, Resources]:
    key = appointment.course_id
    if key not in trial.courses:
        course = trial.courses[key] = trial.session.get_one(Course, key)
        trial.siblings[key] = courses.appointments_of(trial.session, course)
        if course.treatment_id not in trial.resources:
            trial.resources[course.treatment_id] = rescheduling.resources_of(trial.session, course)
    course = trial.courses[key]
    return course, trial.resources[course.treatment_id]
