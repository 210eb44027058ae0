"""Times that the booking form holds for a few minutes."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from scheduler.api.http.auth import Writing, needs
from scheduler.api.http.fields import PathId, Shape
from scheduler.booking.availability import holds
from scheduler.clinic import setup
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/clinics/{clinic_id}/holds", tags=["clinics"])


class ReleasedHolds(Shape):
    """The number of booking forms whose times were released."""

    released: int


@router.delete("", response_model=ReleasedHolds)
@needs(Permission.CLOSE)
def release_holds(call: Writing, clinic_id: PathId) -> JSONResponse:
    """Release all times that booking forms hold, for example if a visitor hoards them.

    Booked sessions do not change. A patient who is filling in a form can go on, and gets the times
    if they are still free.
    """
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    released = holds.release_all(call.session, call.actor, clinic, now=call.now)
    return call.answer(ReleasedHolds(released=released))
