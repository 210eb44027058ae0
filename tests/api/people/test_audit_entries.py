"""Every change through the API leaves an entry in the audit trail."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import func, select

from scheduler.api.http import openapi
from scheduler.audit.audit_trail import AuditEntry
from scheduler.storage.database import Database
from tests.api.conftest import API, Desk, FrozenClock
from tests.builders.cast import Cast
from tests.builders.one_of_each import Ids, furnish

CHANGES_NOTHING = {("POST", "/course-plans"), ("POST", "/reminder-rules/preview")}
"""Routes that only answer a question."""

Route = tuple[str, str, dict[str, Any]]
Furnished = tuple[Ids, Callable[[], None]]


def changing_routes(app: FastAPI) -> Iterator[Route]:
    """The routes that are not GET."""
    for path, methods in openapi.document(app)["paths"].items():
        for method, described in methods.items():
            if method != "get":
                yield method.upper(), path.removeprefix(API), described


def count(database: Database) -> int:
    with database.transaction(write=False) as session:
        return session.exec(select(func.count()).select_from(AuditEntry)).one()


@pytest.fixture
def furnished(database: Database, cast: Cast, tmp_path: Path) -> Furnished:
    """The ids of one row of each kind, and a function that puts these rows back."""
    ids = furnish(database, cast)
    database.copy(tmp_path / "furnished.db")

    def put_back() -> None:
        database.close()
        shutil.copyfile(tmp_path / "furnished.db", str(database.url.database))

    return ids, put_back


def test_every_change_leaves_an_entry(
    app: FastAPI, desk: Desk, database: Database, clock: FrozenClock, furnished: Furnished
) -> None:
    """Each route is tried on the same rows: before the first session, and after it has begun."""
    ids, put_back = furnished
    routes = {(method, path): described for method, path, described in changing_routes(app)}
    silent, made = set(), set()

    def send(route: tuple[str, str]) -> int:
        method, path = route
        path = path.format(**ids.by_parameter)
        return desk.send(method, path, ids.body(routes[route])).status_code

    for days in (0, 23):
        clock.move(days=days)
        for method, path in routes:
            put_back()
            # What a route undoes has to be done first.
            done = "POST", path.replace("restoration", "cancellation")
            if done in routes and done != (method, path):
                send(done)
            before = count(database)
            if send((method, path)) < 400:
                made.add((method, path))
                if count(database) == before:
                    silent.add((method, path))

    assert silent == CHANGES_NOTHING
    # The others need a course, an offer or a text in another state.
    assert len(made) >= 54
