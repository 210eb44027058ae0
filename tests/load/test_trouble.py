"""Under every fault, each request gets an answer within five seconds, and the service recovers.

`docs/reliability.md` has the figures: `make chaos ARGS="-k trouble -s"`.
"""

from collections.abc import Iterator

import httpx
import pytest

from scheduler.storage.database import Database
from tests.builders.cast import settle
from tests.load import trouble
from tests.load.trouble import Scene
from tests.support.outages import wire_to
from tests.support.servers import Servers, api_key
from tests.support.waiting import wait_until

pytestmark = pytest.mark.chaos

PROMISED = 5.0
SECONDS = 15.0
SQLITE = ("nothing", "slow_readers", "silent_clients", "held_lock", "full_disk")
POSTGRESQL = ("nothing", "slow_readers", "silent_clients", "held_lock", "silent_database")
CASES = [("sqlite", fault) for fault in SQLITE] + [("postgresql", fault) for fault in POSTGRESQL]
GO_ON = ("nothing", "slow_readers", "silent_clients")
"""Under these, no request is refused."""


@pytest.fixture
def scene(database_url: str, database_kind: str) -> Iterator[Scene]:
    database = Database(database_url)
    with database.transaction() as session:
        cast = settle(session)
    key = api_key(database)
    database.close()
    if database_kind == "sqlite":
        with Servers(database_url, command="serve") as servers:
            yield Scene(servers, cast, key, database_url)
        return
    with wire_to(database_url) as wire, Servers(wire.address, command="serve") as servers:
        yield Scene(servers, cast, key, database_url, wire)


@pytest.mark.parametrize(("database_kind", "fault"), CASES)
def test_everybody_gets_an_answer_in_time(scene: Scene, database_kind: str, fault: str) -> None:
    trouble.people(scene, 3)  # what is slow only the first time

    with getattr(trouble, fault)(scene):
        waits = trouble.people(scene, SECONDS)

    print(f"\n{trouble.table(f'{fault}, {database_kind}', waits)}")  # noqa: T201
    assert max(wait.seconds for wait in waits) <= PROMISED
    assert 0 not in {wait.status for wait in waits}
    if fault in GO_ON:
        assert 503 not in {wait.status for wait in waits}
    headers = {"Authorization": f"Bearer {scene.key}"}
    with httpx.Client(base_url=scene.address, headers=headers, timeout=PROMISED) as client:
        path = f"/api/v1/patients/{scene.cast.ann}"
        assert wait_until(lambda: client.get(path).status_code == 200, PROMISED)
