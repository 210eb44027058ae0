"""The settings of a clinic stay consistent when two requests change them at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.api.courses.test_courses import sessions
from tests.builders.cast import Cast


def week(start: int) -> dict[str, Any]:
    """A Tuesday's work from an hour on."""
    return {"weekly": [{"weekday": "tue", "from": f"{start:02}:00", "to": f"{start + 1:02}:00"}]}


def test_hours_that_many_set_at_once_are_those_of_one(desk: Desk, cast: Cast) -> None:
    address = f"/practitioners/{cast.ana}/hours"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda hour: desk.send("PUT", address, week(hour)), range(8, 16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(desk.get(address).json()["weekly"]) == 1


def test_hours_have_a_version(desk: Desk, cast: Cast) -> None:
    address = f"/practitioners/{cast.ana}/hours"
    seen = desk.get(address).headers["ETag"]

    first = desk.send("PUT", address, week(9), if_match=seen)
    second = desk.send("PUT", address, week(10), if_match=seen)

    assert (first.status_code, second.status_code) == (200, 412)
    assert first.headers["ETag"] == desk.get(address).headers["ETag"] != seen


def offer(desk: Desk, cast: Cast, **other: Any) -> Any:
    body = {
        "clinic_id": cast.clinic,
        "name": "Knee",
        "phases": [{"sessions": 4, "per_week": 1}],
        "practitioner_ids": [cast.ana],
        "room_ids": [cast.beds[0]],
    }
    return desk.post("/treatments", body | other)


@pytest.mark.both_databases
def test_hands_that_are_on_throughout_stay_on_in_a_longer_session(desk: Desk, cast: Cast) -> None:
    knee = offer(desk, cast, minutes=40).json()
    address = f"/treatments/{knee['id']}"

    for minutes in (60, 30):
        changed = desk.send("PATCH", address, {"minutes": minutes}).json()
        assert changed["hands_on"] == [{"from_minute": 0, "to_minute": minutes}]


@pytest.mark.both_databases
def test_who_gives_a_treatment_is_part_of_its_version(desk: Desk, cast: Cast) -> None:
    knee = offer(desk, cast)
    address, seen = f"/treatments/{knee.json()['id']}", knee.headers["ETag"]

    first = desk.send("PATCH", address, {"room_ids": [cast.beds[1]]}, if_match=seen)
    second = desk.send("PATCH", address, {"practitioner_ids": [cast.ben]}, if_match=seen)

    assert (first.status_code, second.status_code) == (200, 412)
    assert first.headers["ETag"] != seen
    entries = desk.get("/audit", limit=100).json()["items"]
    assert [entry["details"]["fields"] for entry in entries if entry["deed"] == "changed"] == [
        ["room_ids"]
    ]


@pytest.mark.both_databases
def test_what_is_not_offered_any_more_is_neither_planned_nor_booked(desk: Desk, cast: Cast) -> None:
    desk.send("PATCH", f"/treatments/{cast.back}", {"active": False})

    plan = desk.post("/course-plans", {"treatment_id": cast.back, "start_on": "2027-02-22"})
    course = desk.post(
        "/courses",
        {"treatment_id": cast.back, "patient_id": cast.ann, "sessions": sessions(0)},
    )

    for answer in (plan, course):
        assert answer.status_code == 409
        assert answer.json()["detail"] == "This treatment is no longer offered."


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phases": [{"sessions": 60, "per_week": 1}]}, "phases"),
        ({"phases": [{"sessions": 2, "every_days": 366}]}, "phases"),
        ({"horizon_days": 20}, "phases"),
        ({"review_after": [2, 5]}, "review_after"),
    ],
)
def test_a_course_that_nobody_could_have_whole_is_not_offered(
    desk: Desk, cast: Cast, change: dict[str, Any], field: str
) -> None:
    knee = offer(desk, cast).json()

    for answer in (
        offer(desk, cast, **change),
        desk.send("PATCH", f"/treatments/{knee['id']}", change),
    ):
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_course_may_end_on_the_last_day_that_can_be_booked(desk: Desk, cast: Cast) -> None:
    assert offer(desk, cast, horizon_days=22).status_code == 201
    assert offer(desk, cast, horizon_days=21).status_code == 422


@pytest.mark.parametrize("zone", ["Factory", "localtime", "EST5EDT", "GMT0"])
def test_a_zone_that_is_no_place_is_refused(desk: Desk, zone: str) -> None:
    body = {
        "name": "Third",
        "timezone": zone,
        "phone": "+49 30 1234567",
        "emergency_phone": "112",
        "country": "DE",
    }

    assert desk.post("/clinics", body).json()["errors"][0]["field"] == "timezone"
    assert desk.post("/clinics", body | {"timezone": "UTC"}).status_code == 201
