"""Courses through the API: planned, booked once and whole, moved, cancelled."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.builders.cast import DAY, MONDAY, Cast
from tests.builders.clock import FrozenClock

pytestmark = pytest.mark.both_databases

PLAN = {"start_on": "2027-02-22", "weekdays": ["mon", "thu"], "between": ["09:00", "13:00"]}


def sessions(*days: int, hour: int = 9) -> list[dict[str, Any]]:
    """Requested times at an hour in New York, some days after the Monday."""
    first = MONDAY.replace(hour=hour)
    return [{"starts_at": (first + day * DAY).isoformat()} for day in days]


def book(desk: Desk, cast: Cast, *days: int, patient_id: int | None = None) -> dict[str, Any]:
    body = {
        "treatment_id": cast.back,
        "patient_id": patient_id or cast.ann,
        "sessions": sessions(*days),
    }
    answer = desk.post("/courses", body)
    assert answer.status_code == 201, answer.text
    course: dict[str, Any] = answer.json()
    return course


def count(database: Database, table: str) -> int:
    with database.transaction(write=False) as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_proposed_course_can_be_booked_and_its_texts_seen(desk: Desk, cast: Cast) -> None:
    plan = desk.post("/course-plans", {"treatment_id": cast.back, **PLAN}).json()
    assert [appointment["starts_at"] for appointment in plan["sessions"]] == [
        "2027-02-22T09:00:00-05:00",
        "2027-02-25T09:00:00-05:00",
        "2027-03-01T09:00:00-05:00",
        "2027-03-04T09:00:00-05:00",
        "2027-03-08T09:00:00-05:00",
        "2027-03-11T09:00:00-05:00",
        "2027-03-15T09:00:00-04:00",
        "2027-03-22T09:00:00-04:00",
        "2027-03-29T09:00:00-04:00",
        "2027-04-05T09:00:00-04:00",
    ]
    assert plan["compromises"] == []

    answer = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient": {"name": "Cy Example", "phone": "(202) 555-0103", "sms_consent": True},
            "sessions": [
                {
                    "starts_at": appointment["starts_at"],
                    "practitioner_id": appointment["practitioner_id"],
                }
                for appointment in plan["sessions"]
            ],
        },
    )

    assert answer.status_code == 201
    course = answer.json()
    assert course["state"] == "active"
    assert answer.headers["ETag"] == f'"{course["version"]}"'
    assert [appointment["starts_at"] for appointment in course["appointments"]] == [
        appointment["starts_at"] for appointment in plan["sessions"]
    ]
    texts = desk.get(f"/courses/{course['id']}/messages").json()["items"]
    assert len([text for text in texts if text["kind"] == "day_before"]) == 10
    patient = desk.get(f"/patients/{course['patient_id']}").json()
    assert (patient["phone"], patient["sms_consent"]) == ("+12025550103", True)


def test_what_is_taken_is_named_with_free_times_and_nothing_is_booked(
    desk: Desk, database: Database, cast: Cast
) -> None:
    book(desk, cast, 0)
    book(desk, cast, 0, patient_id=cast.bob)  # the second bed and Ben
    before = count(database, "appointments")

    answer = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient": {"name": "Cy Example", "phone": "(202) 555-0103"},
            "sessions": sessions(0, 3),
        },
    )

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "/problems/sessions-taken"
    assert [(conflict["number"], conflict["code"]) for conflict in problem["conflicts"]] == [
        (1, "practitioner_taken"),
        (1, "room_taken"),
    ]
    clash = problem["conflicts"][0]
    assert clash["can_be_allowed"] is False
    assert clash["starts_at"] == "2027-02-22T09:00:00-05:00"
    assert clash["reason"] == "the practitioner is taken"
    assert clash["alternatives"][0].keys() == {"starts_at", "practitioner_id", "room_id"}
    assert count(database, "appointments") == before
    assert count(database, "patients") == 2


def test_a_plan_that_cannot_be_says_which_session_and_why(desk: Desk, cast: Cast) -> None:
    answer = desk.post(
        "/course-plans",
        {
            "treatment_id": cast.back,
            "start_on": "2027-02-22",
            "phases": [{"sessions": 3, "per_week": 2, "weekdays": ["sat", "sun"]}],
        },
    )

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/no-plan"
    assert answer.json()["session_number"] == 1
    assert answer.json()["detail"]


def test_the_same_key_books_once_however_often_it_is_sent(
    desk: Desk, database: Database, cast: Cast
) -> None:
    body = {"treatment_id": cast.back, "patient_id": cast.ann, "sessions": sessions(0, 3)}

    with ThreadPoolExecutor(20) as people:
        answers = list(
            people.map(
                lambda _: desk.post("/courses", body, idempotency_key="double click"), range(20)
            )
        )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert count(database, "courses") == 1
    assert count(database, "appointments") == 2


def test_the_same_key_with_another_body_is_refused(desk: Desk, cast: Cast) -> None:
    body = {"clinic_id": cast.clinic, "name": "Bed 3"}
    assert desk.post("/rooms", body, idempotency_key="a").status_code == 201

    other = desk.post("/rooms", {**body, "name": "Bed 4"}, idempotency_key="a")
    elsewhere = desk.post("/patients", body, idempotency_key="a")

    assert other.status_code == 422
    assert elsewhere.status_code == 422


def test_what_failed_may_be_tried_again_with_its_key(desk: Desk, cast: Cast) -> None:
    body = {"treatment_id": cast.back, "patient_id": cast.bob, "sessions": sessions(0)}
    first, second = book(desk, cast, 0), book(desk, cast, 7)
    assert (
        desk.post("/courses", {**body, "patient_id": cast.ann}, idempotency_key="again").status_code
        == 409
    )

    for course in (first, second):
        assert desk.post(f"/courses/{course['id']}/cancellation").status_code == 200

    again = desk.post("/courses", {**body, "patient_id": cast.ann}, idempotency_key="again")
    assert again.status_code == 201


def test_keys_belong_to_whoever_sends_them(desk: Desk, local_desk: Desk, cast: Cast) -> None:
    body = {"clinic_id": cast.clinic, "name": "Bed 3"}

    first = desk.post("/rooms", body, idempotency_key="a").json()
    second = local_desk.post("/rooms", body, idempotency_key="a").json()

    assert first["id"] != second["id"]


def test_a_stale_change_is_refused_and_changes_nothing(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{course['appointments'][0]['id']}"
    seen = desk.get(address).headers["ETag"]
    to = {"starts_at": MONDAY.replace(hour=11).isoformat()}

    assert desk.post(f"{address}/move", to, if_match=seen).status_code == 200
    late = desk.post(f"{address}/cancellation", if_match=seen)

    assert (late.status_code, late.json()["type"]) == (412, "/problems/stale")
    now = desk.get(address)
    assert now.json()["starts_at"] == "2027-02-22T11:00:00-05:00"
    assert now.json()["state"] == "booked"
    assert desk.post(f"{address}/cancellation", if_match=now.headers["ETag"]).status_code == 200


def test_of_two_who_change_one_version_one_wins(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0)
    address = f"/appointments/{course['appointments'][0]['id']}"
    seen = desk.get(address).headers["ETag"]

    with ThreadPoolExecutor(10) as people:
        statuses = sorted(
            people.map(
                lambda hour: (
                    desk.post(
                        f"{address}/move",
                        {"starts_at": MONDAY.replace(hour=10 + hour % 6).isoformat()},
                        if_match=seen,
                    ).status_code
                ),
                range(10),
            )
        )

    assert statuses == [200] + [412] * 9


def test_a_session_goes_its_way(desk: Desk, cast: Cast, clock: FrozenClock) -> None:
    course = book(desk, cast, 0, 3)
    first, second = (f"/appointments/{appointment['id']}" for appointment in course["appointments"])

    assert desk.post(f"{first}/confirmation").json()["state"] == "confirmed"
    assert desk.post(f"{first}/completion").json()["type"] == "/problems/too-early"
    clock.at = MONDAY
    assert desk.post(f"{first}/arrival").json()["state"] == "arrived"
    assert desk.post(f"{first}/completion").json()["state"] == "completed"
    assert desk.post(f"{first}/no-show").status_code == 409
    clock.at = MONDAY + 4 * DAY
    assert desk.post(f"{second}/no-show").json()["state"] == "no_show"
    assert desk.get(f"/courses/{course['id']}").json()["state"] == "completed"


def test_the_rest_of_a_course_is_shifted_whole(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 7, 14)

    answer = desk.post(f"/courses/{course['id']}/shift", {"from_number": 2, "by_days": 7})

    assert [appointment["starts_at"] for appointment in answer.json()["appointments"]] == [
        "2027-02-22T09:00:00-05:00",
        "2027-03-08T09:00:00-05:00",
        "2027-03-15T09:00:00-04:00",
    ]
    both = {"from_number": 2, "by_days": 7, "start_on": "2027-04-01"}
    assert desk.post(f"/courses/{course['id']}/shift", both).status_code == 422


def test_answers_that_need_a_look_hold_the_course_until_it_is_cleared(
    desk: Desk, cast: Cast
) -> None:
    answers = dict.fromkeys(
        [
            "bleeding",
            "blood_thinners",
            "pacemaker",
            "pregnant",
            "metal_allergy",
            "fainting",
            "infection",
            "seen_by_doctor",
        ],
        "no",
    )
    patient = {
        "name": "Cy Example",
        "phone": "(202) 555-0103",
        "screening": {**answers, "blood_thinners": "yes"},
    }
    body = {"treatment_id": cast.back, "patient": patient, "sessions": sessions(0)}

    course = desk.post("/courses", body).json()

    assert course["state"] == "needs_clearance"
    assert "blood" not in desk.get(f"/patients/{course['patient_id']}").text
    cleared = desk.post(f"/courses/{course['id']}/clearance", {"note": "INR is fine"})
    assert cleared.json()["state"] == "active"
    missing = {**body, "patient": {**patient, "screening": {"bleeding": "no"}}}
    assert desk.post("/courses", missing).status_code == 422


def test_time_off_and_closures_name_who_is_booked(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 1)  # a Tuesday, when only Ana works
    span = {
        "starts_at": (MONDAY + DAY).isoformat(),
        "ends_at": (MONDAY + 2 * DAY).isoformat(),
    }

    away = desk.post(f"/practitioners/{cast.ana}/time-off", span)
    closed = desk.post(f"/clinics/{cast.clinic}/closures", {"date": "2027-02-23"})

    for answer in (away, closed):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/booked-inside")
        assert answer.json()["appointments"] == [
            {
                "id": course["appointments"][0]["id"],
                "course_id": course["id"],
                "number": 1,
                "starts_at": "2027-02-23T09:00:00-05:00",
            }
        ]
    assert desk.get(f"/practitioners/{cast.ana}/time-off").json()["items"] == []


def test_time_off_takes_slots_and_gives_them_back(desk: Desk, cast: Cast) -> None:
    asked = {"treatment_id": cast.back, "from": "2027-02-23", "to": "2027-02-23"}
    free = desk.get("/slots", **asked).json()["items"]
    assert free[0] == {
        "starts_at": "2027-02-23T09:00:00-05:00",
        "ends_at": "2027-02-23T09:40:00-05:00",
        "practitioner_id": cast.ana,
        "room_id": cast.beds[0],
    }

    span = {
        "starts_at": "2027-02-23T00:00:00-05:00",
        "ends_at": "2027-02-24T00:00:00-05:00",
    }
    away = desk.post(f"/practitioners/{cast.ana}/time-off", span).json()
    assert desk.get("/slots", **asked).json()["items"] == []
    gone = desk.send("DELETE", f"/practitioners/{cast.ana}/time-off/{away['id']}")
    assert gone.status_code == 204
    assert desk.get("/slots", **asked).json()["items"] == free


@pytest.mark.parametrize("limit", [7, 100])
def test_free_times_are_the_same_in_whatever_pages_they_are_read(
    desk: Desk, cast: Cast, limit: int
) -> None:
    asked = {"treatment_id": cast.back, "from": "2027-02-23", "to": "2027-02-26"}
    whole = desk.get("/slots", **asked, limit=1000).json()
    page = desk.get("/slots", **asked, limit=limit).json()
    items = page["items"]
    while page["next_cursor"]:
        assert len(page["items"]) == limit
        page = desk.get("/slots", **asked, limit=limit, cursor=page["next_cursor"]).json()
        items += page["items"]

    assert len(items) > limit
    assert items == whole["items"]
    assert whole["next_cursor"] is None


def test_a_forged_cursor_of_free_times_finds_none(desk: Desk, cast: Cast) -> None:
    forged = base64.urlsafe_b64encode(b"[4294967295, 1]").decode()
    asked = {"treatment_id": cast.back, "from": "2027-02-23", "to": "2027-02-26"}

    assert desk.get("/slots", **asked, cursor=forged).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
def test_a_list_is_the_same_in_whatever_parts_it_is_read(
    desk: Desk, cast: Cast, limit: int
) -> None:
    book(desk, cast, 0, 3)
    book(desk, cast, 0, 3, patient_id=cast.bob)
    query: dict[str, Any] = {"from": "2027-02-22", "to": "2027-03-22", "limit": limit}

    found: list[dict[str, Any]] = []
    for _ in range(10):
        page = desk.get("/appointments", **query).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert len(found) == 4
    assert len({match["id"] for match in found}) == 4
    assert found == sorted(found, key=lambda match: (match["starts_at"], match["id"]))


def test_appointments_are_found_by_what_is_asked(desk: Desk, cast: Cast) -> None:
    book(desk, cast, 0, 1)
    span = {"from": "2027-02-22", "to": "2027-02-22"}

    def found(**more: Any) -> int:
        return len(desk.get("/appointments", **span, **more).json()["items"])

    assert found() == 1
    assert found(state="booked") == 1
    assert found(state="cancelled") == 0
    assert found(practitioner_id=cast.ana) + found(practitioner_id=cast.ben) == 1
    assert desk.get("/courses", patient_id=cast.bob).json()["items"] == []
