"""Responses name the compromises and the request fields, and a repeated request gets its ETag."""

import base64
import json
from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.api.courses.test_courses import book, sessions
from tests.builders.cast import MONDAY, Cast

CHERKIN = (0, 3, 7, 10, 14, 17, 21, 28, 35, 42)


def test_a_course_at_its_pace_has_no_compromises(desk: Desk, cast: Cast) -> None:
    assert book(desk, cast, *CHERKIN)["compromises"] == []


def test_staff_may_break_the_pace_and_see_it(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 1, 2)

    assert course["compromises"] == [
        {
            "kind": "too_fast",
            "session_numbers": [3],
            "sentence": "3 sessions are in the week of 22 February: there should be 2.",
            "reason": "booked on these dates",
        }
    ]
    address = f"/courses/{course['id']}"
    assert desk.get(address).json()["compromises"] == course["compromises"]
    shifted = desk.post(f"{address}/shift", {"from_number": 3, "by_days": 5}).json()
    assert shifted["compromises"] == []


def test_optional_sessions_are_not_compromises(desk: Desk, cast: Cast) -> None:
    body = {
        "treatment_id": cast.back,
        "patient_id": cast.ann,
        "phases": [
            {"sessions": 2, "per_week": 2},
            {"sessions": 1, "per_week": 1, "optional": True},
        ],
    }

    two = desk.post("/courses", {**body, "sessions": sessions(0, 3)}).json()
    three = desk.post("/courses", {**body, "sessions": sessions(1, 4, 8)}).json()
    four = desk.post("/courses", {**body, "sessions": sessions(2, 9, 16, 23)}).json()

    assert two["compromises"] == three["compromises"] == []
    assert "The course has no session 4." in [
        compromise["sentence"] for compromise in four["compromises"]
    ]


def test_an_error_names_the_field_in_the_request(desk: Desk, cast: Cast) -> None:
    book(desk, cast, 0)
    book(desk, cast, 0, patient_id=cast.bob)
    body: dict[str, Any] = {"treatment_id": cast.back, "patient_id": cast.ann}

    taken = desk.post("/courses", {**body, "sessions": sessions(7, 3, 0)}).json()
    past = desk.post("/courses", {**body, "sessions": sessions(7, 3, -1000)}).json()

    clashes = taken["conflicts"]
    assert {(clash["number"], clash["field"]) for clash in clashes} == {(1, "sessions[2]")}
    assert {clash["starts_at"] for clash in clashes} == {MONDAY.isoformat()}
    assert past["errors"][0]["field"] == "sessions[2].starts_at"


def test_a_repeated_request_gets_the_etag(desk: Desk, cast: Cast) -> None:
    body = {"treatment_id": cast.back, "patient_id": cast.ann, "sessions": sessions(0)}

    first = desk.post("/courses", body, idempotency_key="once")
    again = desk.post("/courses", body, idempotency_key="once")

    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert again.headers["ETag"] == first.headers["ETag"]


@pytest.mark.both_databases
@pytest.mark.parametrize("keys", [[True], [True, 1], [1, False]])
@pytest.mark.parametrize("path", ["/patients", "/appointments"])
def test_a_forged_cursor_is_refused(desk: Desk, path: str, keys: list[object]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()
    days = {"from": "2027-02-22", "to": "2027-02-23"} if path == "/appointments" else {}

    answer = desk.get(path, cursor=cursor, **days)

    assert answer.status_code == 422
