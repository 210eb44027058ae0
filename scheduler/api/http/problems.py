"""Writes errors as RFC 9457 `application/problem+json`."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from scheduler.api.http.problem_members import members_of
from scheduler.http.idempotency import Replay
from scheduler.http.request_gate import TooLong, TooSlow, WrongHost
from scheduler.infra.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    Problem,
    Stale,
    TooMany,
    Unavailable,
)
from scheduler.phrases import errors as error_phrases
from scheduler.staff.accounts import NotSignedIn

MEDIA_TYPE = "application/problem+json"


class WrongType(Problem):
    sentence = "Send the body as JSON, with the header Content-Type: application/json."

    slug = "wrong-type"


# The first match counts, so a subclass stands above its base class.
STATUS: tuple[tuple[type[Problem], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (Stale, 412),
    (Conflict, 409),
    (Invalid, 422),
    (TooMany, 429),
    (WrongType, 415),
    (TooLong, 413),
    (TooSlow, 408),
    (WrongHost, 400),
    (Unavailable, 503),
)
SENTENCES = {
    400: "The request cannot be read.",
    404: "No route has this address. Check the path.",
    405: "This address does not support the method. The Allow header lists those it supports.",
    500: "The server failed to answer. Report the request id to its operator.",
}


def answer(problem: Exception, *, request_id: str) -> JSONResponse:
    """The response to an error. It reveals no internals of the program."""
    match problem:
        case Problem():
            answer = _of_problem(problem, request_id)
        case Replay():
            headers = {"Idempotency-Replayed": "true"}
            if problem.etag is not None:
                headers["ETag"] = problem.etag
            answer = JSONResponse(problem.answer, problem.status, headers=headers)
        case RequestValidationError():
            answer = _of_fields(problem, request_id)
        case HTTPException():
            answer = _of_status(problem, request_id)
        case _:
            answer = render(500, "internal", SENTENCES[500], request_id)
    return answer


def render(
    status: int,
    slug: str,
    sentence: str,
    request_id: str,
    *,
    errors: Sequence[dict[str, str]] = (),
    headers: dict[str, str] | None = None,
    members: dict[str, Any] | None = None,
) -> JSONResponse:
    """A problem as JSON. `type` is stable, `detail` is a sentence, `errors` name fields."""
    body = {
        "type": f"/problems/{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
        "request_id": request_id,
        **({"errors": list(errors)} if errors else {}),
        **(members or {}),
    }
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def status_of(problem: Problem) -> int:
    """The status code of a problem."""
    return next((status for kind, status in STATUS if isinstance(problem, kind)), 500)


def path_of(place: Sequence[str | int]) -> str:
    """The path of a field in a request: `phases[0].sessions`."""
    path = ""
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _of_problem(problem: Problem, request_id: str) -> JSONResponse:
    status = status_of(problem)
    if status == 500:
        return render(500, "internal", SENTENCES[500], request_id)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="scheduler"'
    if isinstance(problem, TooMany):
        headers["Retry-After"] = str(problem.retry_after)
    if status == 503:
        headers["Retry-After"] = "2"
    sentence = error_phrases.sentence(problem)
    errors = [{"field": problem.field, "message": sentence}] if problem.field else []
    return render(
        status,
        problem.slug,
        sentence,
        request_id,
        errors=errors,
        headers=headers,
        members=members_of(problem).model_dump(mode="json", exclude_unset=True),
    )


def _of_fields(problem: RequestValidationError, request_id: str) -> JSONResponse:
    found = problem.errors()
    if any(error["type"] == "json_invalid" for error in found):
        return render(
            400, "broken-json", "The body is not valid JSON. Check its syntax.", request_id
        )
    errors = [
        {"field": path_of(error["loc"][1:]) or str(error["loc"][0]), "message": _message(error)}
        for error in found[:50]
    ]
    named = ", ".join(dict.fromkeys(error["field"] for error in errors[:5]))
    return render(
        422,
        "unfit",
        f"The request contains invalid values: {named}. See `errors`.",
        request_id,
        errors=errors,
    )


def _message(error: dict[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "This field does not exist. Remove it, or check its spelling."
    return str(error["msg"]).removeprefix("Value error, ")


def _of_status(problem: HTTPException, request_id: str) -> JSONResponse:
    status = problem.status_code
    sentence = SENTENCES.get(status, HTTPStatus(status).phrase)
    slug = HTTPStatus(status).phrase.lower().replace(" ", "-")
    headers = dict(problem.headers) if problem.headers else None
    return render(status, slug, sentence, request_id, headers=headers)
