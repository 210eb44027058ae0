"""Stores the zone rules under which the instants in the database were computed.

Zone data changes a few times a year, because governments change their clocks. Absences are stored
as instants without a wall time. To find their wall time after a change, the program needs the rules
that were valid before, so it stores them with the version of the zone data.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import JSON, Field, Session, SQLModel, col, select

from scheduler.clinic.hours import offset, steady
from scheduler.clinic.models import Clinic
from scheduler.infra.intervals import Interval, Minute, minute_of
from scheduler.storage.database import Instant
from scheduler.storage.inserts import insert_or_ignore

RULES_SINCE = timedelta(days=2)
RULES_AHEAD = timedelta(days=12 * 366)
"""Bookings and absences do not reach further. Beyond it, the last rule continues."""


class ZoneRules(SQLModel, table=True):
    """The stored rules of one zone."""

    __tablename__ = "zone_rules"

    zone: str = Field(primary_key=True, max_length=64)
    version: str = Field(max_length=20)
    """The version of the zone data, such as 2026.6."""
    changes: list[tuple[int, int]] = Field(sa_type=JSON)
    """[from UTC minute, minutes ahead of UTC], in order; see `Rules`."""
    noted_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True)
class Rules:
    """(from UTC minute, minutes that clocks are ahead of UTC), in order."""

    changes: tuple[tuple[Minute, int], ...]

    def offset(self, minute: Minute) -> int:
        """How many minutes clocks are ahead of UTC at an instant, by these rules."""
        place = bisect_right(self.changes, minute, key=lambda change: change[0])
        return self.changes[max(place - 1, 0)][1]


def packaged_version() -> str:
    """The version of this process's zone data."""
    return metadata.version("tzdata")


def is_newer(version: str, other: str) -> bool:
    """Whether one version of zone data is later than another: 2026.10 is later than 2026.9."""
    return _parts(version) > _parts(other)


def of(zone: ZoneInfo, *, now: datetime) -> Rules:
    """The rules of a zone in this process's zone data, from two days ago to twelve years ahead."""
    minute = now.replace(second=0, microsecond=0)
    span = Interval(minute_of(minute - RULES_SINCE), minute_of(minute + RULES_AHEAD))
    first = offset(span.start, zone)
    pieces = steady(span, zone)
    return Rules(((span.start, first), *((piece.start, ahead) for piece, ahead in pieces[1:])))


def noted(session: Session, *, for_update: bool = False) -> dict[str, tuple[str, Rules]]:
    """The stored version and rules by zone.

    `for_update`: lock the rows, so that other calls with it wait for this transaction.
    """
    query = select(ZoneRules).order_by(col(ZoneRules.zone))
    if for_update:
        query = query.with_for_update()
    rows = session.exec(query.execution_options(populate_existing=True)).all()
    return {
        row.zone: (row.version, Rules(tuple((start, ahead) for start, ahead in row.changes)))
        for row in rows
    }


def zones_of_clinics(session: Session) -> list[str]:
    """The names of the zones of all clinics, sorted."""
    return list(session.exec(select(Clinic.timezone).distinct().order_by(Clinic.timezone)))


def note(session: Session, names: Iterable[str], *, version: str, now: datetime) -> None:
    """Store the current rules of some zones, replacing the old ones."""
    for row in _rows(names, version, now):
        session.merge(ZoneRules(**row))
    session.flush()


def note_new(
    session: Session, names: Iterable[str], *, now: datetime, version: str | None = None
) -> None:
    """Store the current rules of zones that have none."""
    wanted = sorted(set(names))
    known = set(session.exec(select(ZoneRules.zone).where(col(ZoneRules.zone).in_(wanted))))
    missing = [name for name in wanted if name not in known]
    if not missing:
        return
    rows = _rows(missing, version or packaged_version(), now)
    # Two clinics may open in the same new zone at once.
    insert_or_ignore(session, ZoneRules, rows)


def objection(session: Session, version: str) -> str:
    """Why a program with this zone data must not use the database; empty if it may."""
    latest = max(session.exec(select(ZoneRules.version)), key=_parts, default=version)
    if not is_newer(latest, version):
        return ""
    return (
        f"The times in this database follow zone data {latest}; this program has {version}."
        " Update the program."
    )


def _rows(names: Iterable[str], version: str, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "zone": name,
            "version": version,
            "changes": [list(change) for change in of(ZoneInfo(name), now=now).changes],
            "noted_at": now,
        }
        for name in names
    ]


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
