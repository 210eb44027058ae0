"""On a full disk, staff read on. Their views are written to a file, and recorded later."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, event, text

from scheduler.audit import unrecorded_views
from scheduler.audit.unrecorded_views import bring_in
from scheduler.storage import database as databases
from scheduler.storage.database import Database
from scheduler.storage.reserved_file import ReservedFile
from tests.api.conftest import Desk, TestClient
from tests.api.courses.test_courses import book
from tests.builders.cast import NOW, Cast
from tests.builders.clock import FrozenClock
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_databases

FULL = (
    "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
    "CREATE TRIGGER no_space BEFORE INSERT ON audit_entries"
    " FOR EACH ROW EXECUTE FUNCTION no_space()",
    "CREATE TRIGGER no_space BEFORE INSERT OR UPDATE ON rooms"
    " FOR EACH ROW EXECUTE FUNCTION no_space()",
    "CREATE TRIGGER no_space BEFORE UPDATE ON api_keys FOR EACH ROW EXECUTE FUNCTION no_space()",
)
WRITES = (("INSERT", "audit_entries"), ("INSERT", "rooms"), ("UPDATE", "api_keys"))
BIG = (
    "CREATE TABLE filling (words BLOB)",
    *(
        f"CREATE TRIGGER big_{what}_{table} AFTER {what} ON {table} BEGIN"
        " INSERT INTO filling (words) VALUES (zeroblob(100000)); END"
        for what, table in [
            ("INSERT", "audit_entries"),
            ("INSERT", "rooms"),
            ("UPDATE", "api_keys"),
        ]
    ),
)


@pytest.fixture
def views(database: Database, tmp_path: Path) -> ReservedFile:
    return ReservedFile(tmp_path / "views")


@pytest.fixture
def looks(database: Database, desk: Desk, cast: Cast) -> dict[str, str]:
    """The addresses that show a patient, each with what it is of."""
    course = book(desk, cast, 0, 7)
    appointment = course["appointments"][0]["id"]
    return {
        "/patients": "patient",
        f"/patients/{cast.ann}": "patient",
        f"/courses/{course['id']}": "course",
        f"/courses/{course['id']}/messages": "course",
        f"/courses/{course['id']}/history": "course",
        f"/appointments/{appointment}": "appointment",
        "/reviews": "",
        "/replies": "",
    }


@pytest.fixture
def full(
    database: Database,
    desk: Desk,
    looks: dict[str, str],
    views: ReservedFile,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ExitStack]:
    """The disk is full until this is closed."""
    monkeypatch.setattr(unrecorded_views, "file_for", lambda *_: views)
    views.reserve()
    with ExitStack() as stack:
        with database.transaction() as session:
            for statement in BIG if database.is_sqlite else FULL:
                session.execute(text(statement))
        if database.is_sqlite:
            _limit_pages(database, stack)
        else:
            stack.callback(_free_postgresql, database)
        yield stack


def _limit_pages(database: Database, stack: ExitStack) -> None:
    most = {"pages": 1}  # SQLite makes it as many as there are already

    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most['pages']}")

    event.listen(database.engine, "begin", limit)
    stack.callback(lambda: most.update(pages=1 << 30))


def _free_postgresql(database: Database) -> None:
    with database.transaction() as session:
        for table in ("audit_entries", "rooms", "api_keys"):
            session.execute(text(f"DROP TRIGGER no_space ON {table}"))


def recorded(desk: Desk) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = desk.get("/audit", limit="100").json()["items"]
    return [entry for entry in entries if entry["deed"] == "looked at"]


def test_reading_goes_on_and_is_recorded_later(
    desk: Desk, database: Database, looks: dict[str, str], full: ExitStack, views: ReservedFile
) -> None:
    before = recorded(desk)

    answers = {path: desk.get(path) for path in looks}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(
        looks, 200
    )
    assert recorded(desk) == before
    full.close()
    bring_in(database, views)
    new = [entry for entry in recorded(desk) if entry not in before]
    assert {entry["request_id"] for entry in new} == {
        answer.headers["x-request-id"] for path, answer in answers.items() if looks[path]
    }
    assert {entry["subject"] for entry in new} == {"patient", "course", "appointment"}
    assert {datetime.fromisoformat(entry["at"]) for entry in new} == {NOW}
    assert {entry["actor_kind"] for entry in new} == {"staff"}
    assert views.lines() == []


def test_a_change_is_refused_on_a_full_disk(
    desk: Desk, client: TestClient, cast: Cast, full: ExitStack
) -> None:
    desk.get(f"/patients/{cast.ann}")

    answer = desk.post("/rooms", {"clinic_id": cast.clinic, "name": "Bed 3"})

    assert answer.status_code == 503
    assert client.get("/health/ready").json()["problems"] == [databases.DISK_FULL]


def test_a_look_that_cannot_be_written_anywhere_is_refused(
    desk: Desk, cast: Cast, full: ExitStack, views: ReservedFile
) -> None:
    views.path.unlink(missing_ok=True)
    views.path.mkdir()

    assert desk.get(f"/patients/{cast.ann}").status_code == 503


def test_what_was_brought_in_before_a_crash_is_not_brought_in_twice(
    desk: Desk, database: Database, cast: Cast, full: ExitStack, views: ReservedFile
) -> None:
    desk.get("/patients")
    copy = shutil.copy(views.path, views.path.with_suffix(".copy"))
    full.close()
    bring_in(database, views)
    once = recorded(desk)
    shutil.copy(copy, views.path)

    bring_in(database, views)

    assert recorded(desk) == once


def test_a_key_whose_last_use_cannot_be_written_is_a_key_all_the_same(
    desk: Desk, cast: Cast, clock: FrozenClock, full: ExitStack
) -> None:
    clock.move(hours=2)

    assert desk.get(f"/patients/{cast.ann}").status_code == 200
    assert desk.get("/rooms").status_code == 200


def test_the_application_brings_in_what_it_finds_when_it_starts(
    app: FastAPI, desk: Desk, full: ExitStack, views: ReservedFile
) -> None:
    before = recorded(desk)
    seen = desk.get("/patients").headers["x-request-id"]
    full.close()

    with TestClient(app):
        assert wait_until(lambda: not views)

    new = [entry for entry in recorded(desk) if entry not in before]
    assert {entry["request_id"] for entry in new} == {seen}
