"""The application reports errors clearly, and its OpenAPI document and health checks are true."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from scheduler import app as application
from scheduler.clinic import zone_rules
from scheduler.clinic.models import Room
from scheduler.http.request_gate import MAX_BODY_BYTES
from scheduler.infra.clock import SystemClock
from scheduler.infra.settings import Settings
from scheduler.reminders.models import Message
from scheduler.storage.database import Database
from tests.api.conftest import API, KEY, Desk, TestClient
from tests.builders.cast import Cast
from tests.builders.clock import FrozenClock

pytestmark = pytest.mark.both_databases


def rooms(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        return sorted(session.exec(select(Room.name)))


def test_a_commit_that_fails_is_never_told_as_done(
    desk: Desk, database: Database, cast: Cast
) -> None:
    class Full(Exception):
        sqlstate = "53100"

    def mark(session: Session, _context: object) -> None:
        session.info["adds_a_room"] = session.info.get("adds_a_room") or any(
            isinstance(row, Room) for row in session.new
        )

    def fail(session: Session) -> None:
        if session.info.get("adds_a_room"):
            raise OperationalError("COMMIT", {}, Full("disk full"))

    # Only the deed's own commit fails, not that of the look at the key before it.
    event.listen(Session, "after_flush", mark)
    event.listen(Session, "before_commit", fail)
    try:
        answer = desk.post("/rooms", {"clinic_id": cast.clinic, "name": "Bed 3"})
    finally:
        event.remove(Session, "before_commit", fail)
        event.remove(Session, "after_flush", mark)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert rooms(database) == ["Bed 1", "Bed 2"]


def test_fifty_at_once_are_all_served(desk: Desk, database: Database, cast: Cast) -> None:
    def add(number: int) -> int:
        body = {"clinic_id": cast.clinic, "name": f"Room {number:02}"}
        return desk.post("/rooms", body).status_code

    with ThreadPoolExecutor(50) as people:
        statuses = list(people.map(add, range(50)))

    assert statuses == [201] * 50
    assert len(rooms(database)) == 52


def test_an_unexpected_error_tells_nothing_of_the_inside(
    app: FastAPI, client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT phone FROM patients")

    monkeypatch.setattr("scheduler.clinic.setup.find_clinic", fail)

    answer = desk.get("/clinics/1")

    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert "SELECT" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/nothing", "text/html; charset=utf-8"),
        (f"{API}/nothing", "application/problem+json"),
        ("/hooks/nothing", "application/problem+json"),
    ],
)
def test_an_unknown_address_is_told_to_people_and_programs_alike(
    client: TestClient, path: str, kind: str
) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_wrong_method_says_which_are_right(client: TestClient) -> None:
    answer = client.delete(f"{API}/clinics")

    assert (answer.status_code, answer.json()["type"]) == (405, "/problems/method-not-allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize("path", [f"{API}/rooms", "/book"])
def test_a_body_that_is_too_long_is_refused_at_every_door(client: TestClient, path: str) -> None:
    answer = client.post(path, content=b"x" * (MAX_BODY_BYTES + 1))

    assert answer.status_code == 413


def test_another_host_is_refused(client: TestClient) -> None:
    assert client.get("/health/live", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.slow
def test_docs_ask_nothing_of_other_hosts(client: TestClient) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "").partition("<h2>")[0]
    assert "<script" not in page.text
    assert client.get("/docs/style.css").headers["content-type"].startswith("text/css")
    assert client.get("/openapi.json").json()["openapi"].startswith("3.")


def test_every_answer_of_the_api_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()

    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            assert "401" in operation["responses"], (method, path)
    assert "HTTPValidationError" not in described["components"]["schemas"]


class Sleeper:
    """A worker that says when it last moved."""

    def __init__(self) -> None:
        self.last_tick: datetime | None = None
        self.is_running = False

    def start(self) -> None:
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False


def test_a_worker_lives_and_ends_with_the_application_and_its_silence_shows(
    database: Database, settings: Settings, clock: FrozenClock
) -> None:
    worker = Sleeper()
    app = application.create(settings, database, clock, worker=worker)

    with TestClient(app) as client:
        assert worker.is_running
        assert client.get("/health/ready").json() == {
            "status": "ready",
            "problems": [],
            "zone_data": zone_rules.packaged_version(),
        }
        clock.move(seconds=61)
        assert client.get("/health/ready").status_code == 503
        worker.last_tick = clock.now()
        assert client.get("/health/ready").status_code == 200
        worker.last_tick = clock.now() + timedelta(hours=1)  # the clock was set back since
        assert client.get("/health/ready").status_code == 503
    assert not worker.is_running


def test_texts_that_do_not_go_out_show_once_the_worker_has_had_a_minute(
    database: Database, settings: Settings, clock: FrozenClock, cast: Cast
) -> None:
    with database.transaction() as session:
        session.add(
            Message(
                clinic_id=cast.clinic,
                key="test:overdue",
                kind="day_before",
                phone="+12025550101",
                text="See you tomorrow",
                due_at=clock.now() - timedelta(hours=1),
                expires_at=clock.now() + timedelta(hours=9),
                created_at=clock.now() - timedelta(hours=1),
            )
        )
    worker = Sleeper()
    app = application.create(settings, database, clock, worker=worker)

    with TestClient(app) as client:
        assert client.get("/health/ready").status_code == 200
        clock.move(seconds=61)
        worker.last_tick = clock.now()
        answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["problems"] == ["Texts are due for minutes, and none goes out."]


def set_version(database: Database, version: str) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})


def test_a_database_of_an_older_version_is_not_ready(
    client: TestClient, database: Database
) -> None:
    set_version(database, "0001")

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert "scheduler migrate" in answer.json()["problems"][0]
    assert client.get("/health/live").status_code == 200


def test_while_a_newer_program_takes_over_the_one_of_before_is_ready(
    client: TestClient, database: Database
) -> None:
    set_version(database, "9999")

    assert client.get("/health/ready").json()["problems"] == []


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[TestClient]:
    """An application whose database cannot be opened."""
    place = tmp_path / "no" / "such" / "folder"
    settings = Settings(_env_file=None, secret_key=KEY, public_url="http://testserver")
    database = Database(f"sqlite:///{place}/scheduler.db")
    app = application.create(settings, database, SystemClock())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    database.close()


def test_without_its_database_it_says_so(nowhere: TestClient) -> None:
    answers = [
        nowhere.get(f"{API}/clinics", headers={"Authorization": "Bearer ck_1_x"}),
        nowhere.get("/"),
        nowhere.get("/health/ready"),
    ]

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert answers[0].headers["Retry-After"]
    assert answers[0].json()["detail"].startswith("Our records cannot be reached")
    assert "text/html" in answers[1].headers["content-type"]
