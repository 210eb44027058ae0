"""Every change through the API leaves an entry in the audit trail."""

from typing import Any

from fastapi import FastAPI
from sqlmodel import func, select

from scheduler.api.http import openapi
from scheduler.audit.audit_trail import AuditEntry
from scheduler.storage.database import Database
from tests.api.conftest import API, Desk, FrozenClock
from tests.builders.cast import Cast
from tests.builders.one_of_each import furnish

CHANGES_NOTHING = {("POST", "/course-plans"), ("POST", "/reminder-rules/preview")}
"""Routes that only answer a question."""

Route = tuple[str, str, dict[str, Any]]


def changing_routes(app: FastAPI, *, ending: bool) -> list[Route]:
    """The routes that are not GET: those that delete or cancel something, or the others."""
    return [
        (method.upper(), path.removeprefix(API), described)
        for path, methods in openapi.document(app)["paths"].items()
        for method, described in methods.items()
        if method != "get" and ending == (method == "delete" or "cancellation" in path)
    ]


def count(database: Database) -> int:
    with database.transaction(write=False) as session:
        return session.exec(select(func.count()).select_from(AuditEntry)).one()


def test_every_change_leaves_an_entry(
    app: FastAPI, desk: Desk, database: Database, cast: Cast, clock: FrozenClock
) -> None:
    ids = furnish(database, cast)
    starting, ending = (changing_routes(app, ending=ending) for ending in (False, True))
    silent, made = set(), set()

    # At first the sessions are in the future, then they have begun.
    for days, routes in ((0, starting), (28, starting), (0, ending)):
        clock.move(days=days, minutes=days * 6)
        for method, path, described in routes:
            before = count(database)
            answer = desk.send(method, path.format(**ids.by_parameter), ids.body(described))
            if answer.status_code < 400 and (method, path) not in made:
                made.add((method, path))
                if count(database) == before:
                    silent.add((method, path))

    assert silent == CHANGES_NOTHING
    # The others need a course, an offer or a text in another state.
    assert len(made) >= 40, len(made)
