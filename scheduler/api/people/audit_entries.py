"""Who did what, when, from where."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import col

from scheduler.api.http import pagination
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import QueryId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.audit.audit_trail import AuditEntry
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/audit", tags=["audit"])


class AuditEntryShape(Shape):
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
@needs(Permission.SEE_AUDIT)
def list_entries(
    call: Reading,
    paging: Paging,
    clinic_id: QueryId = None,
    subject: Annotated[str | None, Query(max_length=40, pattern="^[a-zA-Z ]+$")] = None,
    subject_id: QueryId = None,
) -> Page[AuditEntryShape]:
    """Deeds at your clinics, the newest first."""
    where = []
    if subject is not None:
        where.append(col(AuditEntry.subject) == subject)
    if subject_id is not None:
        where.append(col(AuditEntry.subject_id) == subject_id)
    found = pagination.rows(
        call, AuditEntry, paging, *where, clinic_id=clinic_id, newest_first=True
    )
    return pagination.page(found, paging, _shape)


def _shape(entry: AuditEntry) -> AuditEntryShape:
    return AuditEntryShape(
        id=stored_id(entry.id),
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
