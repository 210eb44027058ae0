"""The first look in the morning: what waits for somebody, and where to look."""

from fastapi import APIRouter
from pydantic import Field

from scheduler.api.http import zones
from scheduler.api.http.auth import Reading, needs
from scheduler.api.http.fields import QueryId, Shape, local
from scheduler.api.http.pagination import Page, Paging
from scheduler.reminders.staff import attention
from scheduler.reminders.staff.attention import Kind
from scheduler.staff.roles import Permission, may

router = APIRouter(prefix="/attention", tags=["messages"])

WHERE: dict[Kind, str] = {
    "urgent_reply": "/replies?urgent=true",
    "mass_text": "/mass-texts?state=held",
    "reply": "/replies",
    "text": "/messages?for_staff=true",
    "clearance": "/courses?state=needs_clearance",
    "review": "/reviews",
}
NEEDS: dict[Kind, Permission] = {"clearance": Permission.CLEAR, "review": Permission.CLEAR}
"""What somebody must be allowed to do, to be told of it; the rest is for all who see texts."""


class AttentionItem(Shape):
    """So many of a kind that wait at one clinic."""

    clinic_id: int
    kind: Kind
    count: int
    since: str = Field(description="The one that waits the longest.")
    look_at: str = Field(examples=["/mass-texts?state=held"])


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_matters(call: Reading, paging: Paging, clinic_id: QueryId = None) -> Page[AttentionItem]:
    """What waits for staff, the most pressing of each clinic first; nothing: nobody waits.

    Answers to texts (`urgent_reply`: they speak of danger), texts to many that nobody has confirmed
    or stopped, texts that did not go as they should; for who may see answers about health, courses
    to clear and reviews to ask for.
    """
    if clinic_id is not None:
        call.actor.require(clinic_id)
    matters = [
        each
        for each in attention.waiting(call.session, call.actor, now=call.now)
        if clinic_id in {None, each.clinic_id}
        and (each.kind not in NEEDS or may(call.actor.role, NEEDS[each.kind]))
    ]
    after = paging.after()
    places = {matter: [matter.clinic_id, place] for place, matter in enumerate(matters)}
    rest = [each for each in matters if after is None or places[each] > after]
    known_zones = zones.of_all(call.session, {each.clinic_id for each in rest})
    return paging.page(
        rest,
        lambda each: AttentionItem(
            clinic_id=each.clinic_id,
            kind=each.kind,
            count=each.count,
            since=local(each.since, known_zones[each.clinic_id]),
            look_at=WHERE[each.kind],
        ),
        lambda each: places[each],
    )
