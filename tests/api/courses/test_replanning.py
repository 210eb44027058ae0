"""The rest of a course is replanned, extended and made up for at its pace, in one step."""

from typing import Any

from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.api.courses.test_changes import WEEKS, at, days_of, everything, ids, told
from tests.api.courses.test_courses import book, sessions
from tests.builders.cast import DAY, MONDAY, Cast
from tests.builders.clock import FrozenClock

LATER = [
    {"sessions": 4, "per_week": 2},
    {"sessions": 2, "per_week": 1, "optional": True},
]


def book_with_more(desk: Desk, cast: Cast) -> dict[str, Any]:
    """A course of four sessions with two more that a review may release."""
    body = {
        "treatment_id": cast.back,
        "patient_id": cast.ann,
        "sessions": sessions(0, 3, 7, 10),
        "phases": LATER,
    }
    course: dict[str, Any] = desk.post("/courses", body).json()
    assert course["compromises"] == []
    return course


def test_the_rest_is_planned_anew_for_other_wishes(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)

    answer = desk.post(
        f"/courses/{course['id']}/replanning",
        {"from_number": 3, "weekdays": ["tue", "fri"], "between": ["13:00", "15:00"]},
    )

    assert (days_of(answer.json()), answer.json()["compromises"]) == ([0, 3, 8, 11, 15, 18], [])
    hours = {appointment["starts_at"][11:13] for appointment in answer.json()["appointments"][2:]}
    assert hours <= {"13", "14"}
    assert told(desk, course)[-1][0] == "All sessions from number 3 on were replanned."


def test_a_shift_onto_taken_times_names_them_or_plans_the_rest_anew(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, 1, 4, 8, 11)  # Tuesdays and Fridays, when only Ana works
    book(desk, cast, 15, patient_id=cast.bob)
    address = f"/courses/{course['id']}/shift"

    taken = desk.post(address, {"from_number": 3, "by_days": 7})
    planned = desk.post(address, {"from_number": 3, "by_days": 7, "replan": True})

    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/sessions-taken")
    assert [conflict["number"] for conflict in taken.json()["conflicts"]] == [3]
    assert (planned.status_code, len(planned.json()["appointments"])) == (200, 4)
    assert days_of(planned.json())[:2] == [1, 4]
    assert days_of(planned.json())[2] in range(15, 22)
    assert {compromise["reason"] for compromise in planned.json()["compromises"]} == {
        "the rest was shifted"
    }


def test_sessions_of_a_week_go_behind_the_others(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)

    answer = desk.post(
        f"/courses/{course['id']}/skipped-week",
        {"start_on": at(7)[:10], "then": "behind", "reason": "Away"},
    )

    days = days_of(answer.json())
    assert days[:4] == [0, 3, 14, 17]
    assert [day in range(21, 28) for day in days[4:]] == [True, True]
    assert {compromise["reason"] for compromise in answer.json()["compromises"]} == {"Away"}


def test_a_review_extends_a_course_by_its_optional_phase_once(desk: Desk, cast: Cast) -> None:
    course = book_with_more(desk, cast)
    address = f"/courses/{course['id']}/extension"

    extended = desk.post(address, {"phase": 2, "reason": "It helps."})

    assert extended.status_code == 200, extended.text
    told_now = extended.json()
    assert [appointment["number"] for appointment in told_now["appointments"]] == [1, 2, 3, 4, 5, 6]
    assert [appointment["phase"] for appointment in told_now["appointments"]] == [1, 1, 1, 1, 2, 2]
    assert [day // 7 for day in days_of(told_now)[4:]] == [2, 3]
    assert (told_now["compromises"], told_now["phases"][1]["optional"]) == ([], False)
    assert desk.post(address, {"phase": 2}).status_code == 409
    assert desk.post(address, {"phase": 3}).status_code == 422
    what, why = told(desk, course)[-1]
    assert what.startswith("The course was extended by 2 sessions, the first on ")
    assert why == "It helps."


def test_a_missed_session_may_be_made_up_for_once(
    desk: Desk, cast: Cast, clock: FrozenClock
) -> None:
    course = book(desk, cast, *WEEKS)
    assert course["to_make_up"] == 0
    address = f"/courses/{course['id']}/make-up"
    assert desk.post(address).status_code == 409
    clock.at = MONDAY + DAY
    desk.post(f"/appointments/{ids(course)[0]}/no-show")
    assert desk.get(f"/courses/{course['id']}").json()["to_make_up"] == 1

    made = desk.post(address, {"weekdays": ["mon"]}).json()

    assert days_of(made) == [*WEEKS, 21]
    assert [appointment["number"] for appointment in made["appointments"]] == [1, 2, 3, 4, 5, 6, 7]
    assert [appointment["make_up"] for appointment in made["appointments"]] == [False] * 6 + [True]
    assert (made["to_make_up"], made["compromises"]) == (0, [])
    assert desk.post(address).status_code == 409
    assert told(desk, course)[-1][0] == (
        "For a session that was missed the course got 1 session, on Mon 15 Mar 9:00."
    )


def test_a_course_that_was_over_goes_on_for_a_session_to_make_up(
    desk: Desk, cast: Cast, clock: FrozenClock
) -> None:
    course = book(desk, cast, 0)
    clock.at = MONDAY + DAY
    desk.post(f"/appointments/{ids(course)[0]}/no-show")
    assert desk.get(f"/courses/{course['id']}").json()["state"] == "completed"

    made = desk.post(f"/courses/{course['id']}/make-up").json()

    assert (made["state"], len(made["appointments"])) == ("active", 2)


def test_what_plans_anew_can_be_tried_first(desk: Desk, database: Database, cast: Cast) -> None:
    course = book_with_more(desk, cast)
    desk.post(f"/appointments/{ids(course)[1]}/cancellation")
    for address, body in (
        ("replanning", {"from_number": 3, "weekdays": ["fri"]}),
        ("extension", {"phase": 2}),
        ("make-up", {}),
    ):
        before = everything(database)
        tried = desk.post(f"/courses/{course['id']}/{address}?dry_run=true", body)
        assert (tried.status_code, everything(database)) == (200, before), tried.text
        done = desk.post(f"/courses/{course['id']}/{address}", body)
        assert _but_ids(done.json()) == _but_ids(tried.json())


def _but_ids(course: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL uses each id once, even if the row is rolled back."""
    return {
        **course,
        "appointments": [{**appointment, "id": 0} for appointment in course["appointments"]],
    }
