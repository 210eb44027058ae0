"""A process ignores zone data from its environment and uses the packaged zones."""

from pathlib import Path

import httpx
import pytest

from scheduler.clinic import zone_rules
from scheduler.storage.database import Database
from tests.builders.cast import settle
from tests.load import rush
from tests.support import zones
from tests.support.servers import Servers, api_key

pytestmark = pytest.mark.slow


def test_zone_data_of_the_machine_is_ignored(sqlite_url: str, tmp_path: Path) -> None:
    # By this machine New York is nine hours ahead of Greenwich.
    zones.make(tmp_path / "zones", "America/New_York", "+9")
    database = Database(sqlite_url)
    with database.transaction() as session:
        cast = settle(session)
    key = api_key(database)
    database.close()
    day = rush.monday().isoformat()

    with Servers(sqlite_url, environment={"PYTHONTZPATH": str(tmp_path / "zones")}) as servers:
        address = servers.addresses[0]
        slots = httpx.get(
            f"{address}/api/v1/slots",
            params={"treatment_id": cast.back, "from": day, "to": day},
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        ).json()
        health = httpx.get(f"{address}/health/ready", timeout=30).json()

    nine = rush.at(rush.monday(), 9 * 60)
    assert slots["items"][0]["starts_at"] == nine.isoformat()
    assert health["zone_data"] == zone_rules.packaged_version()
