"""Free times."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from scheduler.api.http import zones
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import LARGEST_ID, Day, LocalTime, QueryId, Shape, check_days, local
from scheduler.api.http.pagination import Cursor, Page, PageRequest
from scheduler.booking.availability import search
from scheduler.booking.availability.slots import Slot
from scheduler.clinic import setup
from scheduler.infra.intervals import instant_of
from scheduler.staff.roles import Permission

LAST_MINUTE = 2**31
"""In the year 6053. A forged cursor may hold a minute that no date can express."""

router = APIRouter(prefix="/slots", tags=["slots"])


class SlotShape(Shape):
    """A free time. It is not held."""

    starts_at: LocalTime
    ends_at: LocalTime
    practitioner_id: int
    room_id: int


def slot_page_request(
    limit: Annotated[int, Query(ge=1, le=1000, description="The most times on a page.")] = 500,
    cursor: Cursor = None,
) -> PageRequest:
    """Reads the page asked for. A page is larger than that of other lists: a day has many times."""
    return PageRequest(limit=limit, cursor=cursor)


@router.get("")
@needs(Permission.SEE_CALENDAR)
def list_slots(  # noqa: PLR0917 - FastAPI passes query parameters by name
    call: Reading,
    paging: Annotated[PageRequest, Depends(slot_page_request)],
    treatment_id: Annotated[int, Query(ge=1, le=LARGEST_ID)],
    first: Annotated[Day, Query(alias="from", description="The first date, in clinic time.")],
    last: Annotated[Day, Query(alias="to", description="The last date, inclusive.")],
    practitioner_id: QueryId = None,
) -> Page[SlotShape]:
    """The times at which a practitioner and a room are free for a session of a treatment.

    In the order of start and practitioner.
    """
    check_days(first, last)
    treatment = setup.find_treatment(call.session, call.actor, treatment_id)
    zone = zones.of(call.session, treatment.clinic_id)
    resources = search.find_resources(call.session, treatment)
    if practitioner_id is not None:
        resources.practitioner(practitioner_id)
    after = paging.after(2) or [0, 0]
    free = search.free_slots(
        call.session,
        resources,
        # The days of the pages before need no search. One day more, for a shift over midnight.
        first=max(
            first,
            instant_of(min(after[0], LAST_MINUTE)).astimezone(zone).date() - timedelta(days=1),
        ),
        last=last,
        now=call.now,
        practitioner_id=practitioner_id,
    )

    def shape(slot: Slot) -> SlotShape:
        return SlotShape(
            starts_at=local(instant_of(slot.starts_at), zone),
            ends_at=local(instant_of(slot.starts_at + treatment.minutes), zone),
            practitioner_id=slot.practitioner_id,
            room_id=slot.room_id,
        )

    return paging.page((slot for slot in free if _key(slot) > after), shape, _key)


def _key(slot: Slot) -> list[int]:
    return [slot.starts_at, slot.practitioner_id]
