"""When practitioners work and have their breaks: their weeks as stored, and what those come to."""

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
    """A break on one weekday: so many minutes in a row somewhere inside a stretch."""

    stretch: WeeklyHours
    minutes: int | None
    """Nothing: as long as the stretch"""


class Week(NamedTuple):
    """All that is known of when somebody works, extra hours included."""

    work: tuple[WeeklyHours, ...] = ()
    breaks: tuple[WeeklyBreak, ...] = ()


def of(session: Session, practitioner_ids: Sequence[int]) -> dict[int, Week]:
    """The weeks of some practitioners; an empty one for whoever has no hours."""
    work: dict[int, list[WeeklyHours]] = defaultdict(list)
    breaks: dict[int, list[WeeklyBreak]] = defaultdict(list)
    row = HOURS.c
    session.flush()
    for who, kind, minutes, *stretch in session.connection().execute(
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
        when = WeeklyHours(
            weekday, time.fromisoformat(starts), time.fromisoformat(ends), valid_from, valid_to
        )
        if kind == HoursKind.BREAK:
            breaks[who].append(WeeklyBreak(when, minutes))
        else:
            work[who].append(when)
    return {
        who: Week(tuple(work[who]), tuple(breaks[who])) if who in work or who in breaks else Week()
        for who in practitioner_ids
    }


def dates(first: date, last: date) -> list[date]:
    """Every date from the first to the last; both count."""
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def stretches(week: Iterable[WeeklyHours], days: Iterable[date], zone: ZoneInfo) -> list[Interval]:
    """What is worked on some dates, in order."""
    by_weekday: dict[int, list[WeeklyHours]] = defaultdict(list)
    for each in week:
        by_weekday[each.weekday].append(each)
    return [
        stretch for day in days for stretch in hours.working(by_weekday[day.weekday()], day, zone)
    ]


def windows(
    breaks: Sequence[WeeklyBreak], days: Sequence[date], zone: ZoneInfo
) -> list[tuple[Interval, Minute]]:
    """Where breaks lie on some dates, and how many minutes each takes of its window."""
    return [
        (window, each.minutes or window.end - window.start)
        for each in breaks
        for window in stretches([each.stretch], days, zone)
    ]
