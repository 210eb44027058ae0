"""Single sessions: seen, moved, confirmed, cancelled, attended."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import and_, col, or_, select

from scheduler.api.http import zones
from scheduler.api.http.auth import Call, Looking, Reading, Rehearsing, Writing, needs
from scheduler.api.http.fields import (
    Day,
    Id,
    Moment,
    PathId,
    QueryId,
    Shape,
    Text,
    check_days,
    local,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.courses import appointments, courses
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Appointment, AppointmentState
from scheduler.infra.errors import Invalid, Stale
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/appointments", tags=["appointments"])


class AppointmentShape(Shape):
    """One session of a course. Its version is in the ETag."""

    id: int
    clinic_id: int
    course_id: int
    patient_id: int
    practitioner_id: int
    room_id: int
    number: int = Field(description="Which session of its course.")
    phase: int
    state: AppointmentState
    starts_at: str = Field(examples=["2027-01-11T09:00:00-05:00"])
    ends_at: str
    make_up: bool = Field(description="Added for a session that was missed or cancelled.")
    cancelled_late: bool = Field(description="With less notice than the clinic asks for.")
    version: int


class SwappedAppointments(Shape):
    """Two sessions, the one in the address first; the ETag is its."""

    appointments: list[AppointmentShape]


class WithReason(Shape):
    """Why; for the record."""

    reason: Text = Field("", max_length=200)


class PaceOverride(WithReason):
    """A change, why it is made, and whether it may leave the pace of the course."""

    insist: Text | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="The reason to do it although it breaks the pace of the course; it is kept.",
        examples=["The patient travels that week."],
    )

    def terms(self, **more: Any) -> ChangePolicy:
        """On what terms the sessions are changed."""
        return ChangePolicy(reason=self.reason, insist=self.insist or "", **more)


class AppointmentMove(PaceOverride):
    """Where a session goes."""

    starts_at: Moment
    practitioner_id: Id | None = Field(None, description="Left out: who gives it now.")


class AppointmentSwap(PaceOverride):
    """With which session of the clinic a session changes places."""

    appointment_id: Id
    version: int | None = Field(
        None, strict=True, ge=1, description="The version of that one, as it was read."
    )


@router.get("")
@needs(Permission.SEE_CALENDAR)
def list_appointments(
    call: Reading,
    paging: Paging,
    first: Annotated[Day, Query(alias="from", description="A date at the clinic.")],
    last: Annotated[Day, Query(alias="to", description="A date at the clinic; it counts.")],
    *,
    clinic_id: QueryId = None,
    practitioner_id: QueryId = None,
    room_id: QueryId = None,
    course_id: QueryId = None,
    state: AppointmentState | None = None,
) -> Page[AppointmentShape]:
    """The sessions of some days, by their start."""
    check_days(first, last)
    statement = select(Appointment).where(
        call.actor.scope(col(Appointment.clinic_id)),
        # Midnight somewhere on earth to midnight elsewhere; what is not of the day goes below.
        col(Appointment.starts_at) >= _midnight(first) - timedelta(hours=14),
        col(Appointment.starts_at) < _midnight(last + timedelta(days=1)) + timedelta(hours=12),
        col(Appointment.wall_time) >= first.isoformat(),
        col(Appointment.wall_time) < (last + timedelta(days=1)).isoformat(),
    )
    for column, wanted in (
        (Appointment.clinic_id, clinic_id),
        (Appointment.practitioner_id, practitioner_id),
        (Appointment.room_id, room_id),
        (Appointment.course_id, course_id),
        (Appointment.state, state),
    ):
        if wanted is not None:
            statement = statement.where(col(column) == wanted)
    if after := _after(paging):
        start, last_id = after
        later = and_(col(Appointment.starts_at) == start, col(Appointment.id) > last_id)
        statement = statement.where(or_(col(Appointment.starts_at) > start, later))
    order = (col(Appointment.starts_at), col(Appointment.id))
    found = call.session.exec(statement.order_by(*order).limit(paging.limit + 1)).all()
    known_zones = zones.of_all(call.session, {row.clinic_id for row in found})
    return paging.page(
        found,
        lambda row: shape(row, known_zones[row.clinic_id]),
        lambda row: [int(row.starts_at.timestamp()), row.id],
    )


@router.get("/{appointment_id}", response_model=AppointmentShape)
@needs(Permission.SEE_CALENDAR)
def show_appointment(call: Looking, appointment_id: PathId) -> JSONResponse:
    """One session. That you looked is written down."""
    appointment = appointments.find(call.session, call.actor, appointment_id)
    call.record_view("appointment", appointment)
    return _answer(call, appointment)


@router.post("/{appointment_id}/move", response_model=AppointmentShape)
@needs(Permission.BOOK)
def move(call: Rehearsing, appointment_id: PathId, body: AppointmentMove) -> JSONResponse:
    """Give a session another time; it is to be confirmed anew. Taken: 409 with free times.

    A time that breaks the pace of the course: 409, `breaks` says how, in sentences. `insist` with a
    reason does it all the same. Sessions are numbered by time: one that passes another gets its
    number.
    """
    appointment = _expected(call, appointment_id)
    appointments.move(
        call.session,
        call.actor,
        appointment,
        starts_at=body.starts_at,
        practitioner_id=body.practitioner_id,
        terms=body.terms(),
        now=call.now,
    )
    return _answer(call, appointment)


@router.post("/{appointment_id}/swap", response_model=SwappedAppointments)
@needs(Permission.BOOK)
def swap(call: Rehearsing, appointment_id: PathId, body: AppointmentSwap) -> JSONResponse:
    """Give two sessions each other's times, of one course or of two patients; both or neither."""
    one = appointments.find(call.session, call.actor, appointment_id)
    other = appointments.find(call.session, call.actor, body.appointment_id)
    lock(call, one, other)
    call.expect(one.version)
    if body.version not in {None, other.version}:
        raise Stale
    appointments.swap(call.session, call.actor, one, other, terms=body.terms(), now=call.now)
    call.session.flush()
    both = [shape(each, ZoneInfo(each.zone)) for each in (one, other)]
    return call.answer(SwappedAppointments(appointments=both), version=one.version)


