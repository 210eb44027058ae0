"""The diary: all that occupies practitioners, rooms and patients. The database settles races.

Reading the diary first is only a courtesy. The database refuses a second entry for the same time:
PostgreSQL by an exclusion constraint, SQLite by a trigger behind its single writer.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, delete, insert, or_, select

from scheduler.booking.models import DiaryEntry
from scheduler.infra.intervals import (
    Interval,
    Minute,
    cut_into_days,
    minute_of,
    overlap,
    subtract,
)

DIARY = SQLModel.metadata.tables["diary"]

LONGEST_ENTRY = 1440
"""In minutes. Longer stretches are cut into several entries, so that a query needs to look back no
further than this."""


@dataclass(frozen=True)
class Entry:
    """A stretch of one calendar and what occupies it: one of the four ids."""

    calendar_id: int
    span: Interval
    appointment_id: int | None = None
    hold_id: int | None = None
    held_until: Minute | None = None
    time_off_id: int | None = None
    closure_id: int | None = None

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, none longer than a day."""
        return [
            {
                "calendar_id": self.calendar_id,
                "from_minute": piece.start,
                "to_minute": piece.end,
                "appointment_id": self.appointment_id,
                "hold_id": self.hold_id,
                "held_until": self.held_until,
                "time_off_id": self.time_off_id,
                "closure_id": self.closure_id,
            }
            for piece in cut_into_days(self.span, LONGEST_ENTRY)
        ]


class Occupied(NamedTuple):
    """A stretch that a session or a hold occupies, with its kind and id."""

    span: Interval
    why: tuple[str, int]


def claim(session: Session, entries: Iterable[Entry]) -> bool:
    """Write all entries or none. False if one of these times is taken.

    All rows go in one statement and in one order, so that two transactions that want the same
    times wait for each other and do not deadlock.
    """
    rows = sorted(
        (row for entry in entries for row in entry.rows()),
        key=lambda row: (row["calendar_id"], row["from_minute"]),
    )
    if not rows:
        return True
    with session.begin_nested() as attempt:
        if _insert(session, rows) == len(rows):
            return True
        attempt.rollback()
    return False


def _insert(session: Session, rows: list[dict[str, Any]]) -> int:
    """Returns how many rows the database accepted."""
    if session.get_bind().dialect.name == "postgresql":
        statement = postgresql.insert(DIARY).values(rows).on_conflict_do_nothing()
        taken = session.execute(statement, execution_options={"preserve_rowcount": True})
        return int(taken.rowcount)  # type: ignore[attr-defined]
    try:
        session.execute(insert(DIARY), rows)
    except IntegrityError:
        return 0
    return len(rows)


def free(
    session: Session,
    *,
    appointment_ids: Sequence[int] = (),
    hold_id: int | None = None,
    time_off_id: int | None = None,
    closure_id: int | None = None,
) -> None:
    """Delete the entries of appointments, of a hold, of time off or of a closure."""
    session.exec(
        delete(DiaryEntry).where(
            or_(
                col(DiaryEntry.appointment_id).in_(appointment_ids),
                col(DiaryEntry.hold_id) == hold_id if hold_id else False,
                col(DiaryEntry.time_off_id) == time_off_id if time_off_id else False,
                col(DiaryEntry.closure_id) == closure_id if closure_id else False,
            )
        )
    )


def cut_closures(session: Session, entries: Sequence[Entry]) -> None:
    """Take the spans of these entries out of the closures that cover them.

    A session that staff book while the clinic is closed needs room in the diary. The working hours
    stay cut by the closure, so no search offers the gap that a cancelled session leaves.
    """
    spans: dict[int, list[Interval]] = defaultdict(list)
    for entry in entries:
        spans[entry.calendar_id].append(entry.span)
    covering = session.exec(
        select(DiaryEntry)
        .where(
            col(DiaryEntry.calendar_id).in_(spans),
            col(DiaryEntry.closure_id).is_not(None),
            col(DiaryEntry.from_minute) < max(entry.span.end for entry in entries),
            col(DiaryEntry.to_minute) > min(entry.span.start for entry in entries),
        )
        .order_by(col(DiaryEntry.id))
        .with_for_update()
    ).all()
    for row in covering:
        whole = Interval(row.from_minute, row.to_minute)
        inside = [span for span in spans[row.calendar_id] if overlap(whole, span)]
        if not inside:
            continue
        left = [part for part in subtract(whole, inside) if part.start < part.end]
        kept = [Entry(row.calendar_id, part, closure_id=row.closure_id) for part in left]
        session.delete(row)
        session.flush()
        claim(session, kept)


