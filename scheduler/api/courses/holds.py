"""Times that are kept for a few minutes while patients fill the form."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from scheduler.api.http.auth import Writing, needs
from scheduler.api.http.fields import PathId, Shape
from scheduler.booking.availability import holds
from scheduler.clinic import setup
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/clinics/{clinic_id}/holds", tags=["clinics"])


class ReleasedHolds(Shape):
    """How many forms lost the times that were kept for them."""

    released: int


@router.delete("", response_model=ReleasedHolds)
@needs(Permission.CLOSE)
def release_holds(call: Writing, clinic_id: PathId) -> JSONResponse:
    """Let all times go that are kept for forms not yet finished, where somebody hoards them.

    Nothing that is booked changes. Whoever fills a form may go on, and has the times if they are
    still free then.
    """
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    released = holds.release_all(call.session, call.actor, clinic, now=call.now)
    return call.answer(ReleasedHolds(released=released))
