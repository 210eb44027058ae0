"""The rules of each clinic's zone under which the instants of its database were worked out.

Zone data changes a few times a year, because governments change their clocks. Some times (of an
absence) are stored as instants alone; to know what clocks were to show then, the rules of the
time have to be known. So they are kept, beside the version of the zone data that they are from.
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

BACK = timedelta(days=2)
AHEAD = timedelta(days=12 * 366)
"""Nobody is booked and nobody takes time off further ahead; beyond it the last rule goes on."""


class ZoneRules(SQLModel, table=True):
    """What is known of one zone, and since when."""

    __tablename__ = "zone_rules"

    zone: str = Field(primary_key=True, max_length=64)
    version: str = Field(max_length=20)
    """of the zone data, such as 2026.6"""
    changes: list[tuple[int, int]] = Field(sa_type=JSON)
    """[from UTC minute, minutes ahead of UTC], in order; see `Rules`"""
    noted_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True)
class Rules:
    """How far clocks are ahead of UTC, in minutes, from which UTC minute on; in order."""

    changes: tuple[tuple[Minute, int], ...]

    def offset(self, minute: Minute) -> int:
        """How many minutes clocks were to be ahead of UTC at an instant."""
        place = bisect_right(self.changes, minute, key=lambda change: change[0])
        return self.changes[max(place - 1, 0)][1]


def packaged_version() -> str:
    """The version of the zone data that this program brings."""
    return metadata.version("tzdata")


def is_newer(version: str, other: str) -> bool:
    """Whether one version of zone data came after another: 2026.10 after 2026.9."""
    return _parts(version) > _parts(other)


def of(zone: ZoneInfo, *, now: datetime) -> Rules:
    """What the zone data of this process says of a zone, from just now to some years ahead."""
    whole = now.replace(second=0, microsecond=0)
    span = Interval(minute_of(whole - BACK), minute_of(whole + AHEAD))
    first = offset(span.start, zone)
    pieces = steady(span, zone)
    return Rules(((span.start, first), *((piece.start, ahead) for piece, ahead in pieces[1:])))


def noted(session: Session, *, for_update: bool = False) -> dict[str, tuple[str, Rules]]:
    """By zone, the version and the rules under which the database was last worked out.

    `for_update`: whoever asks next waits until this transaction is over.
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
    """The names of all zones in which there is a clinic."""
    return list(session.exec(select(Clinic.timezone).distinct().order_by(Clinic.timezone)))


def note(session: Session, names: Iterable[str], *, version: str, now: datetime) -> None:
    """Write down what is known of some zones now, in place of what was."""
    for row in _rows(names, version, now):
        session.merge(ZoneRules(**row))
    session.flush()


def note_new(
    session: Session, names: Iterable[str], *, now: datetime, version: str | None = None
) -> None:
    """Write down what is known of zones of which nothing was; what was noted stays."""
    wanted = sorted(set(names))
    known = set(session.exec(select(ZoneRules.zone).where(col(ZoneRules.zone).in_(wanted))))
    missing = [name for name in wanted if name not in known]
    if not missing:
        return
    rows = _rows(missing, version or packaged_version(), now)
    # Two clinics may open in the same new zone at once.
    insert_or_ignore(session, ZoneRules, rows)


def objection(session: Session, version: str) -> str:
    """Why a program with this zone data must not work on the database; empty if it may."""
    latest = max(session.exec(select(ZoneRules.version)), key=_parts, default=version)
    if not is_newer(latest, version):
        return ""
    return (
        f"The times in this database follow zone data {latest}; this program brings {version}."
        " Update the program, so that both tell the same time."
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
