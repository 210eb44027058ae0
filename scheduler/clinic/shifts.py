"""Reads the weekly hours and breaks of practitioners, and computes them for given dates."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from scheduler.clinic import hours
from scheduler.clinic.hours import WeeklyHours
from scheduler.clinic.models import HoursKind
from scheduler.infra.intervals import Interval, Minute

HOURS = SQLModel.metadata.tables["working_hours"]


class WeeklyBreak(NamedTuple):
    """A break on one weekday: `minutes` in a row, at any time inside the stretch."""

    stretch: WeeklyHours
    minutes: int | None
    """None: as long as the stretch."""


class Week(NamedTuple):
    """The working hours of one practitioner, including extra hours, and the breaks."""

    work: tuple[WeeklyHours, ...] = ()
    breaks: tuple[WeeklyBreak, ...] = ()


def of(session: Session, practitioner_ids: Sequence[int]) -> dict[int, Week]:
    """The weeks by practitioner id. A practitioner without hours has an empty week."""
    work: dict[int, list[WeeklyHours]] = defaultdict(list)
    breaks: dict[int, list[WeeklyBreak]] = defaultdict(list)
    row = HOURS.c
    session.flush()
    for practitioner_id, kind, minutes, *stretch in session.connection().execute(
        sa.select(
            row.practitioner_id,
            row.kind,
            row.minutes,
            row.weekday,
            row.starts,
            row.ends,
            row.valid_from,
            row.valid_to,
        )
        .where(row.practitioner_id.in_(practitioner_ids))
        .order_by(row.weekday, row.starts, row.id)
    ):
        weekday, starts, ends, valid_from, valid_to = stretch
        weekly = WeeklyHours(
            weekday, time.fromisoformat(starts), time.fromisoformat(ends), valid_from, valid_to
        )
        if kind == HoursKind.BREAK:
            breaks[practitioner_id].append(WeeklyBreak(weekly, minutes))
        else:
            work[practitioner_id].append(weekly)
    return {
        practitioner_id: Week(
            tuple(work.get(practitioner_id, ())), tuple(breaks.get(practitioner_id, ()))
        )
        for practitioner_id in practitioner_ids
    }


def dates(first: date, last: date) -> list[date]:
    """Every date from the first to the last, inclusive."""
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def stretches(week: Iterable[WeeklyHours], days: Iterable[date], zone: ZoneInfo) -> list[Interval]:
    """The working time on these dates, in order."""
    by_weekday: dict[int, list[WeeklyHours]] = defaultdict(list)
    for weekly in week:
        by_weekday[weekly.weekday].append(weekly)
    return [
        stretch for day in days for stretch in hours.working(by_weekday[day.weekday()], day, zone)
    ]


def windows(
    breaks: Sequence[WeeklyBreak], days: Sequence[date], zone: ZoneInfo
) -> list[tuple[Interval, Minute]]:
    """The windows of breaks on these dates, each with the length of its break in minutes."""
    return [
        (window, weekly_break.minutes or window.end - window.start)
        for weekly_break in breaks
        for window in stretches([weekly_break.stretch], days, zone)
    ]
