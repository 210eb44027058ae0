"""Undo of what was recorded about a session: a status, a move or a cancellation."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from scheduler.api.courses import appointments
from scheduler.api.courses.appointments import AppointmentShape
from scheduler.api.http.auth import Rehearsing, Writing, needs
from scheduler.api.http.fields import PathId
from scheduler.booking.courses import staff_undo
from scheduler.booking.models import AppointmentState
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/appointments", tags=["appointments"])


@router.delete("/{appointment_id}/confirmation", response_model=AppointmentShape)
@needs(Permission.BOOK)
def undo_confirmation(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Undo a confirmation that was recorded by mistake."""
    return _undo(call, appointment_id, AppointmentState.CONFIRMED)


@router.delete("/{appointment_id}/arrival", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def undo_arrival(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Undo an arrival that was recorded by mistake."""
    return _undo(call, appointment_id, AppointmentState.ARRIVED)


@router.delete("/{appointment_id}/completion", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def undo_completion(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Undo a completion that was recorded by mistake. A course that it completed goes on."""
    return _undo(call, appointment_id, AppointmentState.COMPLETED)


@router.delete("/{appointment_id}/no-show", response_model=AppointmentShape)
@needs(Permission.ATTEND)
def undo_no_show(call: Writing, appointment_id: PathId) -> JSONResponse:
    """Undo a no-show that was recorded by mistake. A course that it completed goes on.

    409 `not-undoable` names a make-up session that was booked for it.
    """
    return _undo(call, appointment_id, AppointmentState.NO_SHOW)


@router.delete("/{appointment_id}/move", response_model=AppointmentShape)
@needs(Permission.BOOK)
def undo_move(call: Rehearsing, appointment_id: PathId) -> JSONResponse:
    """Undo the last move: the time and the practitioner before it, if they are free.

    Within two minutes no text is sent, unless the session is within 12 hours.
    """
    appointment = appointments.expected(call, appointment_id)
    staff_undo.undo_move(call.session, call.actor, appointment, now=call.now)
    return appointments.answer(call, appointment)


@router.post("/{appointment_id}/restoration", response_model=AppointmentShape)
@needs(Permission.BOOK)
def restore(call: Rehearsing, appointment_id: PathId) -> JSONResponse:
    """Undo a cancellation. If the time is taken, 409 lists free times near it in `conflicts`.

    Within two minutes no text is sent, unless the session is within 12 hours.
    """
    appointment = appointments.expected(call, appointment_id)
    staff_undo.restore(call.session, call.actor, appointment, now=call.now)
    return appointments.answer(call, appointment)


def _undo(call: Writing, appointment_id: int, state: AppointmentState) -> JSONResponse:
    appointment = appointments.expected(call, appointment_id)
    staff_undo.undo_state(call.session, call.actor, appointment, state, now=call.now)
    return appointments.answer(call, appointment)
