"""People want sessions that begin a few minutes apart, through real servers, again and again."""

from datetime import datetime, timedelta
from random import Random

import pytest

from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.load import rush
from tests.support.chaos import examples, only_in_chaos
from tests.support.servers import Servers, api_key

CLIENTS = 8
EACH = examples(20, 60)
SESSIONS = 3
FIRST, LAST = 10 * 60, 15 * 60
"""Between these minutes of the day, any of which will do, every session begins."""


def jittered(number: int) -> list[datetime]:
    """One session a week, each at some minute of the middle of the day."""
    chance = Random(number)  # noqa: S311 - chance without secrets
    return [
        rush.at(rush.monday() + timedelta(weeks=week), chance.randint(FIRST, LAST))
        for week in range(SESSIONS)
    ]


@pytest.mark.parametrize("database_kind", ["sqlite", *only_in_chaos("postgresql")])
def test_no_two_sessions_overlap_and_no_course_is_booked_by_half(
    database: Database, busy_clinic: Cast, servers: Servers
) -> None:
    bodies = [
        {
            **rush.course_of(busy_clinic, number, jittered(number)),
            "allow": ["off_grid"],
            "reason": "Any minute will do.",
        }
        for number in range(CLIENTS * EACH)
    ]

    answers = rush.book_at_once(servers.addresses, api_key(database), bodies, clients=CLIENTS)

    assert rush.outcome(database) == rush.whole(answers, SESSIONS)
    told = rush.statuses(answers)
    assert sum(told.values()) == len(bodies)
    assert told[201] > 0
    assert told.keys() <= {201, 409, 503}
    assert all(answer.retry_after for answer in answers if answer.status == 503)
    assert all(answer.body["conflicts"] for answer in answers if answer.status == 409)
