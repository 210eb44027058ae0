"""Fifty people want the same few times at once, through two server processes on one PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from scheduler.clock import SystemClock
from scheduler.database import Database
from tests.cast import NEW_YORK, Cast, settle
from tests.servers import Servers, api_key

CLIENTS = 50
SLOTS = 4


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[Database]:
    """The database that the servers share, for us to look into."""
    database = Database(postgresql_url)
    yield database
    database.close()


@pytest.fixture
def busy_clinic(postgresql_database: Database) -> Cast:
    """The cast, with one practitioner for the treatment, so that times are scarce."""
    with postgresql_database.transaction() as session:
        cast = settle(session)
        session.execute(
            text("DELETE FROM treatment_practitioners WHERE practitioner_id = :ben"),
            {"ben": cast.ben},
        )
        return cast


@pytest.fixture
def servers(postgresql_database: Database, busy_clinic: Cast) -> Iterator[Servers]:
    with Servers(postgresql_database.url.render_as_string(hide_password=False), count=2) as started:
        yield started


def starts() -> list[datetime]:
    """A few whole hours of a weekday some weeks on: Ana alone can give them."""
    day = SystemClock().now().astimezone(NEW_YORK).date() + timedelta(weeks=3)
    while day.weekday() != 1:
        day += timedelta(days=1)
    ten = datetime(day.year, day.month, day.day, 10, 0, tzinfo=NEW_YORK)
    return [ten + timedelta(hours=hour) for hour in range(SLOTS)]


def test_each_slot_is_booked_once_and_everybody_else_is_offered_others(
    postgresql_database: Database, busy_clinic: Cast, servers: Servers
) -> None:
    key = api_key(postgresql_database)
    wanted = starts()

    def attempt(number: int) -> httpx.Response:
        with httpx.Client(base_url=servers.addresses[number % 2], timeout=60) as client:
            return client.post(
                "/api/v1/courses",
                headers={"Authorization": f"Bearer {key}"},
                json=course_of(busy_clinic, number, wanted[number % SLOTS]),
            )

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(attempt, range(CLIENTS)))

    assert Counter(each.status_code for each in answers) == {201: SLOTS, 409: CLIENTS - SLOTS}
    booked = [each.json()["appointments"][0]["starts_at"] for each in answers if each.is_success]
    assert sorted(datetime.fromisoformat(each) for each in booked) == wanted
    refused = [each.json() for each in answers if each.status_code == 409]
    assert all(each["conflicts"][0]["alternatives"] for each in refused)
    assert overlaps(postgresql_database) == 0


def course_of(cast: Cast, number: int, starts_at: datetime) -> dict[str, Any]:
    return {
        "treatment_id": cast.back,
        "patient": {
            "clinic_id": cast.clinic,
            "name": f"Client {'ABCDEFGHIJ'[number // 10]}{'abcdefghij'[number % 10]}",
            "phone": f"+120255501{number:02}",
            "language": "en",
            "sms_consent": False,
        },
        "sessions": [{"starts_at": starts_at.isoformat()}],
    }


def overlaps(database: Database) -> object:
    """How many pairs of entries share a calendar and a minute."""
    with database.transaction() as session:
        return session.execute(
            text(
                "SELECT count(*) FROM diary AS one JOIN diary AS other"
                " ON one.calendar_id = other.calendar_id AND one.id < other.id"
                " AND one.from_minute < other.to_minute AND other.from_minute < one.to_minute"
            )
        ).scalar()
