"""Writes allocations to the diary, and checks that the rules which allowed them still hold."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from scheduler.booking.availability import allocation, diary
from scheduler.booking.availability.allocation import Allocation
from scheduler.booking.availability.diary import Entry
from scheduler.booking.availability.limits import NO_PERMIT, Limit, Permit
from scheduler.booking.availability.search import Ignoring, Resources
from scheduler.clinic.models import Practitioner
from scheduler.storage.database import Busy

PRACTITIONERS = SQLModel.metadata.tables[str(Practitioner.__tablename__)]

CLAIM_ATTEMPTS = 4
"""How often to search again if another request takes a time between the search and the claim."""

Claimed = TypeVar("Claimed")


class ClaimLost(Busy):
    """Another request took a time between the search and the claim."""


def retry(attempt: Callable[[], Claimed], *, after: type[Exception] = ClaimLost) -> Claimed:
    """Search and claim until no other request is first. The last loss is raised.

    `attempt` searches, claims and returns what it has claimed. If it raises `after`, it must have
    rolled back its own writes, so that the next attempt starts from the same state.
    """
    for _ in range(CLAIM_ATTEMPTS - 1):
        with suppress(after):
            return attempt()
    return attempt()


def claim(
    session: Session,
    resources: Resources,
    allocations: Sequence[Allocation],
    entries: Iterable[Entry],
    *,
    now: datetime,
    ignoring: Ignoring,
    permit: Permit = NO_PERMIT,
) -> bool:
    """Write the entries of allocations, all or none. False: something has changed; search again.

    The diary refuses overlaps. It does not know hours, licenses, breaks and daily maximums. Every
    change of these changes the version of the practitioner's row, so this locks and compares the
    rows last. `ignoring`: the entries that are written here.
    """
    entries = list(entries)
    with session.begin_nested() as attempt:
        if Limit.CLOSED in permit.passed:
            diary.cut_closures(session, entries)
        if diary.claim(session, entries) and (
            # SQLite has one writer: nothing has changed since the rows were read.
            session.get_bind().dialect.name == "sqlite"
            or (
                _unchanged(session, resources, allocations)
                and _within_limits(
                    session, resources, allocations, now=now, ignoring=ignoring, permit=permit
                )
            )
        ):
            return True
        attempt.rollback()
    return False


def _unchanged(session: Session, resources: Resources, allocations: Sequence[Allocation]) -> bool:
    """Whether the practitioners are as they were read; locks them until the transaction ends."""
    practitioner_ids = {allocated.practitioner_id for allocated in allocations}
    limited = any(allocated.limited for allocated in allocations)
    row = PRACTITIONERS.c
    found = session.connection().execute(
        sa.select(row.id, row.version)
        .where(row.id.in_(practitioner_ids))
        .order_by(row.id)
        # Two bookings must wait for each other only if the number of sessions counts.
        .with_for_update(read=not limited, key_share=limited)
    )
    versions = {practitioner.id: practitioner.version for practitioner in found}
    changed = [
        practitioner
        for practitioner in resources.practitioners
        if versions.get(practitioner.id, practitioner.version) != practitioner.version
    ]
    for practitioner in changed:
        session.refresh(practitioner)
    return not changed


def _within_limits(
    session: Session,
    resources: Resources,
    allocations: Sequence[Allocation],
    *,
    now: datetime,
    ignoring: Ignoring,
    permit: Permit,
) -> bool:
    """Whether daily maximums and breaks still hold after other bookings."""
    limited = [allocated for allocated in allocations if allocated.limited]
    return not limited or allocation.still_allowed(
        session, resources, limited, now=now, ignoring=ignoring, permit=permit
    )
