"""Books a course repeatedly and is killed at each boundary in turn: `URL KEY FIRST BODY`.

Each attempt is a child process with the whole program in it. It is killed (SIGKILL) before the nth
writing statement, before the nth commit or after it. Prints as JSON what was in the tables after
each attempt, and how the same request was answered when no process died. A FIRST course is booked
before, so that the children find warm caches.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any
from typing import cast as as_if

from sqlalchemy import event, text
from sqlmodel import Session

from scheduler import app as application
from scheduler.http.context import Context
from scheduler.infra.clock import use_packaged_zones
from scheduler.infra.settings import Settings
from scheduler.storage.database import Database
from tests.api.conftest import KEY, Desk, TestClient
from tests.builders.cast import NOW
from tests.builders.clock import FrozenClock

TABLES = ("courses", "appointments", "diary", "idempotency_keys", "messages", "audit_entries")
MOST = 300
"""Boundaries that no booking has."""

# Once for all children: to build it takes longer than to book.
SETTINGS = Settings(_env_file=None, secret_key=KEY, public_url="http://testserver")
APP = application.create(SETTINGS, as_if("Database", None), FrozenClock(NOW))


def main() -> None:
    """Kill, look, and kill a little later, until a course is there; then ask for it twice more."""
    use_packaged_zones()
    url, key = sys.argv[1:3]
    first, body = map(json.loads, sys.argv[3:5])
    assert book(url, key, first, named="first")[0] == 201
    found = [rows(url)]
    for boundary in range(1, MOST):
        died = in_a_child(lambda: book(url, key, body, die_at=boundary)) is None  # noqa: B023 - called at once
        found.append(rows(url))
        if not died or found[-1] != found[0]:
            break
    again = [in_a_child(lambda: book(url, key, body)) for _ in range(2)]
    told = {"found": found, "died": died, "again": again, "after": rows(url)}
    sys.stdout.write(json.dumps(told))


def book(url: str, key: str, body: dict[str, Any], *, named: str = "once", die_at: int = 0) -> Any:
    """Ask for a course: the status, whether it was an answer given before, and the answer."""
    database = Database(url)
    passed = count(1)

    def boundary(*_: Any) -> None:
        if next(passed) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(_connection: Any, _cursor: Any, words: str, *_: Any) -> None:
        # A process that dies at a reading statement leaves what it would leave at the next write.
        if not words.startswith(("SELECT", "PRAGMA", "BEGIN")):
            boundary()

    event.listen(database.engine, "before_cursor_execute", statement)
    event.listen(database.engine, "commit", boundary)
    event.listen(Session, "after_commit", boundary)
    APP.state.context = Context(database, SETTINGS, FrozenClock(NOW))
    with TestClient(APP) as client:
        answer = Desk(client, key).post("/courses", body, idempotency_key=named)
    database.close()
    return answer.status_code, answer.headers.get("Idempotency-Replayed"), answer.json()


def rows(url: str) -> list[int]:
    """How many rows there are in each table."""
    database = Database(url)
    with database.transaction(write=False) as session:
        counts = [
            int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
            for table in TABLES
        ]
    database.close()
    return counts


def in_a_child(deed: Callable[[], Any]) -> Any:
    """The call's result, or None if the child died."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(theirs, json.dumps(deed()).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    if status:
        raise RuntimeError(f"the child ended with {status}")
    return json.loads(said)


if __name__ == "__main__":
    main()
