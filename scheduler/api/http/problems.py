"""What went wrong, as programs read it: RFC 9457, `application/problem+json`."""

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
    sentence = "Please send JSON, and say so: Content-Type: application/json."

    slug = "wrong-type"


# The first that fits counts: a kind stands below what is more particular.
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
    400: "This request could not be read.",
    404: "There is nothing at this address.",
    405: "This address does not take that method; the Allow header says what it takes.",
    500: "Something went wrong here. It is our fault; the request id helps us to find out.",
}


def answer(problem: Exception, *, request_id: str) -> JSONResponse:
    """What is sent for an error. Nothing of how the program works stands in it."""
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
    """A problem as JSON. `type` is stable; `detail` is for people; `errors` name fields."""
    said = {
        "type": f"/problems/{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
        "request_id": request_id,
        **({"errors": list(errors)} if errors else {}),
        **(members or {}),
    }
    return JSONResponse(said, status, headers=headers, media_type=MEDIA_TYPE)


def status_of(problem: Problem) -> int:
    """The status code of a kind of problem."""
    return next((status for kind, status in STATUS if isinstance(problem, kind)), 500)


def path_of(place: Sequence[str | int]) -> str:
    """A place in a request as people write it: phases[0].sessions."""
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
        return render(400, "broken-json", "The body is not JSON that can be read.", request_id)
    errors = [
        {"field": path_of(error["loc"][1:]) or str(error["loc"][0]), "message": _message(error)}
        for error in found[:50]
    ]
    named = ", ".join(dict.fromkeys(error["field"] for error in errors[:5]))
    return render(
        422, "unfit", f"Some of this cannot be taken as it is: {named}.", request_id, errors=errors
    )


def _message(error: dict[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "There is no such field."
    return str(error["msg"]).removeprefix("Value error, ")


def _of_status(problem: HTTPException, request_id: str) -> JSONResponse:
    status = problem.status_code
    sentence = SENTENCES.get(status, HTTPStatus(status).phrase)
    slug = HTTPStatus(status).phrase.lower().replace(" ", "-")
    headers = dict(problem.headers) if problem.headers else None
    return render(status, slug, sentence, request_id, headers=headers)