@router.post("/{appointment_id}/confirmation", response_model=AppointmentShape)
@needs(Permission.BOOK)
def confirm(call: Writing, appointment_id: PathId) -> JSONResponse:
    """The patient says that they will come."""
    appointment = _expected(call, appointment_id)
    appointments.confirm(call.session, call.actor, appointment, now=call.now)
    return _answer(call, appointment)


@router.post("/{appointment_id}/cancellation", response_model=AppointmentShape)
@needs(Permission.BOOK)
def cancel(
    call: Rehearsing, appointment_id: PathId, body: WithReason | None = None
) -> JSONResponse:
    """The session will not be; its time is free again."""
    appointment = _expected(call, appointment_id)
    reason = body.reason if body else ""
    appointments.cancel(call.session, call.actor, appointment, reason=reason, now=call.now)
    return _answer(call, appointment)


@router.post("/{appointment_id}/arrival", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def arrive(call: Writing, appointment_id: PathId) -> JSONResponse:
    """The patient is here."""
    appointment = _expected(call, appointment_id)
    appointments.arrive(call.session, call.actor, appointment, now=call.now)
    return _answer(call, appointment)


@router.post("/{appointment_id}/completion", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def complete(call: Writing, appointment_id: PathId) -> JSONResponse:
    """The session has been."""
    appointment = _expected(call, appointment_id)
    appointments.complete(call.session, call.actor, appointment, now=call.now)
    return _answer(call, appointment)


@router.post("/{appointment_id}/no-show", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def miss(call: Writing, appointment_id: PathId) -> JSONResponse:
    """The patient did not come."""
    appointment = _expected(call, appointment_id)
    appointments.miss(call.session, call.actor, appointment, now=call.now)
    return _answer(call, appointment)


def shape(appointment: Appointment, zone: ZoneInfo) -> AppointmentShape:
    """An appointment as it is told."""
    return AppointmentShape(
        id=stored_id(appointment.id),
        clinic_id=appointment.clinic_id,
        course_id=appointment.course_id,
        patient_id=appointment.patient_id,
        practitioner_id=appointment.practitioner_id,
        room_id=appointment.room_id,
        number=appointment.number,
        phase=appointment.phase,
        state=AppointmentState(appointment.state),
        starts_at=local(appointment.starts_at, zone),
        ends_at=local(appointment.ends_at, zone),
        make_up=appointment.make_up,
        cancelled_late=appointment.cancelled_late,
        version=appointment.version,
    )


def lock(call: Call, *locked: Appointment) -> None:
    """One change of a course at a time: the second waits, and then sees what the first has done."""
    courses.lock(call.session, *[each.course_id for each in locked])
    for each in locked:
        call.session.refresh(each)


def _expected(call: Call, appointment_id: int) -> Appointment:
    appointment = appointments.find(call.session, call.actor, appointment_id)
    lock(call, appointment)
    call.expect(appointment.version)
    return appointment


def _answer(call: Call, appointment: Appointment) -> JSONResponse:
    call.session.flush()
    told = shape(appointment, ZoneInfo(appointment.zone))
    return call.answer(told, version=appointment.version)


def _after(paging: Paging) -> tuple[datetime, int] | None:
    keys = paging.after()
    if keys is None:
        return None
    if len(keys) != 2 or type(keys[0]) is not int or not 0 <= keys[0] < 2**32:
        raise Invalid("This cursor is not one of ours.", field="cursor")
    return datetime.fromtimestamp(keys[0], UTC), keys[1]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
