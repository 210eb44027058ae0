"""Fifty people want the same few times at once, through two server processes on one PostgreSQL."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.load import rush
from tests.support.servers import Servers, api_key

CLIENTS = 50
SLOTS = 4
SESSIONS = 4


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    """The database that the servers share, for us to look into."""
    database = Database(postgresql_url)
    yield database
    database.close()


def courses() -> list[list[datetime]]:
    """A few courses at whole hours of a weekday, week after week: Ana alone can give them."""
    tuesday = rush.monday() + timedelta(days=1)
    return [
        [rush.at(tuesday + timedelta(weeks=week), (10 + hour) * 60) for week in range(SESSIONS)]
        for hour in range(SLOTS)
    ]


def test_each_course_is_booked_once_and_everybody_else_is_offered_other_times(
    database: Database, busy_clinic: Cast, servers: Servers
) -> None:
    wanted = courses()
    bodies = [
        rush.course_of(busy_clinic, number, wanted[number % SLOTS]) for number in range(CLIENTS)
    ]

    answers = rush.book_at_once(servers.addresses, api_key(database), bodies, clients=CLIENTS)

    assert rush.statuses(answers) == {201: SLOTS, 409: CLIENTS - SLOTS}
    assert rush.outcome(database) == rush.whole(answers, SESSIONS)
    booked = [
        [datetime.fromisoformat(session["starts_at"]) for session in answer.body["appointments"]]
        for answer in answers
        if answer.status == 201
    ]
    assert sorted(booked) == wanted
    refused = [answer.body["conflicts"] for answer in answers if answer.status == 409]
    assert all(conflicts[0]["alternatives"] for conflicts in refused)
