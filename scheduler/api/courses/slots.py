"""Free times."""

from typing import Annotated

from fastapi import APIRouter, Query

from scheduler.api.http import zones
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import LARGEST_ID, Day, LocalTime, QueryId, Shape, check_days, local
from scheduler.booking.availability import search
from scheduler.clinic import setup
from scheduler.infra.intervals import instant_of
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/slots", tags=["slots"])


class SlotShape(Shape):
    """A free time. It is not held."""

    starts_at: LocalTime
    ends_at: LocalTime
    practitioner_id: int
    room_id: int


class SlotList(Shape):
    """Free times, in the order of start and practitioner."""

    items: list[SlotShape]


@router.get("")
@needs(Permission.SEE_CALENDAR)
def list_slots(
    call: Reading,
    treatment_id: Annotated[int, Query(ge=1, le=LARGEST_ID)],
    first: Annotated[Day, Query(alias="from", description="The first date, in clinic time.")],
    last: Annotated[Day, Query(alias="to", description="The last date, inclusive.")],
    practitioner_id: QueryId = None,
) -> SlotList:
    """The times at which a practitioner and a room are free for a session of a treatment."""
    check_days(first, last)
    treatment = setup.find_treatment(call.session, call.actor, treatment_id)
    zone = zones.of(call.session, treatment.clinic_id)
    resources = search.find_resources(call.session, treatment)
    if practitioner_id is not None:
        resources.practitioner(practitioner_id)
    free = search.free_slots(
        call.session,
        resources,
        first=first,
        last=last,
        now=call.now,
        practitioner_id=practitioner_id,
    )
    return SlotList(
        items=[
            SlotShape(
                starts_at=local(instant_of(slot.starts_at), zone),
                ends_at=local(instant_of(slot.starts_at + treatment.minutes), zone),
                practitioner_id=slot.practitioner_id,
                room_id=slot.room_id,
            )
            for slot in free
        ]
    )
