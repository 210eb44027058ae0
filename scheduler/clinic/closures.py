"""Closures of a clinic: whole days or parts of days, in wall time."""

from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from scheduler.clinic import hours
from scheduler.clinic.models import Closure
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import Interval, overlap, subtract

CLOSURES = SQLModel.metadata.tables[str(Closure.__tablename__)]
ALL_DAY = "00:00"


class Closed(NamedTuple):
    """A day, or a part of it from HH:MM to HH:MM. Both are 00:00 for the whole day."""

    day: date
    starts: str = ALL_DAY
    ends: str = ALL_DAY

    def check(self) -> None:
        """Raise Invalid if it ends before it starts."""
        starts, ends = time.fromisoformat(self.starts), time.fromisoformat(self.ends)
        if hours.end_of(ends) <= hours.minute_of_day(starts):
            raise Invalid("A closure ends after it starts, on the same day.", field="to")

    def span(self, zone: ZoneInfo) -> Interval:
        """The closure in UTC minutes."""
        starts, ends = time.fromisoformat(self.starts), time.fromisoformat(self.ends)
        return Interval(
            hours.moment(self.day, hours.minute_of_day(starts), zone),
            hours.moment(self.day, hours.end_of(ends), zone, fold=1),
        )


def between(session: Session, clinic_id: int, first: date, last: date) -> list[Closed]:
    """The closures from one local date to another, inclusive."""
    row = CLOSURES.c
    session.flush()
    rows = session.connection().execute(
        sa.select(row.day, row.starts, row.ends)
        .where(row.clinic_id == clinic_id, row.day >= first, row.day <= last)
        .order_by(row.day)
    )
    return [Closed(*values) for values in rows]


def cut(
    stretches: Sequence[Interval], closed: Iterable[Closed], zone: ZoneInfo
) -> Sequence[Interval]:
    """The parts of the stretches, in order, that no closure covers."""
    spans = [closure.span(zone) for closure in closed]
    if not spans:
        return stretches
    open_parts: list[Interval] = []
    for stretch in stretches:
        if overlapping := [span for span in spans if overlap(stretch, span)]:
            parts = subtract(stretch, overlapping)
            open_parts += [part for part in parts if part.start < part.end]
        else:
            open_parts.append(stretch)
    return open_parts
