"""Staff preview bulk texts, confirm the number of people, and stop them."""

from datetime import timedelta

import pytest

from scheduler.reminders.models import MassText
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.builders.cast import NOW, Cast


def hold(database: Database, clinic_id: int) -> str:
    """The address of a batch without any remaining recipients."""
    with database.transaction() as session:
        batch = MassText(
            clinic_id=clinic_id,
            begins_at=NOW - timedelta(minutes=1),
            ends_at=NOW + timedelta(hours=1),
            opened_at=NOW,
        )
        session.add(batch)
        session.flush()
        return f"/mass-texts/{batch.id}"


@pytest.mark.both_databases
def test_what_waits_is_listed_and_shown(desk: Desk, database: Database, cast: Cast) -> None:
    address = hold(database, cast.clinic)

    [listed] = desk.get("/mass-texts", state="held").json()["items"]
    shown = desk.get(address)

    assert listed["state"] == "held"
    assert shown.headers["ETag"] == '"1"'
    assert (shown.json()["would_text"], shown.json()["samples"]) == (0, [])


def test_another_number_is_refused_with_the_one_that_it_is_now(
    desk: Desk, database: Database, cast: Cast
) -> None:
    address = hold(database, cast.clinic)

    refused = desk.post(f"{address}/confirmation", {"people": 73})

    assert (refused.status_code, refused.json()["people"]) == (409, 0)
    assert refused.json()["type"] == "/problems/other-people"
    assert desk.get(address).json()["state"] == "held"


@pytest.mark.both_databases
def test_it_is_confirmed_once_and_may_be_stopped_after(
    desk: Desk, database: Database, cast: Cast
) -> None:
    address = hold(database, cast.clinic)

    confirmed = desk.post(f"{address}/confirmation", {"people": 0}, if_match='"1"')
    again = desk.post(f"{address}/confirmation", {"people": 0})
    stale = desk.post(f"{address}/stop", if_match='"1"')
    stopped = desk.post(f"{address}/stop")

    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "confirmed")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not-held")
    assert stale.status_code == 412
    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")


def test_another_clinics_is_not_there(local_desk: Desk, database: Database, other: Cast) -> None:
    address = hold(database, other.clinic)

    assert local_desk.get(address).status_code == 404
    assert local_desk.post(f"{address}/confirmation", {"people": 0}).status_code == 404
    assert local_desk.post(f"{address}/stop").status_code == 404
    assert local_desk.get("/mass-texts").json()["items"] == []
