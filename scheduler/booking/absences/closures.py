"""Closures: they lie on the calendar of each room, so that no session can overlap them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.absences import time_off
from scheduler.booking.availability import diary
from scheduler.booking.availability.diary import Entry
from scheduler.clinic import closures, shifts
from scheduler.clinic.closures import Closed
from scheduler.clinic.models import Clinic, Closure, Room
from scheduler.infra.errors import Conflict, Invalid, NotFound
from scheduler.storage.database import stored_id, take_turn

MAX_CLOSED_DAYS = 62
"""How many days one closure may take."""


def close(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    *,
    day: date,
    last_day: date | None = None,
    starts: str = closures.ALL_DAY,
    ends: str = closures.ALL_DAY,
    reason: str = "",
    release_held: bool = False,
    now: datetime,
) -> list[Closure]:
    """Close the clinic on one day or on each day of a range, for the whole day or a part of it.

    Closures add up: a day may have several. A day with the very same one keeps it.
    Applies whole or not at all. Raises BookedInside with the appointments inside. Raises HeldByForm
    if only booking forms hold times inside; `release_held` releases those holds.
    """
    days = shifts.dates(day, last_day or day)
    if not 1 <= len(days) <= MAX_CLOSED_DAYS:
        raise Invalid(
            f"A closure lasts 1 to {MAX_CLOSED_DAYS} days. Choose another `last_date`.",
            field="last_date",
        )
    Closed(day, starts, ends).check()
    _take_turn(session, clinic)
    closed = _days_closed_so(session, clinic, days, starts, ends)
    series = [
        Closure(clinic_id=stored_id(clinic.id), day=day, starts=starts, ends=ends, reason=reason)
        for day in days
        if day not in closed
    ]
    if not series:
        raise Conflict(f"The clinic is already closed on {day.isoformat()}. Choose other days.")
    session.add_all(series)
    session.flush()
    if len(series) > 1:
        for one in series:
            one.series_id = series[0].id
    rooms = session.exec(select(Room).where(Room.clinic_id == clinic.id)).all()
    shut = _shut(rooms, series, clinic)
    time_off.claim(session, shut, release_held=release_held, now=now)
    audit_trail.record(
        session,
        actor,
        Action.CLOSED,
        "clinic",
        clinic.id,
        clinic_id=clinic.id,
        now=now,
        date=day.isoformat(),
        days=len(days),
    )
    return series


def _days_closed_so(
    session: Session, clinic: Clinic, days: Sequence[date], starts: str, ends: str
) -> set[date]:
    """The days that have a closure of the same hours already."""
    return set(
        session.exec(
            select(col(Closure.day)).where(
                Closure.clinic_id == clinic.id,
                col(Closure.day).in_(days),
                Closure.starts == starts,
                Closure.ends == ends,
            )
        )
    )


def find_closure(session: Session, clinic: Clinic, closure_id: int) -> Closure:
    """A closure of this clinic; NotFound for another's."""
    closure = session.get(Closure, closure_id)
    if closure is None or closure.clinic_id != clinic.id:
        raise NotFound
    return closure


def reopen(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    closure: Closure,
    *,
    series: bool = False,
    now: datetime,
) -> None:
    """The clinic is open after all; `series`: on all days that were closed together with it."""
    gone = [closure]
    if series and closure.series_id is not None:
        gone = list(session.exec(select(Closure).where(Closure.series_id == closure.series_id)))
    for removed in gone:
        diary.free(session, closure_id=stored_id(removed.id))
        session.delete(removed)
    session.flush()
    audit_trail.record(
        session,
        actor,
        Action.REOPENED,
        "clinic",
        clinic.id,
        clinic_id=clinic.id,
        now=now,
        dates=sorted(removed.day.isoformat() for removed in gone),
    )


def extend_closures(session: Session, room: Room, clinic: Clinic, *, now: datetime) -> None:
    """A new room is closed when its clinic is."""
    _take_turn(session, clinic)
    today = now.astimezone(ZoneInfo(clinic.timezone)).date()
    coming = session.exec(
        select(Closure).where(Closure.clinic_id == clinic.id, col(Closure.day) >= today)
    ).all()
    diary.claim(session, _shut([room], coming, clinic))


def _take_turn(session: Session, clinic: Clinic) -> None:
    """One after another: a room that is added, or a second closure, must see the first."""
    take_turn(session, f"closures:{clinic.id}")


def _shut(rooms: Iterable[Room], series: Sequence[Closure], clinic: Clinic) -> list[Entry]:
    zone = ZoneInfo(clinic.timezone)
    return [
        Entry(room.calendar_id, span, closure_id=closure.id)
        for closure in series
        for span in [Closed(closure.day, closure.starts, closure.ends).span(zone)]
        for room in rooms
    ]
