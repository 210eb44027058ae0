"""The whole door for staff: its routes, and what is asked of whoever comes to any of them."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from scheduler.api.clinic import (
    absence_proposals,
    clinics,
    closures,
    hours,
    practitioners,
    rooms,
    time_off,
    treatments,
)
from scheduler.api.courses import (
    appointments,
    changes,
    courses,
    history,
    holds,
    plans,
    reviews,
    slots,
    waitlist,
)
from scheduler.api.http import health, openapi
from scheduler.api.http.auth import admit, speak_json, speak_plainly
from scheduler.api.http.problems import MEDIA_TYPE
from scheduler.api.messages import attention, bulk_texts, messages, reminder_rules, replies
from scheduler.api.people import audit_entries, patients, sign_ins

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
    plans,
    courses,
    changes,
    history,
    appointments,
    reviews,
    waitlist,
    patients,
    attention,
    messages,
    bulk_texts,
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
    openapi.mount(app)
