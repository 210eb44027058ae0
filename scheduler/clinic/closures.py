"""When a clinic is closed: whole days, or parts of them, by the clocks on its wall."""

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
    """A day of the clinic's calendar, or a part of it: HH:MM, both 00:00 for the whole day."""

    day: date
    starts: str = ALL_DAY
    ends: str = ALL_DAY

    def check(self) -> None:
        """Unfit if it ends before it begins."""
        starts, ends = time.fromisoformat(self.starts), time.fromisoformat(self.ends)
        if hours.end_of(ends) <= hours.minute_of_day(starts):
            raise Invalid("A closure ends after it starts, on the same day.", field="to")

    def span(self, zone: ZoneInfo) -> Interval:
        """The instants at which it begins and ends."""
        starts, ends = time.fromisoformat(self.starts), time.fromisoformat(self.ends)
        return Interval(
            hours.moment(self.day, hours.minute_of_day(starts), zone),
            hours.moment(self.day, hours.end_of(ends), zone, fold=1),
        )


def between(session: Session, clinic_id: int, first: date, last: date) -> list[Closed]:
    """What is closed from one local date to another, both of which count."""
    row = CLOSURES.c
    session.flush()
    found = session.connection().execute(
        sa.select(row.day, row.starts, row.ends)
        .where(row.clinic_id == clinic_id, row.day >= first, row.day <= last)
        .order_by(row.day)
    )
    return [Closed(*each) for each in found]


def cut(
    stretches: Sequence[Interval], closed: Iterable[Closed], zone: ZoneInfo
) -> Sequence[Interval]:
    """What is left of stretches, in order, when all that is closed is cut out."""
    shut = [each.span(zone) for each in closed]
    if not shut:
        return stretches
    left: list[Interval] = []
    for whole in stretches:
        if taken := [each for each in shut if overlap(whole, each)]:
            left += [each for each in subtract(whole, taken) if each.start < each.end]
        else:
            left.append(whole)
    return left
