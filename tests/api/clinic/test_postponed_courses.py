"""A closure that is longer than the pace allows moves the rest of a course later."""

from datetime import date, timedelta
from typing import Any

import pytest

from scheduler.storage.database import Database
from tests.api.clinic.test_absence_proposals import book, closing, confirmation, diary_overlaps
from tests.api.conftest import Desk
from tests.api.courses.test_changes import everything
from tests.builders.cast import DAY, MONDAY, Cast
from tests.builders.clock import FrozenClock

WEEK = 7 * DAY
WEEKLY = {"phases": [{"sessions": 4, "per_week": 1}]}
CLOSED = {"date": "2027-03-01", "last_date": "2027-03-07"}


def times(course: Any) -> list[str]:
    return [appointment["starts_at"] for appointment in course["appointments"]]


def tops(postponed: Any) -> list[str]:
    return [appointment["to"]["starts_at"] for appointment in postponed["sessions"]]


@pytest.mark.both_databases
@pytest.mark.parametrize("weeks", [1, 2, 6])
def test_the_rest_of_a_course_moves_by_as_many_weeks_as_it_must(
    desk: Desk, database: Database, cast: Cast, weeks: int
) -> None:
    """Mondays and Thursdays for three weeks, across the change of clocks on 14 March."""
    twice = {"phases": [{"sessions": 6, "per_week": 2}]}
    starts = [MONDAY + week * WEEK + day * DAY for week in range(3) for day in (0, 3)]
    course = book(desk, cast, cast.ann, starts, **twice)
    before = everything(database)
    inside = 2 if weeks == 1 else 4

    last = date(2027, 3, 7) + timedelta(weeks=weeks - 1)
    proposal = closing(desk, cast, date="2027-03-01", last_date=last.isoformat()).json()

    assert everything(database)["appointments"] == before["appointments"]
    assert everything(database)["diary"] == before["diary"]
    [rest] = proposal["postponed_courses"]
    assert (len(proposal["sessions"]), proposal["unplaced"]) == (inside, 0)
    assert proposal["sessions"] == rest["sessions"][:inside]
    assert {name: rest[name] for name in ("course_id", "patient_id", "from_number")} == {
        "course_id": course["id"], "patient_id": cast.ann, "from_number": 3,
    }  # fmt: skip
    by = "one week" if weeks == 1 else f"{weeks} weeks"
    assert (rest["by_weeks"], rest["sentence"]) == (
        weeks,
        f"From session 3 on, the rest of the course moves by {by}: 4 sessions.",
    )
    assert [appointment["starts_at"] for appointment in rest["sessions"]] == times(course)[2:]
    assert tops(rest) == [(start + weeks * WEEK).isoformat() for start in starts[2:]]
    assert {appointment["to"]["practitioner_id"] for appointment in rest["sessions"]} == {cast.ana}

    done = desk.post(confirmation(proposal))

    assert done.status_code == 200, done.text
    after = desk.get(f"/courses/{course['id']}").json()
    assert times(after) == [*times(course)[:2], *tops(rest)]
    assert [compromise["reason"] for compromise in after["compromises"]] == ["flood"] * len(
        after["compromises"]
    )
    assert {compromise["kind"] for compromise in after["compromises"]} <= {"late", "short", "gap"}
    history = desk.get(f"/courses/{course['id']}/history").json()["items"]
    told = f"All sessions from number 3 on were put {7 * weeks} days later."
    assert told in [entry["what"] for entry in history]
    assert diary_overlaps(database) == 0


def test_who_ends_last_makes_room_for_who_comes_to_that_hour(desk: Desk, cast: Cast) -> None:
    """Ann's last session goes to an hour that is Bob's until he goes later too."""
    ann = book(desk, cast, cast.ann, [MONDAY + week * WEEK for week in range(3)], **WEEKLY)
    later = timedelta(hours=1)
    bobs = [MONDAY + later, MONDAY + WEEK + later, MONDAY + 2 * WEEK + later, MONDAY + 3 * WEEK]
    bob = book(desk, cast, cast.bob, bobs, **WEEKLY)

    proposal = closing(desk, cast, **CLOSED).json()
    done = desk.post(confirmation(proposal))

    by_course = {course["course_id"]: course for course in proposal["postponed_courses"]}
    assert {key: each["by_weeks"] for key, each in by_course.items()} == {
        ann["id"]: 1,
        bob["id"]: 1,
    }
    assert tops(by_course[ann["id"]])[-1] == bobs[-1].isoformat()
    assert done.status_code == 200, done.text


