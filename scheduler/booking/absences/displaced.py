"""Booked sessions at times that a change of hours would make unbookable."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking.absences.time_off import BlockingAppointment, OutsideHours
from scheduler.booking.availability import diary, search
from scheduler.booking.models import Appointment
from scheduler.booking.states import EXPECTED
from scheduler.clinic import hours, licenses, shifts
from scheduler.clinic.models import Clinic, Practitioner
from scheduler.infra.intervals import Interval, minute_of, overlap
from scheduler.storage.database import stored_id

Coming = tuple[int, Interval]
"""An appointment's id and its time."""


@contextmanager
def telling(
    session: Session, practitioner: Practitioner, *, keep: bool, now: datetime
) -> Iterator[None]:
    """Change a practitioner's rules in the context. Raises OutsideHours with displaced
    appointments.

    `keep`: leave these appointments where they are.
    """
    before = set() if keep else find(session, practitioner, now=now)
    yield
    # This locks the practitioner's row, so concurrent bookings wait (availability/reservation.py).
    session.flush()
    if keep:
        return
    if displaced := find(session, practitioner, now=now) - before:
        raise OutsideHours(_booked(session, displaced))


def find(session: Session, practitioner: Practitioner, *, now: datetime) -> set[int]:
    """The ids of a practitioner's sessions to come that today's rules would not let be booked."""
    zone = ZoneInfo(session.get_one(Clinic, practitioner.clinic_id).timezone)
    coming = _coming(session, practitioner, now)
    if not coming:
        return set()
    days = shifts.dates(*(hours.wall(coming[end][1].start, zone)[0] for end in (0, -1)))
    week = shifts.of(session, [stored_id(practitioner.id)])[stored_id(practitioner.id)]
    worked = licenses.cut(
        shifts.stretches(week.work, days, zone), practitioner.license_expires_on, zone
    )
    outside = {
        appointment_id
        for appointment_id, span in coming
        if not any(start <= span.start and span.end <= end for start, end in worked)
    }
    most = practitioner.max_sessions_per_day
    by_day: dict[object, list[int]] = defaultdict(list)
    for appointment_id, span in coming:
        by_day[hours.wall(span.start, zone)[0]].append(appointment_id)
    beyond = (
        {}
        if most is None
        else {appointment_id for of_day in by_day.values() for appointment_id in of_day[most:]}
    )
    whole = Interval(coming[0][1].start, coming[-1][1].end)
    hands = diary.sessions(session, [practitioner.calendar_id], whole, now=now)
    taken = hands[practitioner.calendar_id]
    breakless = {
        occupied.why[1]
        for rest in search.breaks(week, days, [occupied.span for occupied in taken], zone)
        if not rest.left_by([])
        for occupied in taken
        if overlap(occupied.span, rest.window) and occupied.why[0] == "appointment"
    }
    return {*outside, *beyond, *breakless}


def _coming(session: Session, practitioner: Practitioner, now: datetime) -> list[Coming]:
    found = session.exec(
        select(Appointment.id, Appointment.starts_at, Appointment.ends_at)
        .where(
            Appointment.practitioner_id == practitioner.id,
            col(Appointment.state).in_(EXPECTED),
            col(Appointment.starts_at) > now,
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    return [
        (stored_id(appointment_id), Interval(minute_of(starts_at), minute_of(ends_at)))
        for appointment_id, starts_at, ends_at in found
    ]


def _booked(session: Session, ids: set[int]) -> Sequence[BlockingAppointment]:
    found = session.exec(
        select(Appointment)
        .where(col(Appointment.id).in_(ids))
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    return [BlockingAppointment.of(appointment) for appointment in found]
