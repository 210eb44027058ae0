"""Staff undo what was recorded by mistake, while nothing depends on it."""

from datetime import timedelta
from typing import Any

import pytest

from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.api.courses.test_changes import at, ids
from tests.api.courses.test_courses import book
from tests.builders.cast import DAY, MONDAY, Cast
from tests.builders.clock import FrozenClock

AN_HOUR_LATER = MONDAY + timedelta(hours=1)


def state(desk: Desk, course: dict[str, Any], position: int = 0) -> str:
    return str(desk.get(f"/appointments/{ids(course)[position]}").json()["state"])


@pytest.mark.both_databases
@pytest.mark.parametrize("status", ["confirmation", "arrival", "completion", "no-show"])
def test_each_status_is_undone_and_the_history_says_so(
    desk: Desk, cast: Cast, clock: FrozenClock, status: str
) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    clock.at = MONDAY - timedelta(hours=1) if status == "confirmation" else AN_HOUR_LATER
    assert desk.post(f"{address}/{status}").status_code == 200

    undone = desk.send("DELETE", f"{address}/{status}")
    again = desk.send("DELETE", f"{address}/{status}")

    assert (undone.status_code, undone.json()["state"]) == (200, "booked")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not-undoable")
    lines = [line["what"] for line in desk.get(f"/courses/{course['id']}/history").json()["items"]]
    assert any(line.startswith("It was a mistake that session 1 ") for line in lines), lines
    actions = {entry["deed"] for entry in desk.get("/audit", subject="course").json()["items"]}
    assert "took back" in actions


def test_an_undo_brings_back_the_state_before(desk: Desk, cast: Cast, clock: FrozenClock) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    desk.post(f"{address}/confirmation")
    clock.at = AN_HOUR_LATER
    desk.post(f"{address}/arrival")
    desk.post(f"{address}/completion")

    assert desk.send("DELETE", f"{address}/completion").json()["state"] == "arrived"
    assert desk.send("DELETE", f"{address}/arrival").json()["state"] == "confirmed"
    assert desk.post(f"{address}/no-show").json()["state"] == "no_show"


@pytest.mark.parametrize("status", ["completion", "no-show"])
def test_a_course_that_the_last_session_completed_goes_on(
    desk: Desk, cast: Cast, clock: FrozenClock, status: str
) -> None:
    course = book(desk, cast, 0)
    address = f"/appointments/{ids(course)[0]}"
    clock.at = AN_HOUR_LATER
    desk.post(f"{address}/{status}")
    assert desk.get(f"/courses/{course['id']}").json()["state"] == "completed"

    desk.send("DELETE", f"{address}/{status}")

    assert desk.get(f"/courses/{course['id']}").json()["state"] == "active"


def test_a_no_show_with_a_make_up_session_names_it(
    desk: Desk, cast: Cast, clock: FrozenClock
) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    clock.at = AN_HOUR_LATER
    desk.post(f"{address}/no-show")
    made_up = desk.post(f"/courses/{course['id']}/make-up").json()

    refused = desk.send("DELETE", f"{address}/no-show")
    desk.post(f"/appointments/{made_up['appointments'][2]['id']}/cancellation")
    undone = desk.send("DELETE", f"{address}/no-show")

    assert refused.json()["type"] == "/problems/not-undoable"
    assert "Session 3 makes up for this one" in refused.json()["detail"]
    assert undone.json()["state"] == "booked"


@pytest.mark.both_databases
def test_a_cancelled_session_is_restored_at_its_time(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    desk.post(f"{address}/confirmation")
    desk.post(f"{address}/cancellation")

    restored = desk.post(f"{address}/restoration")

    assert (restored.status_code, restored.json()["state"]) == (200, "confirmed")
    assert restored.json()["starts_at"] == at(0)
    taken = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.ann,
            "sessions": [
                {"starts_at": at(0), "practitioner_id": restored.json()["practitioner_id"]}
            ],
        },
    )
    assert "practitioner_taken" in {item["code"] for item in taken.json()["conflicts"]}


def test_a_session_is_not_restored_to_a_time_that_is_taken(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    desk.post(f"{address}/cancellation")
    book(desk, cast, 0, patient_id=cast.ann)

    refused = desk.post(f"{address}/restoration")

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/sessions-taken")
    assert refused.json()["conflicts"][0]["alternatives"]
    assert state(desk, course) == "cancelled"


def test_a_session_of_a_cancelled_course_is_restored_alone(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    desk.post(f"/courses/{course['id']}/cancellation")

    desk.post(f"/appointments/{ids(course)[1]}/restoration")

    assert desk.get(f"/courses/{course['id']}").json()["state"] == "active"
    assert [state(desk, course, position) for position in (0, 1)] == ["cancelled", "booked"]


def test_what_was_cancelled_late_is_no_longer_late(
    desk: Desk, cast: Cast, clock: FrozenClock
) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    clock.at = MONDAY - timedelta(hours=1)
    assert desk.post(f"{address}/cancellation").json()["cancelled_late"] is True

    assert desk.post(f"{address}/restoration").json()["cancelled_late"] is False


def test_a_move_is_undone(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[1]}"
    desk.post(f"{address}/move", {"starts_at": at(4, 14)})

    undone = desk.send("DELETE", f"{address}/move")
    again = desk.send("DELETE", f"{address}/move")

    assert (undone.status_code, undone.json()["starts_at"]) == (200, at(3))
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not-undoable")
    moves = desk.get("/audit", subject="appointment", subject_id=ids(course)[1]).json()["items"]
    assert [entry["deed"] for entry in moves] == ["moved", "moved"]
    assert not any("allowed" in entry["details"] for entry in moves)


def test_a_move_is_not_undone_when_the_time_is_taken_or_the_session_has_changed(
    desk: Desk, database: Database, cast: Cast, clock: FrozenClock
) -> None:
    course = book(desk, cast, 0, 3)
    first, second = (f"/appointments/{number}" for number in ids(course))
    desk.post(f"{first}/move", {"starts_at": at(1)})
    desk.post(f"{second}/move", {"starts_at": at(4)})
    book(desk, cast, 0, patient_id=cast.ann)
    clock.at = MONDAY + 4 * DAY
    desk.post(f"{second}/arrival")

    taken = desk.send("DELETE", f"{first}/move")
    arrived = desk.send("DELETE", f"{second}/move")

    assert taken.json()["type"] == "/problems/sessions-taken"
    assert arrived.json()["type"] == "/problems/not-undoable"


def test_an_undo_of_another_version_is_refused(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    seen = desk.get(address).headers["ETag"]
    desk.post(f"{address}/confirmation")

    stale = desk.send("DELETE", f"{address}/confirmation", if_match=seen)

    assert stale.status_code == 412
    assert state(desk, course) == "confirmed"


def test_a_session_is_not_restored_on_a_day_that_was_closed_since(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 0, 3)
    address = f"/appointments/{ids(course)[0]}"
    desk.post(f"{address}/cancellation")
    closed = desk.post(f"/clinics/{cast.clinic}/closures", {"date": MONDAY.date().isoformat()})
    assert closed.status_code == 201, closed.text

    refused = desk.post(f"{address}/restoration")

    assert [item["code"] for item in refused.json()["conflicts"]] == ["closed"]
    assert refused.json()["conflicts"][0]["can_be_allowed"] is False
    assert state(desk, course) == "cancelled"
