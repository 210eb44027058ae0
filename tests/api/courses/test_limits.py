"""Staff see the soft limits that a time breaks, and go on with a reason; hard limits stop them."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import Response

from scheduler.clinic.models import Treatment
from scheduler.staff.roles import Role
from scheduler.storage.database import Database
from tests.api.conftest import Desk, key_for
from tests.api.courses.test_changes import at, ids
from tests.api.courses.test_courses import book
from tests.builders.cast import DAY, MONDAY, Cast
from tests.builders.clock import FrozenClock

REASON = "The patient is at the desk."


def ask(desk: Desk, cast: Cast, *starts: str, **more: Any) -> Response:
    body = {
        "treatment_id": cast.back,
        "patient_id": cast.ann,
        "sessions": [{"starts_at": start} for start in starts],
    }
    return desk.post("/courses", {**body, **more})


def codes(answer: Response) -> list[str]:
    assert answer.status_code == 409, answer.text
    return [conflict["code"] for conflict in answer.json()["conflicts"]]


@pytest.fixture
def notice(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        session.get_one(Treatment, cast.back).min_notice_minutes = 120


@pytest.mark.usefixtures("notice")
def test_a_patient_walks_in_ten_minutes_before_a_free_time(
    desk: Desk, cast: Cast, clock: FrozenClock
) -> None:
    clock.at = MONDAY - timedelta(minutes=10)

    refused = ask(desk, cast, at(0))
    booked = ask(desk, cast, at(0), allow=["short_notice"], reason=REASON)

    assert refused.json()["type"] == "/problems/soft-limits"
    assert [(item["code"], item["can_be_allowed"]) for item in refused.json()["conflicts"]] == [
        ("short_notice", True)
    ]
    assert booked.status_code == 201, booked.text


@pytest.mark.parametrize(("minutes", "code"), [(10, "already_started"), (60, "past")])
def test_a_session_that_took_place_unbooked_is_booked_afterwards(
    desk: Desk, cast: Cast, clock: FrozenClock, minutes: int, code: str
) -> None:
    clock.at = MONDAY + timedelta(minutes=minutes)

    refused = ask(desk, cast, at(0))
    booked = ask(desk, cast, at(0), allow=[code], reason=REASON)

    assert codes(refused) == [code]
    assert booked.status_code == 201, booked.text


def test_a_session_moves_to_the_day_of_another_one_off_the_grid(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[1]}/move"
    to = (MONDAY + timedelta(hours=3, minutes=7)).isoformat()

    refused = desk.post(address, {"starts_at": to})
    moved = desk.post(
        address,
        {"starts_at": to, "allow": ["same_day", "off_grid", "off_pace"], "reason": REASON},
    )

    assert codes(refused) == ["same_day", "off_grid"]
    assert moved.json()["starts_at"] == to


def test_the_pace_is_passed_like_any_soft_limit(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3, 7, 10)
    address = f"/appointments/{ids(course)[2]}/move"

    refused = desk.post(address, {"starts_at": at(4)})
    moved = desk.post(address, {"starts_at": at(4), "allow": ["off_pace"], "reason": REASON})

    assert refused.json()["type"] == "/problems/breaks-pace"
    assert moved.status_code == 200, moved.text
    compromises = desk.get(f"/courses/{course['id']}").json()["compromises"]
    assert REASON in {compromise["reason"] for compromise in compromises}


@pytest.mark.both_databases
def test_an_admin_books_on_a_closed_day_and_nobody_else_gets_the_time(
    desk: Desk, client: Any, database: Database, cast: Cast
) -> None:
    day = MONDAY.date().isoformat()
    desk.post(f"/clinics/{cast.clinic}/closures", {"date": day})
    front_desk = Desk(client, key_for(database, Role.FRONT_DESK, [cast.clinic]))
    closed = {"allow": ["closed"], "reason": REASON}

    denied = ask(front_desk, cast, at(0), **closed)
    seen = ask(front_desk, cast, at(0))
    booked = ask(desk, cast, at(0), **closed)
    slots = desk.get("/slots", treatment_id=cast.back, **{"from": day, "to": day})
    again = ask(desk, cast, at(0), patient_id=cast.ann, **closed)

    assert denied.status_code == 403
    assert [item["can_be_allowed"] for item in seen.json()["conflicts"]] == [False]
    assert booked.status_code == 201, booked.text
    assert slots.json()["items"] == []
    assert "patient_taken" in codes(again)


def test_what_is_cancelled_on_a_closed_day_is_offered_to_nobody(desk: Desk, cast: Cast) -> None:
    day = MONDAY.date().isoformat()
    desk.post(f"/clinics/{cast.clinic}/closures", {"date": day})
    course = ask(desk, cast, at(0), allow=["closed"], reason=REASON).json()

    desk.post(f"/appointments/{ids(course)[0]}/cancellation")

    slots = desk.get("/slots", treatment_id=cast.back, **{"from": day, "to": day})
    assert slots.json()["items"] == []
    assert codes(ask(desk, cast, at(0))) == ["closed"]


def test_hard_limits_stop_staff_whatever_they_allow(desk: Desk, cast: Cast) -> None:
    book(desk, cast, 0)

    soft = ["closed", "past", "already_started", "short_notice", "same_day", "off_grid", "in_break"]
    taken = ask(desk, cast, at(0), allow=soft, reason=REASON)

    assert taken.json()["type"] == "/problems/sessions-taken"
    assert "patient_taken" in codes(taken)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"allow": ["room_taken"], "reason": REASON}, "allow"),
        ({"allow": ["not_a_limit"], "reason": REASON}, "allow[0]"),
        ({"allow": ["short_notice"]}, "reason"),
        ({"allow": ["short_notice"], "reason": "  "}, "reason"),
        ({"allow": "short_notice", "reason": REASON}, "allow"),
    ],
)
def test_what_cannot_be_allowed_is_refused(
    desk: Desk, cast: Cast, more: dict[str, Any], field: str
) -> None:
    course = book(desk, cast, 0)

    booked = ask(desk, cast, at(3), **more)
    moved = desk.post(f"/appointments/{ids(course)[0]}/move", {"starts_at": at(1), **more})

    for answer in (booked, moved):
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_a_course_is_shifted_onto_a_day_off_with_a_reason(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/courses/{course['id']}/shift"
    shift = {"from_number": 2, "by_days": 2}

    refused = desk.post(address, shift)
    shifted = desk.post(address, {**shift, "allow": ["outside_hours"], "reason": REASON})

    assert codes(refused) == ["outside_hours"]
    saturday = (MONDAY + 5 * DAY).date().isoformat()
    assert shifted.json()["appointments"][1]["starts_at"].startswith(saturday)


def test_a_session_is_booked_and_moved_into_a_wanted_room(desk: Desk, cast: Cast) -> None:
    second = cast.beds[1]
    wanted = [{"starts_at": at(0), "room_id": second}]

    booked = ask(desk, cast, sessions=wanted)
    [session] = booked.json()["appointments"]
    address = f"/appointments/{session['id']}"
    moved = desk.post(f"{address}/move", {"starts_at": at(0), "room_id": cast.beds[0]})
    taken = ask(desk, cast, patient_id=cast.bob, sessions=[{**wanted[0], "room_id": cast.beds[0]}])
    elsewhere = desk.post(f"{address}/move", {"starts_at": at(1), "room_id": 999})

    assert (session["room_id"], moved.json()["room_id"]) == (second, cast.beds[0])
    lines = desk.get(f"/courses/{booked.json()['id']}/history").json()["items"]
    assert lines[-1]["what"] == "Session 1 on Mon 22 Feb 9:00 has another room."
    assert "room_taken" in codes(taken)
    assert (elsewhere.status_code, elsewhere.json()["errors"][0]["field"]) == (422, "room_id")
