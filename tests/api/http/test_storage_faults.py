"""When storage refuses writes, reading goes on, health says why, and no restart is needed."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, event, text
from sqlmodel import select

from scheduler.audit import unrecorded_views
from scheduler.clinic.models import Room
from scheduler.infra.errors import Unavailable
from scheduler.storage import database as databases
from scheduler.storage.database import Database
from scheduler.storage.reserved_file import ReservedFile
from tests.api.conftest import Desk, TestClient
from tests.builders.cast import Cast

pytestmark = pytest.mark.both_databases

FULL = databases.DISK_FULL


def add(desk: Desk, cast: Cast, name: str) -> int:
    return desk.post("/rooms", {"clinic_id": cast.clinic, "name": name}).status_code


@pytest.fixture
def full(database: Database, desk: Desk) -> Iterator[ExitStack]:
    """The database has no room for another bed until this is closed."""
    with ExitStack() as stack:
        if database.is_sqlite:
            _fill_sqlite(database, stack)
        else:
            _fill_postgresql(database, stack)
        yield stack


def _fill_sqlite(database: Database, stack: ExitStack) -> None:
    # A bed brings with it what does not fit into the pages that there are.
    with database.transaction() as session:
        session.execute(text("CREATE TABLE filling (words BLOB)"))
        session.execute(
            text(
                "CREATE TRIGGER big AFTER INSERT ON rooms BEGIN"
                " INSERT INTO filling (words) VALUES (zeroblob(100000)); END"
            )
        )
    most = {"pages": 1}  # SQLite makes it as many as there are already

    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most['pages']}")

    event.listen(database.engine, "begin", limit)
    stack.callback(lambda: most.update(pages=1 << 30))


def _fill_postgresql(database: Database, stack: ExitStack) -> None:
    # The server says it as it would when a write to its disk failed.
    with database.transaction() as session:
        session.execute(
            text(
                "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER no_space BEFORE INSERT ON rooms"
                " FOR EACH ROW EXECUTE FUNCTION no_space()"
            )
        )

    def free() -> None:
        with database.transaction() as session:
            session.execute(text("DROP TRIGGER no_space ON rooms"))

    stack.callback(free)


def test_a_full_disk_is_told_and_forgotten_when_there_is_room_again(
    desk: Desk,
    client: TestClient,
    cast: Cast,
    full: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert client.get("/health/ready").status_code == 200

    refused, read = add(desk, cast, "Bed 3"), desk.get("/rooms")

    assert (refused, read.status_code) == (503, 200)
    health = client.get("/health/ready")
    assert (health.status_code, health.json()["problems"]) == (503, [FULL])
    full.close()
    assert add(desk, cast, "Bed 4") == 201
    monkeypatch.setattr(databases, "FAULT_SECONDS", 0.0)
    assert client.get("/health/ready").status_code == 200


@pytest.fixture
def views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReservedFile:
    """The file for views that the database does not take."""
    file = ReservedFile(tmp_path / "views")
    monkeypatch.setattr(unrecorded_views, "file_for", lambda *_: file)
    return file


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_database_that_became_a_copy_to_read_from_is_read_and_not_written(
    desk: Desk,
    database: Database,
    cast: Cast,
    postgresql_server: psycopg.Connection,
    views: ReservedFile,
) -> None:
    name = database.url.database
    assert desk.get("/rooms").status_code == 200

    def become(what: str) -> None:
        setting = f"SET default_transaction_read_only = {what}"
        postgresql_server.execute(f"ALTER DATABASE {name} {setting}")
        postgresql_server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )

    become("on")
    refused, read = add(desk, cast, "Bed 3"), desk.get("/rooms")
    patients = desk.get("/patients")
    health = desk.client.get("/health/ready").json()["problems"]
    become("off")

    assert (refused, read.status_code, patients.status_code) == (503, 200, 200)
    assert len(views.lines()) == len(patients.json()["items"])
    assert health == [databases.READ_ONLY]
    assert add(desk, cast, "Bed 4") == 201


def test_who_finds_no_connection_free_is_told_so_soon(postgresql_url: str) -> None:
    small = Database(postgresql_url, pool_size=1, patience=0.3)

    with (
        small.transaction(write=False) as one,
        small.transaction(write=False) as other,
    ):
        for session in (one, other):
            session.exec(select(Room.id)).all()
        with pytest.raises(Unavailable), small.transaction(write=False) as third:
            third.exec(select(Room.id)).all()
    with small.transaction(write=False) as session:
        assert session.exec(select(Room.id)).all() == []
    small.close()
