"""What patients texted that somebody should look at."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import ColumnElement
from sqlmodel import col

from scheduler import audit
from scheduler.api import lists
from scheduler.api.entry import Call, Looking, Writing, needs
from scheduler.api.lists import Part
from scheduler.api.shapes import Page, PathId, QueryId, Shape
from scheduler.database import known
from scheduler.phone import masked
from scheduler.reminders import inbox, notes
from scheduler.reminders.models import Reply
from scheduler.staff.roles import Deed

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
@needs(Deed.SEE_MESSAGES)
def list_replies(
    call: Looking,
    part: Part,
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
    found = lists.rows(call, Reply, part, *where, clinic_id=clinic_id)
    for reply in found[: part.limit]:
        _note_look(call, reply)
    return lists.page(found, part, _shape)


@router.post("/{reply_id}/handling", response_model=ReplyShape)
@needs(Deed.ANSWER_REPLIES)
def handle(call: Writing, reply_id: PathId) -> JSONResponse:
    """Say that somebody has taken care of a reply."""
    reply = inbox.find(call.session, call.actor, reply_id)
    return call.answer(_shape(inbox.handle(call.session, call.actor, reply, now=call.now)))


def _note_look(call: Call, reply: Reply) -> None:
    audit.record(
        call.session,
        call.actor,
        "looked at",
        "reply",
        reply.id,
        clinic_id=reply.clinic_id,
        now=call.now,
    )


def _shape(reply: Reply) -> ReplyShape:
    return ReplyShape(
        id=known(reply.id),
        clinic_id=reply.clinic_id,
        patient_id=reply.patient_id,
        appointment_id=reply.appointment_id,
        phone=masked(reply.phone),
        via="page" if notes.is_note(reply) else "text",
        body=reply.body,
        meaning=reply.meaning,
        urgent=reply.urgent,
        reason=reply.reason,
        at=reply.at.isoformat(),
        handled_at=None if reply.handled_at is None else reply.handled_at.isoformat(),
    )
