"""Sessions: show, move, swap, confirm, cancel, and record attendance."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import and_, col, or_, select

from scheduler.api.courses.allowed_limits import PaceOverride, WithReason
from scheduler.api.http import zones
from scheduler.api.http.auth import Call, Looking, Reading, Rehearsing, Writing, needs
from scheduler.api.http.fields import (
    Day,
    Id,
    LocalTime,
    Moment,
    PathId,
    QueryId,
    Several,
    Shape,
    check_days,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.courses import appointments, courses
from scheduler.booking.models import Appointment, AppointmentState
from scheduler.infra.errors import Stale
from scheduler.staff.roles import Permission, may

router = APIRouter(prefix="/appointments", tags=["appointments"])


class AppointmentShape(Shape):
    """A session of a course. The ETag contains its version."""

    id: int
    clinic_id: int
    course_id: int
    patient_id: int
    practitioner_id: int
    room_id: int
    number: int = Field(description="The number of the session in its course, from 1.")
    phase: int
    state: AppointmentState
    starts_at: LocalTime
    ends_at: LocalTime
    make_up: bool = Field(description="True: added for a missed or cancelled session.")
    cancelled_late: bool = Field(
        description="True: cancelled with less notice than the clinic asks for."
    )
    version: int


class SwappedAppointments(Shape):
    """Both sessions. The first is the one in the path, and the ETag is its version."""

    appointments: list[AppointmentShape]


class AppointmentMove(PaceOverride):
    """The new time of a session."""

    starts_at: Moment
    practitioner_id: Id | None = Field(None, description="Null: the present practitioner.")
    room_id: Id | None = Field(None, description="Null: any room of the treatment.")


class AppointmentSwap(PaceOverride):
    """The session to swap times with."""

    appointment_id: Id
    version: int | None = Field(
        None, strict=True, ge=1, description="The version of that session that you read."
    )


@router.get("")
@needs(Permission.SEE_CALENDAR)
def list_appointments(
    call: Reading,
    paging: Paging,
    first: Annotated[Day, Query(alias="from", description="The first date, in clinic time.")],
    last: Annotated[Day, Query(alias="to", description="The last date, inclusive.")],
    *,
    clinic_id: QueryId = None,
    practitioner_id: QueryId = None,
    room_id: QueryId = None,
    course_id: QueryId = None,
    state: Several[AppointmentState] = None,
) -> Page[AppointmentShape]:
    """The sessions of a range of days, in the order of their start."""
    check_days(first, last)
    statement = select(Appointment).where(
        call.actor.scope(col(Appointment.clinic_id)),
        # A range that covers the days in every time zone, for the index. `wall_time` narrows it.
        col(Appointment.starts_at) >= _midnight(first) - timedelta(hours=14),
        col(Appointment.starts_at) < _midnight(last + timedelta(days=1)) + timedelta(hours=12),
        col(Appointment.wall_time) >= first.isoformat(),
        col(Appointment.wall_time) < (last + timedelta(days=1)).isoformat(),
    )
    for column, value in (
        (Appointment.clinic_id, clinic_id),
        (Appointment.practitioner_id, practitioner_id),
        (Appointment.room_id, room_id),
        (Appointment.course_id, course_id),
    ):
        if value is not None:
            statement = statement.where(col(column) == value)
    if state:
        statement = statement.where(col(Appointment.state).in_(state))
    if after := _after(paging):
        start, last_id = after
        later = and_(col(Appointment.starts_at) == start, col(Appointment.id) > last_id)
        statement = statement.where(or_(col(Appointment.starts_at) > start, later))
    order = (col(Appointment.starts_at), col(Appointment.id))
    found = call.session.exec(statement.order_by(*order).limit(paging.limit + 1)).all()
    known_zones = zones.of_all(call.session, {row.clinic_id for row in found})
    return paging.page(
        found,
        lambda row: AppointmentShape.of(row, known_zones[row.clinic_id]),
        lambda row: [int(row.starts_at.timestamp()), row.id],
    )


@router.get("/{appointment_id}", response_model=AppointmentShape)
@needs(Permission.SEE_CALENDAR)
def show_appointment(call: Looking, appointment_id: PathId) -> JSONResponse:
    """One session. The audit trail records that you read it."""
    appointment = appointments.find(call.session, call.actor, appointment_id)
    call.record_view("appointment", appointment)
    return answer(call, appointment)


@router.post("/{appointment_id}/move", response_model=AppointmentShape)
@needs(Permission.BOOK)
def move(call: Rehearsing, appointment_id: PathId, body: AppointmentMove) -> JSONResponse:
    """Move a session to another time. The patient must confirm it again.

    If the time is taken or breaks a limit, 409 says so in `conflicts`, with free times near it. If
    it breaks the pace of the course, 409 explains it in `breaks`. `allow` passes soft limits.
    Sessions are numbered by time, so a session that moves past another gets another number.
    """
    appointment = expected(call, appointment_id)
    appointments.move(
        call.session,
        call.actor,
        appointment,
        starts_at=body.starts_at,
        practitioner_id=body.practitioner_id,
        room_id=body.room_id,
        policy=body.policy(call.actor),
        now=call.now,
    )
    return answer(call, appointment)


@router.post("/{appointment_id}/swap", response_model=SwappedAppointments)
@needs(Permission.BOOK)
def swap(call: Rehearsing, appointment_id: PathId, body: AppointmentSwap) -> JSONResponse:
    """Swap the times of two sessions, of one course or of two patients."""
    one = appointments.find(call.session, call.actor, appointment_id)
    other = appointments.find(call.session, call.actor, body.appointment_id)
    lock(call, one, other)
    call.expect(one.version)
    if body.version not in {None, other.version}:
        raise Stale
    appointments.swap(
        call.session, call.actor, one, other, policy=body.policy(call.actor), now=call.now
    )
    call.session.flush()
    both = [AppointmentShape.of(row, ZoneInfo(row.zone)) for row in (one, other)]
    return call.answer(SwappedAppointments(appointments=both), version=one.version)


@router.post("/{appointment_id}/confirmation", response_model=AppointmentShape)
@needs(Permission.BOOK)
def confirm(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Record that the patient will come."""
    appointment = expected(call, appointment_id)
    appointments.confirm(call.session, call.actor, appointment, now=call.now)
    return answer(call, appointment)