def busy(
    session: Session,
    calendar_ids: Iterable[int],
    span: Interval,
    *,
    now: datetime,
    but_hold_id: int | None = None,
    but_appointment_ids: Sequence[int] = (),
    but_closures: bool = False,
) -> dict[int, list[tuple[Minute, Minute]]]:
    """The occupied stretches of each calendar in a span, in any order, without lapsed holds."""
    wanted = list(calendar_ids)
    entry = DIARY.c
    # Two strings of digits per calendar are read five times as fast as thousands of rows.
    query = (
        sa.select(entry.calendar_id, _listed(entry.from_minute), _listed(entry.to_minute))
        .where(*_taken(wanted, span, now, but_hold_id, but_appointment_ids))
        .group_by(entry.calendar_id)
    )
    if but_closures:
        query = query.where(entry.closure_id.is_(None))
    taken: dict[int, list[tuple[Minute, Minute]]] = {calendar_id: [] for calendar_id in wanted}
    session.flush()  # the connection does not see what is still pending in the session
    for calendar_id, starts, ends in session.connection().execute(query):
        taken[calendar_id] = list(zip(_parsed(starts), _parsed(ends), strict=True))
    return taken


def sessions(
    session: Session,
    calendar_ids: Iterable[int],
    span: Interval,
    *,
    now: datetime,
    but_hold_id: int | None = None,
    but_appointment_ids: Sequence[int] = (),
) -> dict[int, list[Occupied]]:
    """The stretches that sessions and holds occupy of each calendar in a span."""
    wanted = list(calendar_ids)
    entry = DIARY.c
    query = sa.select(
        entry.calendar_id, entry.from_minute, entry.to_minute, entry.appointment_id, entry.hold_id
    ).where(
        *_taken(wanted, span, now, but_hold_id, but_appointment_ids),
        or_(entry.appointment_id.is_not(None), entry.hold_id.is_not(None)),
    )
    found: dict[int, list[Occupied]] = {calendar_id: [] for calendar_id in wanted}
    session.flush()
    for calendar_id, start, end, appointment_id, hold_id in session.connection().execute(query):
        why = ("hold", hold_id) if appointment_id is None else ("appointment", appointment_id)
        found[calendar_id].append(Occupied(Interval(start, end), why))
    return found


def _taken(
    calendar_ids: Sequence[int],
    span: Interval,
    now: datetime,
    but_hold_id: int | None,
    but_appointment_ids: Sequence[int],
) -> list[sa.ColumnElement[bool]]:
    """The entries that count: in the span, not excluded, and no lapsed hold."""
    entry = DIARY.c
    where = [
        entry.calendar_id.in_(calendar_ids),
        entry.from_minute > span.start - LONGEST_ENTRY,
        entry.from_minute < span.end,
        entry.to_minute > span.start,
        or_(
            entry.held_until.is_(None),
            entry.held_until > minute_of(now.replace(second=0, microsecond=0)),
        ),
    ]
    if but_hold_id is not None:
        where.append(or_(entry.hold_id.is_(None), entry.hold_id != but_hold_id))
    if but_appointment_ids:
        where.append(
            or_(entry.appointment_id.is_(None), entry.appointment_id.not_in(but_appointment_ids))
        )
    return where


def _parsed(digits: str) -> list[Minute]:
    # The JSON parser reads numbers twice as fast as `int` does one by one.
    minutes: list[Minute] = json.loads(f"[{digits}]")
    return minutes


def _listed(column: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    """All values of a group as one string. Two columns keep the same order."""
    return sa.func.aggregate_strings(sa.cast(column, sa.String), ",")