@pytest.mark.parametrize("weeks", [1, 6])
def test_where_the_same_hours_are_taken_the_rest_is_planned_anew_at_its_pace(
    desk: Desk, cast: Cast, weeks: int
) -> None:
    course = book(desk, cast, cast.ann, [MONDAY + week * WEEK for week in range(3)], **WEEKLY)
    after = MONDAY + (1 + weeks) * WEEK
    book(desk, cast, cast.bob, [after + WEEK])

    last = (after - DAY).date().isoformat()
    proposal = closing(desk, cast, date="2027-03-01", last_date=last).json()
    done = desk.post(confirmation(proposal))

    [rest] = proposal["postponed_courses"]
    assert (rest["by_weeks"], rest["sentence"]) == (
        None,
        "From session 2 on, the rest of the course moves to other times: 2 sessions.",
    )
    assert [top[:10] for top in tops(rest)] == [
        moment.date().isoformat() for moment in (after, after + WEEK)
    ]
    assert done.status_code == 200, done.text
    changed = desk.get(f"/courses/{course['id']}").json()
    assert times(changed)[1:] == tops(rest)
    assert {entry["kind"] for entry in changed["compromises"]} <= {"late", "gap"}


@pytest.mark.both_databases
def test_a_daily_course_goes_on_as_soon_as_it_can_not_a_week_later(desk: Desk, cast: Cast) -> None:
    daily = {"phases": [{"sessions": 5, "every_days": 1}]}
    book(desk, cast, cast.ann, [MONDAY + day * DAY for day in range(5)], **daily)

    proposal = closing(desk, cast, date="2027-02-23", last_date="2027-02-24").json()

    [rest] = proposal["postponed_courses"]
    assert [appointment["to"]["starts_at"][:16] for appointment in rest["sessions"]] == [
        "2027-02-25T09:00", "2027-02-26T09:00", "2027-03-01T09:00", "2027-03-02T09:00",
    ]  # fmt: skip
    assert len(proposal["sessions"]) == 2


@pytest.mark.parametrize("deed", ["confirmation", "cancellation"])
def test_a_change_of_a_session_after_the_closure_makes_the_proposal_outdated(
    desk: Desk, cast: Cast, deed: str
) -> None:
    course = book(desk, cast, cast.ann, [MONDAY + week * WEEK for week in range(3)], **WEEKLY)
    proposal = closing(desk, cast, **CLOSED).json()
    assert desk.post(f"/appointments/{course['appointments'][2]['id']}/{deed}").is_success

    outdated = desk.post(confirmation(proposal))

    assert (outdated.status_code, outdated.json()["type"]) == (409, "/problems/outdated-proposal")
    fresh = outdated.json()["proposal"]
    assert desk.post(confirmation(fresh)).status_code == 200


@pytest.mark.both_databases
def test_a_session_more_since_is_not_left_behind(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, cast.ann, [MONDAY + week * WEEK for week in range(3)], **WEEKLY)
    first = course["appointments"][0]["id"]
    assert desk.post(f"/appointments/{first}/cancellation").is_success
    proposal = closing(desk, cast, **CLOSED).json()
    # So much later that the rest could go on without it and leave it where it is.
    after = {"start_on": (MONDAY + 6 * WEEK).date().isoformat()}
    assert desk.post(f"/courses/{course['id']}/make-up", after).is_success

    outdated = desk.post(confirmation(proposal))

    assert outdated.status_code == 409
    [rest] = outdated.json()["proposal"]["postponed_courses"]
    assert len(rest["sessions"]) == len(proposal["postponed_courses"][0]["sessions"]) + 1


@pytest.mark.parametrize("sessions", [1, 2, 4])
def test_a_session_that_has_begun_meanwhile_stays_and_so_does_the_rest(
    desk: Desk, database: Database, cast: Cast, clock: FrozenClock, sessions: int
) -> None:
    starts = [MONDAY + week * WEEK for week in range(sessions)]
    book(desk, cast, cast.ann, starts, phases=[{"sessions": sessions, "per_week": 1}])
    clock.at = MONDAY - timedelta(minutes=10)
    proposal = closing(desk, cast, date="2027-02-22", last_date="2027-02-28").json()
    before = everything(database)
    clock.move(minutes=20)

    refused = desk.post(confirmation(proposal))

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/booked-inside")
    after = everything(database)
    assert all(after[table] == before[table] for table in ("appointments", "diary"))
