"""Rules for every route, found by walking all routes, so that they hold for new ones too."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from scheduler.http.request_gate import HEADERS, RequestGate
from scheduler.storage.database import Database
from scheduler.web import router
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor

SCANNERS = ("facebookexternalhit/1.1", "Slackbot-LinkExpanding 1.0", "BingPreview/1.0b")
ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
)


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Each method and path of the patients' door."""
    del app
    for route in flat(router.router().routes):
        for method in sorted(route.methods - {"HEAD"}):
            yield method, route.path


def flat(found):
    """The routes within whatever FastAPI nests."""
    for match in found:
        inner = getattr(match, "original_router", None) or getattr(match, "router", None)
        if hasattr(match, "methods"):
            yield match
        elif inner is not None:
            yield from flat(inner.routes)


def places(visitor: Visitor, path: str) -> str:
    """An address of a route: with the visitor's own token, and a session of theirs."""
    token = visitor.my() if path.startswith("/my/") else visitor.base
    minute = visitor.session(2).rpartition("/")[2]
    filled = path.replace("{token}", token.rpartition("/")[2]).replace("{minute}", minute)
    return re.sub(r"\{\w+\}", "1", filled)


def test_the_walk_meets_the_routes(application: FastAPI) -> None:
    found = list(routes(application))

    assert len(found) > 30
    assert {("GET", "/my/{token}"), ("POST", "/book/{token}/code")} <= set(found)


@pytest.mark.slow
def test_every_answer_of_every_route_is_guarded(application: FastAPI, visitor: Visitor) -> None:
    visitor.reach("done")
    addresses = [(method, places(visitor, path)) for method, path in routes(application)]
    addresses += [("GET", path) for path in ("/nowhere", "/health/live", "/docs", "/api/v1/x")]

    for method, address in addresses:
        # Without our origin a POST is refused, and that answer carries the headers too.
        headers = {"Sec-Fetch-Site": "cross-site"} if method != "GET" else {}
        answer = visitor.client.request(method, address, headers=headers)
        for name in HEADERS:
            assert answer.headers.get(name), (method, address, name)
        assert "script-src" not in answer.headers["content-security-policy"] or "/docs" in address
        assert "unsafe-inline" not in answer.headers["content-security-policy"], address
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "set-cookie" not in answer.headers
        if address.startswith(("/my/", "/book/", "/offers/")):
            assert answer.headers["cache-control"] == "no-store", (method, address)
            assert answer.headers["referrer-policy"] == "no-referrer", (method, address)


def test_https_asks_browsers_to_stay_with_it(application: FastAPI) -> None:
    def behind(public_url: str) -> TestClient:
        step = RequestGate(application, public_url=public_url, answer=lambda *_: None)  # type: ignore[arg-type]
        return TestClient(step, base_url=public_url)

    assert "max-age=31536000" in behind("https://willow.example").get(
        "/static/style.css"
    ).headers.get("strict-transport-security", "")
    assert (
        "strict-transport-security"
        not in behind("http://willow.example").get("/static/style.css").headers
    )


def rows(database: Database) -> dict[str, list[str]]:
    """All that is stored."""
    with database.transaction(write=False) as session:
        return {
            table.name: [
                str(tuple(row)) for row in session.execute(text(f"SELECT * FROM {table.name}"))
            ]
            for table in SQLModel.metadata.sorted_tables
        }


@pytest.mark.slow
def test_no_get_changes_anything_whoever_looks(
    application: FastAPI, visitor: Visitor, database: Database
) -> None:
    visitor.reach("done")
    visitor.my()
    before = rows(database)

    for _, path in routes(application):
        address = places(visitor, path)  # those of a POST too: scanners try what they find
        for scanner in SCANNERS:
            visitor.client.get(address, headers={"User-Agent": scanner})
        visitor.client.head(address)

    assert rows(database) == before


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_no_post_of_another_website_is_taken(
    application: FastAPI, visitor: Visitor, database: Database, headers: dict[str, str]
) -> None:
    visitor.reach("done")
    visitor.my()
    before = rows(database)

    for method, path in routes(application):
        if method != "GET":
            answer = visitor.client.request(method, places(visitor, path), headers=headers)
            assert answer.status_code == 403, (method, path)

    assert rows(database) == before


def test_every_address_that_leads_nowhere_gets_the_same_page(
    application: FastAPI, visitor: Visitor, clock: FrozenClock
) -> None:
    pages = set()
    for method, path in routes(application):
        if method == "GET" and "{token}" in path and "{minute}" not in path:
            answer = visitor.get(re.sub(r"\{token\}", "A" * 22, path))
            pages.add(re.sub(r"href=\"\?[^\"]*\"", "", answer.text))
            clock.move(minutes=1)  # who tries many at once is refused before anything is looked up

    assert len(pages) == 1
