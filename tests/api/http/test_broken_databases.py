"""The API survives full disks, lost connections, deadlocks and long readers."""

import resource
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from scheduler.clinic.models import Room
from scheduler.storage.database import Busy, Database
from tests.api.conftest import Desk
from tests.builders.cast import Cast, settle
from tests.support.servers import Servers, api_key

ADDRESS = "/api/v1/rooms"


@pytest.fixture
def kept(postgresql_url: str) -> Database:
    """A database on PostgreSQL with the cast in it."""
    database = Database(postgresql_url)
    with database.transaction() as session:
        settle(session)
    return database


def lock(session: Session, room: int) -> None:
    session.execute(text("UPDATE rooms SET active = active WHERE id = :room"), {"room": room})


def wait_no_longer(one: Session, other: Session) -> None:
    lock(one, 1)
    other.execute(text("SET LOCAL lock_timeout = '50ms'"))
    lock(other, 1)


def serialize(one: Session, other: Session) -> None:
    other.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    other.execute(text("SELECT 1 FROM rooms")).all()
    lock(one, 1)
    one.commit()
    lock(other, 1)


def lock_crosswise(one: Session, other: Session) -> None:
    lock(one, 1)
    lock(other, 2)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(lock, one, 2)
        try:
            lock(other, 1)
        finally:
            # Whichever of the two is not sent back may go on when the other is.
            other.rollback()
            waiting.result()


@pytest.mark.parametrize("meet", [wait_no_longer, serialize, lock_crosswise])
def test_who_met_another_writer_of_postgresql_may_try_again(
    kept: Database, meet: Callable[[Session, Session], None]
) -> None:
    with (
        pytest.raises(Busy),
        kept.transaction() as other,
        Session(kept.engine) as one,
    ):
        meet(one, other)
    kept.close()


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_connections_that_are_cut_cost_nobody_an_answer(
    desk: Desk, database: Database, cast: Cast, postgresql_server: psycopg.Connection
) -> None:
    ours = database.url.database
    done = threading.Event()

    def cut() -> None:
        postgresql_server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [ours]
        )

    def go_on_cutting() -> None:
        while not done.wait(0.1):
            cut()

    def add(number: int) -> tuple[int, str]:
        name = f"Room {number:02}"
        return desk.post("/rooms", {"clinic_id": cast.clinic, "name": name}).status_code, name

    with ThreadPoolExecutor(5) as threads:
        threads.submit(go_on_cutting)
        answers = list(threads.map(add, range(40)))
        done.set()
    cut()
    after = add(99)

    assert after[0] == 201, "what lies cut in the pool is noticed before it is used"
    assert {status for status, _ in answers} <= {201, 503}
    with database.transaction(write=False) as session:
        there = set(session.exec(select(Room.name)))
    assert {room for status, room in answers if status == 201} <= there


@pytest.mark.slow
def test_a_full_disk_stops_writing_and_nothing_else(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        cast = settle(session)
    key = api_key(database)
    with Servers(sqlite_url) as servers:
        desk = httpx.Client(
            base_url=servers.addresses[0], headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        server = servers.processes[0].pid

        def add(name: str) -> int:
            body = {"clinic_id": cast.clinic, "name": name}
            return desk.post(ADDRESS, json=body).status_code

        assert add("Bed 3") == 201
        free = resource.prlimit(server, resource.RLIMIT_FSIZE)
        full = (tmp_path / "scheduler.db-wal").stat().st_size
        resource.prlimit(server, resource.RLIMIT_FSIZE, (full, free[1]))
        refused = add("Bed 4")
        read = desk.get(ADDRESS)
        patients = desk.get("/api/v1/patients")
        resource.prlimit(server, resource.RLIMIT_FSIZE, free)

        assert (refused, read.status_code, patients.status_code) == (503, 200, 200)
        assert add("Bed 5") == 201
        desk.close()
    with database.transaction(write=False) as session:
        assert session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        assert sorted(session.exec(select(Room.name))) == ["Bed 1", "Bed 2", "Bed 3", "Bed 5"]
    database.close()


@pytest.mark.slow
def test_a_reader_who_stays_lets_the_log_grow_only_while_it_stays(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        settle(session)
    log = tmp_path / "scheduler.db-wal"

    def write(times: int) -> int:
        for turn in range(times):
            with database.transaction() as session:
                session.execute(
                    text("UPDATE treatments SET tips = :words"),
                    # All of it differs each time: SQLite does not write again what is the same.
                    {"words": f'{{"before": "{str(turn % 10) * 40_000}"}}'},
                )
        return log.stat().st_size

    with database.transaction(write=False) as session:
        session.exec(select(Room.id)).all()
        grown = write(200)
    after = write(200)

    assert 4_000_000 < grown < 64_000_000
    assert after <= grown + 1_000_000
    database.close()
