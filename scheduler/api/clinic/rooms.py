"""Rooms and beds."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from scheduler.api.http import pagination
from scheduler.api.http.auth import Reading, Writing, needs
from scheduler.api.http.fields import Id, Name, PatchShape, PathId, QueryId, Shape, given
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.absences import closures
from scheduler.clinic import setup
from scheduler.clinic.models import Room
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/rooms", tags=["rooms"])


class NewRoom(Shape):
    """A room or bed for one patient at a time."""

    clinic_id: Id
    name: Name = Field(min_length=1, max_length=120, examples=["Bed 1"])


class RoomChange(PatchShape):
    """Changes of a room."""

    name: Name = Field("", min_length=1, max_length=120)
    active: bool = Field(True, strict=True, description="False: no session is booked into it.")


class RoomShape(Shape):
    """A room or bed."""

    id: int
    clinic_id: int
    name: str
    active: bool


@router.get("")
@needs(Permission.SEE_CLINIC)
def list_rooms(call: Reading, paging: Paging, clinic_id: QueryId = None) -> Page[RoomShape]:
    """The rooms of your clinics."""
    return pagination.page(
        pagination.rows(call, Room, paging, clinic_id=clinic_id), paging, RoomShape.of
    )


@router.post("", status_code=201, response_model=RoomShape)
@needs(Permission.SET_UP)
def add_room(call: Writing, body: NewRoom) -> JSONResponse:
    """Add a room. Then add it to the treatments that can be given there."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    room = setup.add_room(call.session, call.actor, clinic, name=body.name, now=call.now)
    closures.extend_closures(call.session, room, clinic, now=call.now)
    return call.answer(RoomShape.of(room), status=201, version=room.version)


@router.get("/{room_id}", response_model=RoomShape)
@needs(Permission.SEE_CLINIC)
def show_room(call: Reading, room_id: PathId) -> JSONResponse:
    """One room."""
    room = setup.find_room(call.session, call.actor, room_id)
    return call.answer(RoomShape.of(room), version=room.version)


@router.patch("/{room_id}", response_model=RoomShape)
@needs(Permission.SET_UP)
def change_room(call: Writing, room_id: PathId, body: RoomChange) -> JSONResponse:
    """Change a room. Sessions that are booked in it stay booked."""
    room = setup.find_room(call.session, call.actor, room_id)
    call.expect(room.version)
    setup.change_room(call.session, call.actor, room, given(body), now=call.now)
    return call.answer(RoomShape.of(room), version=room.version)
