"""Members who may clear read health answers, and hold a course until one clears it."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from scheduler.patients.screening import QUESTIONS
from scheduler.staff.roles import Role
from scheduler.storage.database import Database
from tests.api.conftest import Desk, key_for
from tests.api.courses.test_changes import ids
from tests.api.courses.test_courses import book
from tests.builders.cast import DAY, MONDAY, Cast
from tests.builders.clock import FrozenClock

HEALTHY = {question.key: "no" for question in QUESTIONS}
ON_BLOOD_THINNERS = {**HEALTHY, "blood_thinners": "yes"}


@pytest.fixture
def front_desk(client: TestClient, database: Database, cast: Cast) -> Desk:
    return Desk(client, key_for(database, Role.FRONT_DESK, [cast.clinic]))


def ask_by_phone(desk: Desk, cast: Cast, answers: dict[str, str]) -> dict[str, Any]:
    answer = desk.post(f"/patients/{cast.ann}/screenings", {"answers": answers})
    assert answer.status_code == 201, answer.text
    recorded: dict[str, Any] = answer.json()
    return recorded


def test_answers_are_read_by_those_who_may_clear(desk: Desk, front_desk: Desk, cast: Cast) -> None:
    recorded = ask_by_phone(front_desk, cast, ON_BLOOD_THINNERS)

    assert recorded["needs_clearance"] is True
    assert desk.get(f"/patients/{cast.ann}/screenings").json()["items"] == [recorded]
    assert front_desk.get(f"/patients/{cast.ann}/screenings").status_code == 403
    [look] = [
        entry
        for entry in desk.get("/audit", subject="screening").json()["items"]
        if entry["deed"] == "looked at"
    ]
    assert look["subject_id"] == cast.ann


@pytest.mark.parametrize(
    ("answers", "state"), [(HEALTHY, "active"), (ON_BLOOD_THINNERS, "needs_clearance")]
)
def test_answers_asked_afterwards_count_for_a_course_without_any(
    desk: Desk, cast: Cast, answers: dict[str, str], state: str
) -> None:
    course = book(desk, cast, 0, 3)

    ask_by_phone(desk, cast, answers)

    assert desk.get(f"/courses/{course['id']}").json()["state"] == state


def test_a_session_is_not_completed_before_its_course_is_cleared(
    desk: Desk, front_desk: Desk, cast: Cast, clock: FrozenClock
) -> None:
    course = book(desk, cast, 0, 3)
    ask_by_phone(desk, cast, ON_BLOOD_THINNERS)
    address = f"/appointments/{ids(course)[0]}"
    clock.at = MONDAY + DAY / 24

    arrived = front_desk.post(f"{address}/arrival")
    refused = front_desk.post(f"{address}/completion")
    completed = desk.post(f"{address}/completion")

    assert arrived.status_code == 200
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-cleared")
    assert completed.status_code == 200
    assert desk.get(f"/courses/{course['id']}").json()["state"] == "active"


def test_unknown_questions_and_answers_are_refused(desk: Desk, cast: Cast) -> None:
    for answers in ({"shoe_size": "no"}, {**HEALTHY, "bleeding": "maybe"}):
        answer = desk.post(f"/patients/{cast.ann}/screenings", {"answers": answers})

        assert answer.status_code == 422
