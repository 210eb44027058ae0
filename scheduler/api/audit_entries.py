"""Who did what, when, from where."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import col

from scheduler.api import lists
from scheduler.api.entry import Reading, needs
from scheduler.api.lists import Part
from scheduler.api.shapes import Page, QueryId, Shape
from scheduler.audit import AuditEntry
from scheduler.database import known
from scheduler.staff.roles import Deed

router = APIRouter(prefix="/audit", tags=["audit"])


class EntryShape(Shape):
    """One deed. Rows are only ever added."""

    id: int
    at: str
    actor_kind: str
    actor_id: int | None
    clinic_id: int | None
    deed: str
    subject: str
    subject_id: int | None
    details: dict[str, Any]
    origin: str
    request_id: str


@router.get("")
@needs(Deed.SEE_AUDIT)
def list_entries(
    call: Reading,
    part: Part,
    clinic_id: QueryId = None,
    subject: Annotated[str | None, Query(max_length=40, pattern="^[a-zA-Z ]+$")] = None,
    subject_id: QueryId = None,
) -> Page[EntryShape]:
    """Deeds at your clinics, the newest first."""
    where = []
    if subject is not None:
        where.append(col(AuditEntry.subject) == subject)
    if subject_id is not None:
        where.append(col(AuditEntry.subject_id) == subject_id)
    found = lists.rows(call, AuditEntry, part, *where, clinic_id=clinic_id, newest_first=True)
    return lists.page(found, part, _shape)


def _shape(entry: AuditEntry) -> EntryShape:
    return EntryShape(
        id=known(entry.id),
        at=entry.at.isoformat(),
        actor_kind=entry.actor_kind,
        actor_id=entry.actor_id,
        clinic_id=entry.clinic_id,
        deed=entry.deed,
        subject=entry.subject,
        subject_id=entry.subject_id,
        details=entry.details,
        origin=entry.origin,
        request_id=entry.request_id,
    )
