"""The audit trail: who did what, when and from where."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import LocalTime, QueryId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.audit.audit_trail import AuditEntry
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/audit", tags=["audit"])


class AuditEntryShape(Shape):
    """One action. Entries never change."""

    id: int
    at: LocalTime = Field(description="With the clinic's offset; UTC if it is of no clinic.")
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
    """The actions at your clinics, newest first."""
    where = []
    if subject is not None:
        where.append(col(AuditEntry.subject) == subject)
    if subject_id is not None:
        where.append(col(AuditEntry.subject_id) == subject_id)
    found = pagination.rows(
        call, AuditEntry, paging, *where, clinic_id=clinic_id, newest_first=True
    )
    known_zones = zones.of_all(call.session, {entry.clinic_id for entry in found})
    return pagination.page(
        found,
        paging,
        lambda entry: AuditEntryShape.of(entry, known_zones[entry.clinic_id], deed=entry.action),
    )
