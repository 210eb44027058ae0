"""Seats that are taken for good: nobody else has them, and the rules that gave them still hold."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from scheduler.booking.availability import allocation, diary
from scheduler.booking.availability.allocation import Allocation
from scheduler.booking.availability.diary import Entry
from scheduler.booking.availability.search import Ignoring, Resources
from scheduler.clinic.models import Practitioner

PRACTITIONERS = SQLModel.metadata.tables[str(Practitioner.__tablename__)]


def claim(
    session: Session,
    resources: Resources,
    seats: Sequence[Allocation],
    entries: Iterable[Entry],
    *,
    now: datetime,
    ignoring: Ignoring,
) -> bool:
    """Write the entries of seats, all or none. False: something has changed; look again.

    The diary refuses what overlaps. It does not know hours, licences, breaks and the most sessions
    of a day: whoever changes these changes the practitioner's row, so that row is looked at last
    of all and kept as it is until we are done. `ignoring`: the entries that are written here.
    """
    with session.begin_nested() as attempt:
        if diary.claim(session, entries) and (
            # SQLite has one writer: nothing has changed since it was read.
            session.get_bind().dialect.name == "sqlite"
            or (
                _unchanged(session, resources, seats)
                and _within_limits(session, resources, seats, now=now, ignoring=ignoring)
            )
        ):
            return True
        attempt.rollback()
    return False


def _unchanged(session: Session, resources: Resources, seats: Sequence[Allocation]) -> bool:
    """Whether the practitioners are as they were read; they stay so until the transaction ends."""
    who = {seat.practitioner_id for seat in seats}
    limited = any(seat.limited for seat in seats)
    row = PRACTITIONERS.c
    found = session.connection().execute(
        sa.select(row.id, row.version)
        .where(row.id.in_(who))
        .order_by(row.id)
        # Where the number of sessions counts, two who book wait for each other; others need not.
        .with_for_update(read=not limited, key_share=limited)
    )
    versions = {each.id: each.version for each in found}
    changed = [
        practitioner
        for practitioner in resources.practitioners
        if versions.get(practitioner.id, practitioner.version) != practitioner.version
    ]
    for each in changed:
        session.refresh(each)
    return not changed


def _within_limits(
    session: Session,
    resources: Resources,
    seats: Sequence[Allocation],
    *,
    now: datetime,
    ignoring: Ignoring,
) -> bool:
    """Whether sessions that others have booked meanwhile leave these within their limits."""
    limited = [seat for seat in seats if seat.limited]
    return not limited or allocation.still_allowed(
        session, resources, limited, now=now, ignoring=ignoring
    )
