"""What patients texted that somebody should look at."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import ColumnElement
from sqlmodel import col

from scheduler.api.http import pagination
from scheduler.api.http.auth import Call, Looking, Writing, needs
from scheduler.api.http.fields import PathId, QueryId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.infra.phone import masked
from scheduler.reminders.models import Reply
from scheduler.reminders.replies import page_messages
from scheduler.reminders.staff import reply_inbox
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/replies", tags=["messages"])


class ReplyShape(Shape):
    """A text from a patient, or a message from their private page."""

    id: int
    clinic_id: int | None
    patient_id: int | None
    appointment_id: int | None
    phone: str = Field(description="The last digits only.")
    via: Literal["text", "page"]
    body: str
    meaning: str = Field(description="What it was taken for.")
    urgent: bool = Field(description="It speaks of danger: breathlessness, chest pain, fainting...")
    reason: str = Field(description="Why it is before staff, in sentences.")
    at: str = Field(description="When it was sent.")
    handled_at: str | None


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_replies(
    call: Looking,
    paging: Paging,
    clinic_id: QueryId = None,
    *,
    waiting: bool = True,
    urgent: bool | None = None,
) -> Page[ReplyShape]:
    """Replies for staff, those that nobody has taken care of unless you ask for all.

    With `urgent=true` only those that speak of danger.
    """
    where: list[ColumnElement[bool]] = [col(Reply.for_staff).is_(True)]
    if waiting:
        where.append(col(Reply.handled_at).is_(None))
    if urgent is not None:
        where.append(col(Reply.urgent).is_(urgent))
    found = pagination.rows(call, Reply, paging, *where, clinic_id=clinic_id)
    for reply in found[: paging.limit]:
        _note_look(call, reply)
    return pagination.page(found, paging, _shape)


@router.post("/{reply_id}/handling", response_model=ReplyShape)
@needs(Permission.ANSWER_REPLIES)
def handle(call: Writing, reply_id: PathId) -> JSONResponse:
    """Say that somebody has taken care of a reply."""
    reply = reply_inbox.find(call.session, call.actor, reply_id)
    return call.answer(_shape(reply_inbox.handle(call.session, call.actor, reply, now=call.now)))


def _note_look(call: Call, reply: Reply) -> None:
    call.record_view("reply", reply)


def _shape(reply: Reply) -> ReplyShape:
    return ReplyShape(
        id=stored_id(reply.id),
        clinic_id=reply.clinic_id,
        patient_id=reply.patient_id,
        appointment_id=reply.appointment_id,
        phone=masked(reply.phone),
        via="page" if page_messages.is_from_page(reply) else "text",
        body=reply.body,
        meaning=reply.meaning,
        urgent=reply.urgent,
        reason=reply.reason,
        at=reply.at.isoformat(),
        handled_at=None if reply.handled_at is None else reply.handled_at.isoformat(),
    )
