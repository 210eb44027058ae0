"""Texts of all courses: what is owed, what went out, what became of it."""

from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Reading, Writing, needs
from scheduler.api.http.fields import Day, PathId, QueryId, Shape, check_days, local
from scheduler.api.http.pagination import Page, Paging
from scheduler.infra.errors import Invalid
from scheduler.infra.phone import masked
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.staff import failed_texts
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/messages", tags=["messages"])


class MessageShape(Shape):
    """A text. Of the phone only the last digits are told; the patient has the whole."""

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
        description="It did not go as it should, and nobody has taken care of it yet."
    )
    due_at: str
    sent_at: str | None
    delivered_at: str | None


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_messages(
    call: Reading,
    paging: Paging,
    *,
    clinic_id: QueryId = None,
    state: MessageState | None = None,
    for_staff: bool | None = None,
    first: Annotated[Day | None, Query(alias="from", description="Due on this UTC date.")] = None,
    last: Annotated[Day | None, Query(alias="to", description="Or up to this one.")] = None,
) -> Page[MessageShape]:
    """Texts in the order in which they were written down.

    `for_staff=true`: those that did not go as they should, whose patient somebody may have to call.
    """
    where = []
    if state is not None:
        where.append(col(Message.state) == state)
    if for_staff is not None:
        where.append(col(Message.for_staff).is_(for_staff))
    if (first is None) != (last is None):
        raise Invalid("Give both `from` and `to`, or neither.", field="to")
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
    """Say that somebody has taken care of a text that failed or came too late."""
    message = failed_texts.find(call.session, call.actor, message_id)
    failed_texts.handle(call.session, call.actor, message, now=call.now)
    zone = zones.of_all(call.session, {message.clinic_id})[message.clinic_id]
    return call.answer(_shape(message, zone))


def _shape(message: Message, zone: ZoneInfo) -> MessageShape:
    return MessageShape(
        id=stored_id(message.id),
        clinic_id=message.clinic_id,
        kind=message.kind,
        course_id=message.course_id,
        appointment_id=message.appointment_id,
        patient_id=message.patient_id,
        phone=masked(message.phone),
        text=message.text,
        state=MessageState(message.state),
        reason=message.reason,
        error_code=message.error_code,
        for_staff=message.for_staff,
        due_at=local(message.due_at, zone),
        sent_at=None if message.sent_at is None else local(message.sent_at, zone),
        delivered_at=None if message.delivered_at is None else local(message.delivered_at, zone),
    )
