"""Holds: slots kept for ten minutes while a patient fills in the form. Not counted as booked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, func, select, update

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import allocation, diary, reservation, search
from scheduler.booking.availability.allocation import Allocation
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.reservation import ClaimLost
from scheduler.booking.availability.search import Ignoring
from scheduler.booking.models import DiaryEntry, Hold
from scheduler.clinic.models import Clinic, Treatment
from scheduler.http.origins import household
from scheduler.infra.errors import TooMany
from scheduler.infra.intervals import Minute, minute_of
from scheduler.storage.database import stored_id

HOLD_KEPT_FOR = timedelta(minutes=10)
AT_ONCE_PER_ORIGIN = 20
"""Open forms per household. A clinic's own tablet may have several open.

The limit is approximate: forms that are planned at the same instant do not see each other.
"""


class TooManyHolds(TooMany):
    sentence = "Too many bookings are being made from here at once. Please wait a little."


def keep(
    session: Session,
    treatment: Treatment,
    wanted: Sequence[RequestedTime],
    *,
    origin: str,
    now: datetime,
    instead_of: int | None = None,
) -> tuple[Hold, list[Allocation]]:
    """Hold all wanted times for ten minutes, or none; SessionsTaken names those that are taken.

    `instead_of`: an earlier hold of the same form, which is released first.
    """
    release_lapsed(session, now=now)
    if instead_of is not None:
        release(session, instead_of)
    origin = household(origin)
    _limit(session, origin, now)
    resources = search.find_resources(session, treatment)
    hold = Hold(clinic_id=treatment.clinic_id, expires_at=now + HOLD_KEPT_FOR, origin=origin)
    session.add(hold)
    session.flush()

    def allocate() -> list[Allocation]:
        allocations = allocation.allocate(session, resources, wanted, patient=None, now=now)
        entries = [
            entry
            for allocated in allocations
            for entry in allocation.diary_entries(
                allocated,
                resources,
                patient=None,
                hold_id=stored_id(hold.id),
                held_until=_lapses(hold.expires_at),
            )
        ]
        if not reservation.claim(
            session, resources, allocations, entries, now=now, ignoring=Ignoring(hold_id=hold.id)
        ):
            raise ClaimLost
        return allocations

    return hold, reservation.retry(allocate)


def renew(session: Session, hold_id: int, *, now: datetime) -> bool:
    """Extend a hold by ten minutes from now. False if it has lapsed."""
    renewed = session.exec(
        update(Hold)
        .where(col(Hold.id) == hold_id, col(Hold.expires_at) > now)
        .values(expires_at=now + HOLD_KEPT_FOR)
    )
    if renewed.rowcount == 0:
        return False
    session.exec(
        update(DiaryEntry)
        .where(col(DiaryEntry.hold_id) == hold_id)
        .values(held_until=_lapses(now + HOLD_KEPT_FOR))
    )
    return True


def release(session: Session, hold_id: int) -> None:
    """Free the times of a hold."""
    diary.free(session, hold_id=hold_id)
    session.exec(delete(Hold).where(col(Hold.id) == hold_id))


def release_lapsed(session: Session, *, now: datetime) -> int:
    """Free the times of all lapsed holds; returns how many there were."""
    lapsed = (
        select(Hold.id)
        .where(col(Hold.expires_at) <= now)
        .order_by(col(Hold.id))
        # Another transaction that is releasing a hold need not be waited for.
        .with_for_update(skip_locked=True)
    )
    ids = session.exec(lapsed).all()
    if ids:
        session.exec(delete(DiaryEntry).where(col(DiaryEntry.hold_id).in_(ids)))
        session.exec(delete(Hold).where(col(Hold.id).in_(ids)))
    return len(ids)


def release_all(session: Session, actor: Actor, clinic: Clinic, *, now: datetime) -> int:
    """Free the times of all holds at a clinic, because a visitor holds times without booking.

    Open forms stay usable and claim their times again if they are still free.
    """
    open_holds = select(Hold.id).where(Hold.clinic_id == clinic.id)
    ids = session.exec(open_holds.order_by(col(Hold.id)).with_for_update()).all()
    session.exec(delete(DiaryEntry).where(col(DiaryEntry.hold_id).in_(ids)))
    session.exec(delete(Hold).where(col(Hold.id).in_(ids)))
    audit_trail.record(
        session,
        actor,
        Action.RELEASED_HOLDS,
        "clinic",
        clinic.id,
        clinic_id=clinic.id,
        now=now,
        holds=len(ids),
    )
    return len(ids)


def _limit(session: Session, origin: str, now: datetime) -> None:
    if not origin:
        return
    held = session.exec(
        select(func.count())
        .select_from(Hold)
        .where(Hold.origin == origin, col(Hold.expires_at) > now)
    ).one()
    if held >= AT_ONCE_PER_ORIGIN:
        raise TooManyHolds


def _lapses(expires_at: datetime) -> Minute:
    # Rounded up: the entry must not lapse before the hold does.
    return minute_of((expires_at + timedelta(seconds=59)).replace(second=0, microsecond=0))
