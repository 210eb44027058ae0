"""The program is killed at every write of a booking, and between the commit and the answer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.storage.database import Database
from tests.api.conftest import key_for
from tests.builders.cast import DAY, MONDAY, Cast
from tests.kill.booker import TABLES
from tests.support.chaos import only_in_chaos

ROOT = Path(__file__).resolve().parent.parent.parent
SESSIONS = 6


@pytest.mark.parametrize("database_kind", ["postgresql", *only_in_chaos("sqlite")])
def test_a_course_is_booked_whole_or_not_at_all_and_asked_for_again_it_is_the_same_one(
    database: Database, database_url: str, cast: Cast
) -> None:
    sessions = [
        {"starts_at": (MONDAY + 7 * number * DAY).isoformat()} for number in range(SESSIONS)
    ]
    bobs, anns = (
        json.dumps({"treatment_id": cast.back, "patient_id": who, "sessions": sessions})
        for who in (cast.bob, cast.ann)
    )
    key = key_for(database)
    database.close()

    sweep = json.loads(
        subprocess.run(
            [sys.executable, "-m", "tests.kill.booker", database_url, key, bobs, anns],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
        ).stdout
    )

    before, *between, last = sweep["found"]
    assert sweep["died"], "killed between the commit and the answer"
    assert len(between) > 10
    assert between == [before] * len(between)
    added = dict(
        zip(TABLES, (now - was for now, was in zip(last, before, strict=True)), strict=True)
    )
    assert (added["courses"], added["appointments"]) == (1, SESSIONS)
    assert added["diary"] == SESSIONS * 4, "a room, hands twice, a patient"
    assert added["idempotency_keys"] == 1
    [(status, replayed, course), again] = sweep["again"]
    assert (status, replayed) == (201, "true")
    assert len(course["appointments"]) == SESSIONS
    assert again == [status, replayed, course]
    assert sweep["after"] == last
