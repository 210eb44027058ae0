"""Cursors and methods that a route does not know get a 422 or a 405, on every route."""

import base64
import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path

from tests.api.conftest import Desk, TestClient
from tests.builders.cast import Cast

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
CURSORS: tuple[Any, ...] = (
    ["a", 1],
    [1, "a"],
    ["a"],
    [None, 1],
    [1.5, 1],
    [True, 1],
    [[1], 1],
    [{}, 1],
    [-1, 1],
    [1, 1, 1],
    [2**70, 1],
    [],
    {},
    7,
)


def addresses(app: FastAPI) -> dict[str, set[str]]:
    """The methods of each path, with 1 for the ids in it."""
    found: dict[str, set[str]] = {}
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            found.setdefault(route.path_format or "", set()).update(route.methods or ())
    return found


def filled(path: str, value: str = "1") -> str:
    """The path with a value for each parameter."""
    return "/".join(
        part[: part.index("{")] + value + part[part.index("}") + 1 :] if "{" in part else part
        for part in path.split("/")
    )


def is_shadowed(path: str, other: str) -> bool:
    """Whether a route with `other` as its path would take a request for `path`."""
    return path != other and bool(compile_path(other)[0].match(path))


@pytest.fixture
def lists(app: FastAPI) -> list[str]:
    """The path of every list of the API, with 1 for the ids in it."""
    paths = [
        filled(route.path_format or "")
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and "cursor" in parameters(route.dependant)
    ]
    assert len(paths) > 15
    return paths


def parameters(dependant: Any) -> list[str]:
    """The names of a route's query parameters."""
    own = [field.alias for field in dependant.query_params]
    return own + [name for inner in dependant.dependencies for name in parameters(inner)]


@pytest.mark.slow
def test_a_forged_cursor_is_refused_by_every_list(
    client: TestClient, desk: Desk, cast: Cast, lists: list[str]
) -> None:
    wrong = []
    for path in lists:
        for keys in CURSORS:
            cursor = base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()
            answer = desk.get(path.removeprefix("/api/v1"), cursor=cursor)
            if answer.status_code not in {404, 422}:
                wrong.append((path, keys, answer.status_code))

    assert wrong == []
    assert desk.get("/attention", cursor="WyJhIiwxXQ==").json()["errors"][0]["field"] == "cursor"


@pytest.mark.slow
def test_a_wrong_method_is_405_on_every_route_and_names_the_right_ones(
    client: TestClient, app: FastAPI
) -> None:
    wrong = []
    for path, methods in addresses(app).items():
        for method in {*METHODS} - methods:
            answer = client.request(method, filled(path))
            allowed = set(answer.headers.get("Allow", "").split(", "))
            if (answer.status_code, allowed) != (405, methods):
                wrong.append((method, path, answer.status_code, allowed))

    assert wrong == []


def test_some_routes_stand_in_front_of_others(app: FastAPI) -> None:
    paths = addresses(app)

    shadowed = {path for path in paths for other in paths if is_shadowed(path, other)}

    assert "/api/v1/reminder-rules/preview" in shadowed, "else the test above proves less"


def test_a_static_file_is_only_read(client: TestClient) -> None:
    answer = client.post("/static/style.css")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
