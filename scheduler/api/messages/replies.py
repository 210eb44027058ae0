"""Replies of patients that staff should read."""

from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Looking, Writing, needs
from scheduler.api.http.fields import LocalTime, PathId, QueryId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.infra.phone import masked
from scheduler.phrases.readings import read_as
from scheduler.reminders.models import Reply
from scheduler.reminders.replies import page_messages
from scheduler.reminders.replies.reading.intent import parse
from scheduler.reminders.staff import reply_inbox
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/replies", tags=["messages"])


class ReplyShape(Shape):
    """A reply by text, or a message from a private page."""

    id: int
    clinic_id: int | None
    patient_id: int | None
    appointment_id: int | None
    phone: str = Field(description="The last digits only.")
    via: Literal["text", "page"]
    body: str
    meaning: str = Field(description="The intent that was recognized.")
    reading: str = Field(description="How its words are read, and because of which words.")
    urgent: bool = Field(
        description="True: it mentions danger, such as breathlessness, chest pain or fainting."
    )
    reason: str = Field(description="Why staff should read it, in sentences.")
    at: LocalTime = Field(description="When it was sent.")
    handled_at: LocalTime | None


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
    """The replies that staff should read. `waiting=false` also lists those already handled.

    `urgent=true` lists only replies that mention danger. The audit trail records that you read
    them.
    """
    where = [reply_inbox.is_seen_by(call.actor), col(Reply.for_staff).is_(True)]
    if waiting:
        where.append(col(Reply.handled_at).is_(None))
    if urgent is not None:
        where.append(col(Reply.urgent).is_(urgent))
    found = pagination.rows(call, Reply, paging, *where, clinic_id=clinic_id, scoped=False)
    for reply in found[: paging.limit]:
        call.record_view("reply", reply)
    known_zones = zones.of_all(call.session, {reply.clinic_id for reply in found})
    return pagination.page(found, paging, lambda reply: _shape(reply, known_zones[reply.clinic_id]))


@router.post("/{reply_id}/handling", response_model=ReplyShape)
@needs(Permission.ANSWER_REPLIES)
def handle(call: Writing, reply_id: PathId) -> JSONResponse:
    """Record that a staff member has handled a reply."""
    reply = reply_inbox.find(call.session, call.actor, reply_id)
    handled = reply_inbox.handle(call.session, call.actor, reply, now=call.now)
    known_zones = zones.of_all(call.session, {handled.clinic_id})
    return call.answer(_shape(handled, known_zones[handled.clinic_id]))


def _shape(reply: Reply, zone: ZoneInfo) -> ReplyShape:
    via = "page" if page_messages.is_from_page(reply) else "text"
    return ReplyShape.of(
        reply, zone, phone=masked(reply.phone), via=via, reading=read_as(parse(reply.body))
    )
