"""The messages of all courses: scheduled, sent, and how they ended."""

from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy import ColumnElement
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Reading, Writing, needs
from scheduler.api.http.fields import Day, LocalTime, PathId, QueryId, Several, Shape, check_days
from scheduler.api.http.pagination import Page, Paging
from scheduler.infra.errors import Invalid
from scheduler.infra.phone import masked
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import outbox
from scheduler.reminders.staff import failed_texts
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/messages", tags=["messages"])


class MessageShape(Shape):
    """A message. `phone` contains the last digits only; the patient has the whole number."""

    id: int
    clinic_id: int
    kind: str
    course_id: int | None
    appointment_id: int | None
    patient_id: int | None
    phone: str
    text: str
    state: MessageState
    reason: str
    error_code: str
    for_staff: bool = Field(
        description="True: it failed or came too late, and no staff member has handled it yet."
    )
    due_at: LocalTime
    sent_at: LocalTime | None
    delivered_at: LocalTime | None


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_messages(
    call: Reading,
    paging: Paging,
    *,
    clinic_id: QueryId = None,
    state: Several[MessageState] = None,
    for_staff: bool | None = None,
    to_call: bool | None = None,
    first: Annotated[
        Day | None, Query(alias="from", description="Due on this UTC date or later.")
    ] = None,
    last: Annotated[
        Day | None, Query(alias="to", description="Due on this UTC date or earlier.")
    ] = None,
) -> Page[MessageShape]:
    """The messages of your clinics, in the order in which they were created.

    `for_staff=true` lists messages that failed or came too late. Call these patients if necessary.
    `to_call=true` lists those that report a move or a cancellation: call these patients first,
    because they may come in vain. `handling` records the call.
    """
    where: list[ColumnElement[bool]] = []
    if state:
        where.append(col(Message.state).in_(state))
    if for_staff is not None:
        where.append(col(Message.for_staff).is_(for_staff))
    if to_call:
        where.append(col(Message.for_staff) & outbox.is_news())
    elif to_call is not None:
        where.append(~(col(Message.for_staff) & outbox.is_news()))
    if (first is None) != (last is None):
        raise Invalid("Only one of `from` and `to` was sent. Send both or none.", field="to")
    if first is not None and last is not None:
        check_days(first, last)
        utc = ZoneInfo("UTC")
        end = datetime.combine(last + timedelta(days=1), time(), tzinfo=utc)
        where.append(col(Message.due_at) >= datetime.combine(first, time(), tzinfo=utc))
        where.append(col(Message.due_at) < end)
    found = pagination.rows(call, Message, paging, *where, clinic_id=clinic_id)
    known_zones = zones.of_all(call.session, {row.clinic_id for row in found})
    return pagination.page(found, paging, lambda row: _shape(row, known_zones[row.clinic_id]))


@router.post("/{message_id}/handling", response_model=MessageShape)
@needs(Permission.ANSWER_REPLIES)
def handle(call: Writing, message_id: PathId) -> JSONResponse:
    """Record that a staff member has handled a message that failed or came too late."""
    message = failed_texts.find(call.session, call.actor, message_id)
    failed_texts.handle(call.session, call.actor, message, now=call.now)
    zone = zones.of(call.session, message.clinic_id)
    return call.answer(_shape(message, zone))


def _shape(message: Message, zone: ZoneInfo) -> MessageShape:
    return MessageShape.of(message, zone, phone=masked(message.phone))
