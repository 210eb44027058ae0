"""Looks up the time zones of clinics."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.clinic.models import Clinic
from scheduler.storage.database import stored_id


def of(session: Session, clinic_id: int) -> ZoneInfo:
    """The zone of one clinic."""
    return of_all(session, [clinic_id])[clinic_id]


def of_all(session: Session, clinic_ids: Iterable[int | None]) -> dict[int | None, ZoneInfo]:
    """The zones of some clinics, by id; UTC for None, which rows of no clinic have."""
    found = session.exec(
        select(Clinic.id, Clinic.timezone).where(col(Clinic.id).in_(set(clinic_ids)))
    )
    return {None: ZoneInfo("UTC")} | {
        stored_id(clinic_id): ZoneInfo(name) for clinic_id, name in found
    }
