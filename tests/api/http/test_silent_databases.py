"""A database that does not answer, or a table that is locked: 503 soon, and no restart after it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from scheduler.storage import database as databases
from scheduler.storage.database import Database
from tests.builders.cast import Cast, settle
from tests.support.outages import Wire, wire_to
from tests.support.servers import Servers, api_key
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

PROMISED = 5.0
PATHS = ("/", "/api/v1/rooms", "/api/v1/courses", "/health/ready")


@pytest.fixture
def wire(postgresql_url: str) -> Iterator[Wire]:
    with wire_to(postgresql_url) as wire:
        yield wire


@pytest.fixture
def clinic(postgresql_url: str) -> Cast:
    database = Database(postgresql_url)
    with database.transaction() as session:
        cast = settle(session)
    database.close()
    return cast


@pytest.fixture
def client(postgresql_url: str, wire: Wire, clinic: Cast) -> Iterator[httpx.Client]:
    """An admin at a server whose connections to the database go through the wire."""
    database = Database(postgresql_url)
    key = api_key(database)
    database.close()
    with (
        Servers(wire.address, environment={"DATABASE_TIMEOUT": "1"}) as server,
        httpx.Client(
            base_url=server.addresses[0],
            headers={"Authorization": f"Bearer {key}"},
            timeout=PROMISED,
        ) as client,
    ):
        yield client


def statuses(client: httpx.Client, paths: tuple[str, ...] = PATHS) -> list[int]:
    """The answers to requests that come at the same time, 24 in all."""
    with ThreadPoolExecutor(24) as threads:
        return list(
            threads.map(lambda path: client.get(path).status_code, paths * (24 // len(paths)))
        )


def recovers(client: httpx.Client, path: str) -> bool:
    """Whether a request succeeds again within the promised time."""
    return wait_until(lambda: client.get(path).status_code == 200, PROMISED)


def test_a_database_that_falls_silent_is_reported_soon_and_used_again(
    client: httpx.Client, wire: Wire
) -> None:
    assert set(statuses(client)) == {200}

    wire.cut()
    first, second = statuses(client), statuses(client)
    live = client.get("/health/live").status_code
    problems = client.get("/health/ready").json()["problems"]
    wire.mend()

    assert {*first, *second} == {503}
    assert live == 200
    assert problems == ["The database does not answer."]
    assert recovers(client, "/api/v1/courses")
    assert recovers(client, "/health/ready")


def test_a_locked_table_stops_only_what_needs_it(
    client: httpx.Client, postgresql_url: str, clinic: Cast
) -> None:
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE courses")
        locked = statuses(client, ("/api/v1/courses",))
        others = statuses(client, ("/api/v1/rooms", "/"))
        problems = client.get("/health/ready").json()["problems"]
        other.rollback()

    assert set(locked) == {503}
    assert set(others) == {200}
    assert problems == [databases.WAITED]
    assert recovers(client, "/api/v1/courses")


def test_a_transaction_that_is_left_open_ends(postgresql_url: str, clinic: Cast) -> None:
    database = Database(postgresql_url)

    with database.transaction(write=False) as session:
        limit = session.connection().exec_driver_sql("SHOW idle_in_transaction_session_timeout")
        assert limit.scalar_one() == "1min"
    database.close()
