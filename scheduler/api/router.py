"""All routes of the staff API, and the checks that every route makes."""

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
    undo,
    waitlist,
)
from scheduler.api.http import health, openapi, problem_types
from scheduler.api.http.auth import admit, refuse_unknown_parameters, require_json
from scheduler.api.http.problems import MEDIA_TYPE
from scheduler.api.messages import attention, bulk_texts, messages, reminder_rules, replies
from scheduler.api.people import audit_entries, patients, screenings, sign_ins

PREFIX = "/api/v1"
ABOUT = (
    "Manages the calendars, courses, patients and messages of clinics. Times are RFC 3339 with the"
    " clinic's offset, dates are ISO 8601. Lists take `limit` and `cursor` and return `items` and"
    " `next_cursor`. Errors are RFC 9457 `application/problem+json`: `GET` of their `type` explains"
    " them, and the schema `Problem` lists their members. POST takes an `Idempotency-Key`. Changes"
    " take `If-Match` with the `ETag` that you read. Unknown fields and query parameters are"
    " refused."
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
    undo,
    reviews,
    waitlist,
    patients,
    screenings,
    attention,
    messages,
    bulk_texts,
    reminder_rules,
    replies,
    audit_entries,
)

_KINDS = {
    400: "The request cannot be read, for example because its JSON is broken.",
    401: "The API key or sign-in token is missing, wrong or expired.",
    403: "Your role does not have the permission.",
    404: "The id does not exist, or it belongs to another clinic.",
    409: "The calendar or the state of the resource does not allow the change. `type` says why.",
    412: "The resource has changed since you read it. Read it again.",
    413: "The body is longer than 64 KiB.",
    415: "The Content-Type is not application/json.",
    422: "The request contains invalid values. `errors` names the fields.",
    429: "Too many requests. Wait for the number of seconds in `Retry-After`.",
    503: "The database cannot be reached. Nothing was changed; try again.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, words in _KINDS.items()
}


def router() -> APIRouter:
    """The router of all staff routes. A route without a permission (`auth.needs`) refuses all."""
    routes = APIRouter(prefix=PREFIX, responses=PROBLEMS, dependencies=[Depends(require_json)])
    # Signing in is the only route without credentials.
    routes.include_router(sign_ins.router)
    for part in PARTS:
        routes.include_router(
            part.router, dependencies=[Depends(admit), Depends(refuse_unknown_parameters)]
        )
    return routes


def mount(app: FastAPI) -> None:
    """Adds the staff routes, the health checks and the documentation to an application."""
    app.include_router(router())
    app.include_router(health.router)
    app.include_router(problem_types.router)
    openapi.mount(app)
