"""The attention list: what waits for staff, and where to find it."""

from fastapi import APIRouter
from pydantic import Field

from scheduler.api.http import zones
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import LocalTime, QueryId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.reminders.staff import attention
from scheduler.reminders.staff.attention import Kind
from scheduler.staff.roles import Permission, may

router = APIRouter(prefix="/attention", tags=["messages"])

WHERE: dict[Kind, str] = {
    "urgent_reply": "/replies?urgent=true",
    "mass_text": "/mass-texts?state=held",
    "call": "/messages?to_call=true",
    "reply": "/replies",
    "text": "/messages?for_staff=true&to_call=false",
    "clearance": "/courses?state=needs_clearance",
    "review": "/reviews",
}
PERMISSIONS: dict[Kind, Permission] = {
    "clearance": Permission.CLEAR,
    "review": Permission.CLEAR,
}
"""The permission that a kind needs. Everybody who may see messages sees the other kinds."""


class AttentionItem(Shape):
    """The number of waiting items of one kind at one clinic."""

    clinic_id: int
    kind: Kind
    count: int
    since: LocalTime = Field(description="The time of the oldest item.")
    look_at: str = Field(
        description="The address of the list, below `/api/v1`.", examples=["/mass-texts?state=held"]
    )


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_matters(call: Reading, paging: Paging, clinic_id: QueryId = None) -> Page[AttentionItem]:
    """The items that wait for staff, the most urgent of each clinic first.

    The kinds are replies (`urgent_reply`: they mention danger), held bulk texts, patients to
    call (`call`: no text can report a move or a cancellation) and other failed texts.
    Staff who may clear courses also see courses to clear and reviews to ask for.
    """
    if clinic_id is not None:
        call.actor.require(clinic_id)
    matters = [
        matter
        for matter in attention.waiting(call.session, call.actor, now=call.now)
        if clinic_id in {None, matter.clinic_id}
        and (matter.kind not in PERMISSIONS or may(call.actor.role, PERMISSIONS[matter.kind]))
    ]
    after = paging.after(2)
    places = {matter: [matter.clinic_id, place] for place, matter in enumerate(matters)}
    rest = [matter for matter in matters if after is None or places[matter] > after]
    known_zones = zones.of_all(call.session, {matter.clinic_id for matter in rest})
    return paging.page(
        rest,
        lambda matter: AttentionItem.of(
            matter, known_zones[matter.clinic_id], look_at=WHERE[matter.kind]
        ),
        lambda matter: places[matter],
    )