@router.post("/{appointment_id}/cancellation", response_model=AppointmentShape)
@needs(Permission.BOOK)
def cancel(
    call: Rehearsing, appointment_id: PathId, body: WithReason | None = None
) -> JSONResponse:
    """Cancel a session. Its time becomes free."""
    appointment = expected(call, appointment_id)
    reason = body.reason if body else ""
    appointments.cancel(call.session, call.actor, appointment, reason=reason, now=call.now)
    return answer(call, appointment)


@router.post("/{appointment_id}/arrival", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def arrive(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Record that the patient has arrived."""
    appointment = expected(call, appointment_id)
    appointments.arrive(call.session, call.actor, appointment, now=call.now)
    return answer(call, appointment)


@router.post("/{appointment_id}/completion", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def complete(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Record that the session took place.

    409 `not-cleared` if the health answers still need a review and you may not clear courses.
    """
    appointment = expected(call, appointment_id)
    may_clear = may(call.actor.role, Permission.CLEAR)
    appointments.complete(call.session, call.actor, appointment, may_clear=may_clear, now=call.now)
    return answer(call, appointment)


@router.post("/{appointment_id}/no-show", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def miss(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Record that the patient did not come."""
    appointment = expected(call, appointment_id)
    appointments.miss(call.session, call.actor, appointment, now=call.now)
    return answer(call, appointment)


def lock(call: Call, *locked: Appointment) -> None:
    """Locks the courses, so that a second change waits and then sees the first one."""
    courses.lock(call.session, *[appointment.course_id for appointment in locked])
    for appointment in locked:
        call.session.refresh(appointment)


def expected(call: Call, appointment_id: int) -> Appointment:
    """The locked appointment. Raises NotFound, and Stale if `If-Match` names another version."""
    appointment = appointments.find(call.session, call.actor, appointment_id)
    lock(call, appointment)
    call.expect(appointment.version)
    return appointment


def answer(call: Call, appointment: Appointment) -> JSONResponse:
    """The response with an appointment as it is now."""
    call.session.flush()
    shape = AppointmentShape.of(appointment, ZoneInfo(appointment.zone))
    return call.answer(shape, version=appointment.version)


def _after(paging: Paging) -> tuple[datetime, int] | None:
    keys = paging.after(2)
    if keys is None:
        return None
    return datetime.fromtimestamp(keys[0], UTC), keys[1]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
