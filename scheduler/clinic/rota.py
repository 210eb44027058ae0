"""Changes the rota: weekly hours, extra hours on a date, breaks.

Each change also increases the version of the practitioner, so that a booking at the same moment
notices it (booking/availability/reservation.py).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy.orm.attributes import flag_modified
from sqlmodel import Session, col, select

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.clinic.hours import WeeklyHours, end_of, minute_of_day
from scheduler.clinic.models import HoursKind, Practitioner, Room, WorkingHours
from scheduler.clinic.shifts import WeeklyBreak
from scheduler.infra.errors import Invalid, NotFound
from scheduler.storage.database import stored_id

ONE_DAY = timedelta(days=1)


def weekly_hours(weekday: int, starts: str, ends: str) -> WeeklyHours:
    """One stretch of a week from HH:MM to HH:MM. An end of 00:00 is midnight."""
    return WeeklyHours(weekday, time.fromisoformat(starts), time.fromisoformat(ends))


def set_hours(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    weekly: Sequence[WeeklyHours],
    *,
    valid_from: date | None = None,
    valid_to: date | None = None,
    now: datetime,
) -> list[WorkingHours]:
    """Replace the hours between two dates, inclusive.

    Hours outside these dates stay. A stretch that extends beyond them is shortened.
    """
    _check_apart(weekly)
    rows = [_row(practitioner, HoursKind.WORK, stretch, valid_from, valid_to) for stretch in weekly]
    _replace(session, practitioner, HoursKind.WORK, rows, valid_from=valid_from, valid_to=valid_to)
    record(session, actor, Action.SET_HOURS, practitioner, now=now)
    return hours_of(session, practitioner)


def set_breaks(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    weekly: Sequence[WeeklyBreak],
    *,
    valid_from: date | None = None,
    valid_to: date | None = None,
    now: datetime,
) -> list[WorkingHours]:
    """Like `set_hours`, for breaks. Raises Invalid if a break is longer than its stretch."""
    _check_apart([weekly_break.stretch for weekly_break in weekly])
    rows = []
    for position, (stretch, minutes) in enumerate(weekly):
        length = end_of(stretch.ends) - minute_of_day(stretch.starts)
        if minutes is not None and minutes > length:
            raise Invalid(
                f"A break of {minutes} minutes does not fit into {length} minutes.",
                field=f"weekly[{position}].minutes",
            )
        row = _row(practitioner, HoursKind.BREAK, stretch, valid_from, valid_to)
        row.minutes = minutes
        rows.append(row)
    _replace(session, practitioner, HoursKind.BREAK, rows, valid_from=valid_from, valid_to=valid_to)
    record(session, actor, Action.SET_BREAKS, practitioner, now=now)
    return hours_of(session, practitioner, HoursKind.BREAK)


def add_extra(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    *,
    day: date,
    starts: str,
    ends: str,
    now: datetime,
) -> WorkingHours:
    """Add work on one date. It may touch or overlap the weekly hours."""
    stretch = weekly_hours(day.weekday(), starts, ends)
    row = _row(practitioner, HoursKind.EXTRA, stretch, day, day)
    session.add(row)
    _bump_version(session, practitioner)
    record(session, actor, Action.ADDED_HOURS, practitioner, now=now, date=day.isoformat())
    return row


def remove_extra(
    session: Session, actor: Actor, practitioner: Practitioner, hours_id: int, *, now: datetime
) -> None:
    """Remove work on one date. Raises NotFound if it is not this practitioner's."""
    row = session.get(WorkingHours, hours_id)
    if row is None or (row.practitioner_id, row.kind) != (practitioner.id, HoursKind.EXTRA):
        raise NotFound
    session.delete(row)
    _bump_version(session, practitioner)
    record(session, actor, Action.REMOVED_HOURS, practitioner, now=now, date=str(row.valid_from))


def hours_of(
    session: Session, practitioner: Practitioner, kind: HoursKind = HoursKind.WORK
) -> list[WorkingHours]:
    """All hours of one kind of a practitioner, past and future, in the order of the week."""
    return list(
        session.exec(
            select(WorkingHours)
            .where(WorkingHours.practitioner_id == practitioner.id, WorkingHours.kind == kind)
            .order_by(
                col(WorkingHours.valid_from),
                col(WorkingHours.weekday),
                col(WorkingHours.starts),
                col(WorkingHours.id),
            )
        )
    )


def record(
    session: Session,
    actor: Actor,
    action: Action,
    resource: Practitioner | Room,
    *,
    now: datetime,
    **details: Any,
) -> None:
    """Record a change of the hours or absences of a practitioner or room in the audit trail."""
    audit_trail.record(
        session,
        actor,
        action,
        "room" if isinstance(resource, Room) else "practitioner",
        resource.id,
        clinic_id=resource.clinic_id,
        now=now,
        **details,
    )


def _replace(
    session: Session,
    practitioner: Practitioner,
    kind: HoursKind,
    rows: Iterable[WorkingHours],
    *,
    valid_from: date | None,
    valid_to: date | None,
) -> None:
    for row in hours_of(session, practitioner, kind):
        _remove_dates(session, row, valid_from, valid_to)
    session.add_all(rows)
    _bump_version(session, practitioner)


def _bump_version(session: Session, practitioner: Practitioner) -> None:
    flag_modified(practitioner, "name")
    session.add(practitioner)
    session.flush()


def _check_apart(weekly: Sequence[WeeklyHours]) -> None:
    stretches = sorted(
        (stretch.weekday, minute_of_day(stretch.starts), end_of(stretch.ends)) for stretch in weekly
    )
    for (day, _, end), (next_day, start, _) in pairwise(stretches):
        if day == next_day and start < end:
            raise Invalid("Two stretches of one weekday overlap. Join them.", field="weekly")


def _remove_dates(
    session: Session, row: WorkingHours, valid_from: date | None, valid_to: date | None
) -> None:
    """Remove these dates from a row, by replacing it with rows for the dates before and after."""
    first, last = valid_from or date.min, valid_to or date.max
    if (row.valid_to or date.max) < first or (row.valid_from or date.min) > last:
        return
    session.delete(row)
    if valid_from is not None and (row.valid_from or date.min) < first:
        session.add(_copy(row, row.valid_from, first - ONE_DAY))
    if valid_to is not None and (row.valid_to or date.max) > last:
        session.add(_copy(row, last + ONE_DAY, row.valid_to))
    session.flush()


def _row(
    practitioner: Practitioner,
    kind: HoursKind,
    stretch: WeeklyHours,
    valid_from: date | None,
    valid_to: date | None,
) -> WorkingHours:
    return WorkingHours(
        practitioner_id=stored_id(practitioner.id),
        kind=kind,
        weekday=stretch.weekday,
        starts=stretch.starts.strftime("%H:%M"),
        ends=stretch.ends.strftime("%H:%M"),
        valid_from=valid_from,
        valid_to=valid_to,
    )


def _copy(row: WorkingHours, valid_from: date | None, valid_to: date | None) -> WorkingHours:
    return WorkingHours(
        practitioner_id=row.practitioner_id,
        kind=row.kind,
        minutes=row.minutes,
        weekday=row.weekday,
        starts=row.starts,
        ends=row.ends,
        valid_from=valid_from,
        valid_to=valid_to,
    )
