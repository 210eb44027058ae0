"""The whole door for staff: its routes, and what is asked of whoever comes to any of them."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from scheduler.api import (
    absence_proposals,
    appointments,
    attention,
    audit_entries,
    clinics,
    closures,
    course_changes,
    course_history,
    course_plans,
    courses,
    docs,
    health,
    holds,
    hours,
    mass_texts,
    messages,
    patients,
    practitioners,
    reminder_rules,
    replies,
    reviews,
    rooms,
    sign_ins,
    slots,
    time_off,
    treatments,
    waitlist,
)
from scheduler.api.entry import admit, speak_json, speak_plainly
from scheduler.api.problems import MEDIA_TYPE

PREFIX = "/api/v1"
ABOUT = (
    "Staff keep a clinic's calendars here. Times are RFC 3339 with the clinic's offset, dates ISO"
    " 8601. Lists take `limit` and `cursor` and give `items` and `next_cursor`. Errors are RFC 9457"
    " `application/problem+json`. POST takes an `Idempotency-Key`; a change takes `If-Match` with"
    " the `ETag` of what was read. Unknown fields are refused, in the query too."
)

PARTS = (
    clinics,
    closures,
    holds,
    practitioners,
    hours,
    time_off,
    rooms,
    absence_proposals,
    treatments,
    slots,
    course_plans,
    courses,
    course_changes,
    course_history,
    appointments,
    reviews,
    waitlist,
    patients,
    attention,
    messages,
    mass_texts,
    reminder_rules,
    replies,
    audit_entries,
)

_KINDS = {
    400: "The request could not be read.",
    401: "No valid API key or sign-in token.",
    403: "This role may not do that.",
    404: "There is no such thing, or it belongs to another clinic.",
    409: "Something stands in the way.",
    412: "Changed since it was read: the If-Match is stale.",
    413: "Longer than 64 KiB.",
    415: "Not called application/json.",
    422: "Fields that cannot be taken as they are; `errors` names each.",
    429: "Too often; Retry-After says when to come again.",
    503: "The records cannot be reached just now. Nothing was lost.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, words in _KINDS.items()
}


def router() -> APIRouter:
    """Each route for staff. Nobody enters one that does not say who may (`entry.needs`)."""
    whole = APIRouter(prefix=PREFIX, responses=PROBLEMS, dependencies=[Depends(speak_json)])
    # The one place where nobody is asked who they are: they are about to say it.
    whole.include_router(sign_ins.router)
    for part in PARTS:
        whole.include_router(part.router, dependencies=[Depends(admit), Depends(speak_plainly)])
    return whole


def mount(app: FastAPI) -> None:
    """Hang the routes for staff into an application, and those for its operators."""
    app.include_router(router())
    app.include_router(health.router)
    docs.mount(app)
