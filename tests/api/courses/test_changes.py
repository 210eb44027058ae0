"""Changes of a course keep its pace or say why not, and happen completely or not at all."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel, col

from scheduler.booking.models import Appointment
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.api.courses.test_courses import book
from tests.builders.cast import DAY, MONDAY, Cast
from tests.builders.clock import FrozenClock

WEEKS = (0, 3, 7, 10, 14, 17)
"""Two a week for three weeks, as the treatment asks."""


def at(day: int, hour: int = 9) -> str:
    """An hour in New York, some days after the Monday, as sent in a request."""
    return (MONDAY.replace(hour=hour) + day * DAY).isoformat()


def days_of(course: dict[str, Any]) -> list[int]:
    """How many days after the Monday the sessions are, in the order of their numbers."""
    ordered = sorted(course["appointments"], key=lambda appointment: appointment["number"])
    dates = [item["starts_at"][:10] for item in ordered]
    span = {(MONDAY + day * DAY).date().isoformat(): day for day in range(120)}
    return [span[day] for day in dates]


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    with database.transaction(write=False) as session:
        return {
            table.name: sorted(map(tuple, session.execute(select(table)).all()), key=repr)
            for table in SQLModel.metadata.sorted_tables
        }


def ids(course: dict[str, Any]) -> list[int]:
    return [appointment["id"] for appointment in course["appointments"]]


def told(desk: Desk, course: dict[str, Any]) -> list[tuple[str, str]]:
    """The history of a course: what and why."""
    lines = desk.get(f"/courses/{course['id']}/history").json()["items"]
    return [(line["what"], line["why"]) for line in lines]


def test_a_move_that_breaks_the_pace_says_how_and_staff_may_insist(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)
    address = f"/appointments/{ids(course)[2]}/move"
    sentence = "3 sessions are in the week of 22 February: there should be 2."

    refused = desk.post(address, {"starts_at": at(4)})

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/breaks-pace")
    assert refused.json()["breaks"][0] == {
        "kind": "too_fast",
        "session_numbers": [3],
        "sentence": sentence,
    }
    assert days_of(desk.get(f"/courses/{course['id']}").json()) == list(WEEKS)

    assert desk.post(address, {"starts_at": at(4), "insist": "She travels."}).status_code == 200
    marked = desk.get(f"/courses/{course['id']}").json()
    assert days_of(marked) == [0, 3, 4, 10, 14, 17]
    assert {compromise["reason"] for compromise in marked["compromises"]} == {"She travels."}
    assert marked["compromises"][0]["sentence"] == sentence
    assert told(desk, course) == [
        ("The course was booked: 6 sessions, the first on Mon 22 Feb 9:00.", ""),
        (
            "Session 3 was moved from Mon 1 Mar 9:00 to Fri 26 Feb 9:00, although it breaks the"
            " pace.",
            "She travels.",
        ),
    ]


def test_dates_of_another_year_than_the_one_it_is_read_in_are_told_with_it(
    desk: Desk, cast: Cast, clock: FrozenClock
) -> None:
    course = book(desk, cast, *WEEKS)
    clock.at = MONDAY.replace(year=2028)

    assert told(desk, course)[0][0] == (
        "The course was booked: 6 sessions, the first on Mon 22 Feb 2027 9:00."
    )


def test_what_was_accepted_once_is_not_asked_again(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)
    third, _, fifth = ids(course)[2:5]
    desk.post(f"/appointments/{third}/move", {"starts_at": at(4), "insist": "She travels."})

    assert desk.post(f"/appointments/{fifth}/move", {"starts_at": at(15)}).status_code == 200
    back = desk.post(f"/appointments/{third}/move", {"starts_at": at(8)})

    assert back.status_code == 200
    assert desk.get(f"/courses/{course['id']}").json()["compromises"] == []


def test_a_session_that_passes_another_gets_its_number(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)

    moved = desk.post(f"/appointments/{ids(course)[2]}/move", {"starts_at": at(11)})

    assert (moved.status_code, moved.json()["number"]) == (200, 4)
    now = desk.get(f"/courses/{course['id']}").json()
    assert days_of(now) == [0, 3, 10, 11, 14, 17]
    assert [appointment["number"] for appointment in now["appointments"]] == [1, 2, 3, 4, 5, 6]
    assert told(desk, course)[-1][0] == (
        "Session 3 was moved from Mon 1 Mar 9:00 to Fri 5 Mar 9:00; it is session 4 now."
    )


def test_shifting_is_told_where_it_is_slower_and_refused_where_it_is_faster(
    desk: Desk, cast: Cast
) -> None:
    course = book(desk, cast, *WEEKS)
    address = f"/courses/{course['id']}/shift"

    later = desk.post(address, {"from_number": 3, "by_days": 7, "reason": "A holiday"})
    assert days_of(later.json()) == [0, 3, 14, 17, 21, 24]
    assert [
        (compromise["kind"], compromise["reason"]) for compromise in later.json()["compromises"]
    ] == [("late", "A holiday")]

    faster = desk.post(address, {"from_number": 3, "by_days": -10})
    assert (faster.status_code, faster.json()["type"]) == (409, "/problems/breaks-pace")
    back = desk.post(address, {"from_number": 3, "by_days": -7})
    assert (days_of(back.json()), back.json()["compromises"]) == (list(WEEKS), [])
    assert ("All sessions from number 3 on were put 7 days later.", "A holiday") in told(
        desk, course
    )


def test_a_dry_run_answers_as_the_deed_would_and_leaves_no_trace(
    desk: Desk, database: Database, cast: Cast
) -> None:
    course = book(desk, cast, *WEEKS)
    theirs = book(desk, cast, 1, patient_id=cast.bob)
    first, second = ids(course)[:2]
    deeds: list[tuple[str, dict[str, Any]]] = [
        (f"/appointments/{first}/move", {"starts_at": at(0, 15)}),
        (f"/appointments/{second}/swap", {"appointment_id": ids(theirs)[0]}),
        (f"/courses/{course['id']}/shift", {"from_number": 2, "by_days": 7}),
        (f"/courses/{course['id']}/skipped-week", {"start_on": at(14)[:10]}),
        (f"/courses/{course['id']}/practitioner", {"practitioner_id": cast.ben, "from_number": 2}),
        (f"/appointments/{second}/cancellation", {"reason": "ill"}),
        (f"/courses/{course['id']}/cancellation", {"reason": "ill"}),
    ]
    for address, body in deeds:
        before = everything(database)
        tried = desk.post(f"{address}?dry_run=true", body, idempotency_key=f"a key {address}")
        assert everything(database) == before, address
        done = desk.post(address, body, idempotency_key=f"a key {address}")
        assert (tried.status_code, tried.json()) == (done.status_code, _but_id(done, tried))
        assert tried.headers.get("ETag") == done.headers.get("ETag")


@pytest.mark.both_databases
def test_a_dry_run_is_not_answered_as_the_deed_was_that_had_its_key(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)
    address, body = f"/courses/{course['id']}/shift", {"from_number": 2, "by_days": 7}
    done = desk.post(address, body, idempotency_key="one key")
    assert done.status_code == 200

    tried = desk.post(f"{address}?dry_run=true", body, idempotency_key="one key")

    assert tried.status_code == 200
    assert days_of(tried.json()) != days_of(done.json()), "it would be a week later still"
    assert desk.post(address, body, idempotency_key="one key").json() == done.json()


def _but_id(done: Any, tried: Any) -> Any:
    """A problem names its own request."""
    return {**done.json(), **({"request_id": tried.json()["request_id"]} if done.is_error else {})}


def test_two_patients_swap_in_one_step_or_not_at_all(
    desk: Desk, database: Database, cast: Cast
) -> None:
    anns = book(desk, cast, 1, 3)
    bobs = book(desk, cast, 2, 3, patient_id=cast.bob)
    swap = {"appointment_id": ids(bobs)[0]}
    address = f"/appointments/{ids(anns)[0]}/swap"

    stale = desk.post(address, {**swap, "version": 7})
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale")
    answer = desk.post(address, swap)

    assert [appointment["starts_at"][:10] for appointment in answer.json()["appointments"]] == [
        "2027-02-24",
        "2027-02-23",
    ]
    assert days_of(desk.get(f"/courses/{anns['id']}").json()) == [2, 3]
    assert days_of(desk.get(f"/courses/{bobs['id']}").json()) == [1, 3]
    before = everything(database)
    # Ann has a session on that day already: neither of the two is moved.
    second = desk.post(address, {"appointment_id": ids(bobs)[1]})
    itself = desk.post(address, {"appointment_id": ids(anns)[0]})
    assert [conflict["code"] for conflict in second.json()["conflicts"]] == [
        "same_day",
        "patient_taken",
    ]
    assert (second.status_code, itself.status_code) == (409, 422)
    assert everything(database) == before


@pytest.mark.both_databases
def test_of_many_who_swap_the_same_two_each_swap_is_whole(
    desk: Desk, cast: Cast, database: Database
) -> None:
    anns, bobs = book(desk, cast, 1), book(desk, cast, 2, patient_id=cast.bob)
    pair = (ids(anns)[0], ids(bobs)[0])
    [before] = times_seen(database, pair, at_most=1)
    over = Event()

    with ThreadPoolExecutor(9) as people:
        watched = people.submit(times_seen, database, pair, until=over)
        statuses = list(
            people.map(
                lambda turn: (
                    desk.post(
                        f"/appointments/{pair[turn % 2]}/swap",
                        {"appointment_id": pair[1 - turn % 2]},
                    ).status_code
                ),
                range(8),
            )
        )
        over.set()
        seen = watched.result()

    assert statuses == [200] * 8
    assert days_of(desk.get(f"/courses/{anns['id']}").json()) == [1]
    assert days_of(desk.get(f"/courses/{bobs['id']}").json()) == [2]
    assert seen <= {before, before[::-1]}, "who looks meanwhile sees both swapped or neither"


def times_seen(
    database: Database, pair: tuple[int, int], *, until: Event | None = None, at_most: int = 5_000
) -> set[tuple[datetime, ...]]:
    """When two sessions are, looked at again and again: each answer once."""
    seen = set()
    for _ in range(at_most):
        with database.transaction(write=False) as session:
            both = select(col(Appointment.starts_at)).where(col(Appointment.id).in_(pair))
            seen.add(tuple(session.scalars(both.order_by(col(Appointment.id)))))
        if until is not None and until.is_set():
            break
    return seen


def test_a_week_is_skipped_whole(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)

    answer = desk.post(
        f"/courses/{course['id']}/skipped-week", {"start_on": at(7)[:10], "reason": "Away"}
    )

    assert days_of(answer.json()) == [0, 3, 14, 17, 21, 24]
    assert [compromise["reason"] for compromise in answer.json()["compromises"]] == ["Away"]
    assert told(desk, course)[-1] == (
        "The week from Mon 1 Mar was skipped: what followed is a week later.",
        "Away",
    )
    nothing = desk.post(f"/courses/{course['id']}/skipped-week", {"start_on": at(40)[:10]})
    assert nothing.status_code == 409


def test_another_practitioner_gives_the_rest_at_the_same_times_or_none_of_it(
    desk: Desk, cast: Cast
) -> None:
    course = book(desk, cast, 0, 3, 7, 10)
    givers = {appointment["practitioner_id"] for appointment in course["appointments"]}
    assert givers == {cast.ana}
    address = f"/courses/{course['id']}/practitioner"

    changed = desk.post(address, {"practitioner_id": cast.ben, "from_number": 2})

    assert [appointment["practitioner_id"] for appointment in changed.json()["appointments"]] == [
        cast.ana,
        *[cast.ben] * 3,
    ]
    assert days_of(changed.json()) == [0, 3, 7, 10]
    assert told(desk, course)[-1][0] == "From session 2 on Ben gives the course."
    other = book(desk, cast, 1, 4, patient_id=cast.bob)  # when Ben does not work
    refused = desk.post(f"/courses/{other['id']}/practitioner", {"practitioner_id": cast.ben})
    assert refused.status_code == 409
    assert [conflict["number"] for conflict in refused.json()["conflicts"]] == [1, 2]
    assert all(conflict["alternatives"] for conflict in refused.json()["conflicts"])


@pytest.mark.both_databases
def test_a_late_cancellation_is_known_as_one(desk: Desk, cast: Cast, clock: FrozenClock) -> None:
    course = book(desk, cast, *WEEKS)
    clinic = f"/clinics/{cast.clinic}"
    changed = desk.send("PATCH", clinic, {"cancel_notice_hours": 48})
    assert changed.json()["cancel_notice_hours"] == 48

    clock.at = MONDAY + 3 * DAY - 2 * DAY
    early = desk.post(f"/appointments/{ids(course)[1]}/cancellation")
    clock.move(days=4, minutes=1)
    late = desk.post(f"/appointments/{ids(course)[2]}/cancellation", {"reason": "ill"})

    assert (early.json()["cancelled_late"], late.json()["cancelled_late"]) == (False, True)
    assert told(desk, course)[-1] == (
        "Session 3 was cancelled, later than the notice asked for.",
        "ill",
    )


def test_a_cancelled_session_keeps_its_place_in_the_pace(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)

    desk.post(f"/appointments/{ids(course)[2]}/cancellation")

    now = desk.get(f"/courses/{course['id']}").json()
    assert now["compromises"] == []
    # In the week of the cancelled one there is room for another, but not for two.
    moved = desk.post(f"/appointments/{ids(course)[4]}/move", {"starts_at": at(11)})
    assert moved.status_code == 200
    third = desk.post(f"/appointments/{ids(course)[5]}/move", {"starts_at": at(9)})
    assert third.status_code == 409
    assert {violation["kind"] for violation in third.json()["breaks"]} == {"too_fast"}


def test_a_move_and_a_cancellation_at_once_leave_one_whole_outcome(
    desk: Desk, database: Database, cast: Cast
) -> None:
    course = book(desk, cast, *WEEKS)
    for session in ids(course)[:4]:
        seen = desk.get(f"/appointments/{session}").headers["ETag"]
        to = desk.get(f"/appointments/{session}").json()["starts_at"].replace("T09", "T15")
        deeds = [("move", {"starts_at": to}), ("cancellation", {"reason": "ill"})]

        with ThreadPoolExecutor(2) as people:
            move, cancellation = people.map(
                lambda deed, on=session, etag=seen: desk.post(
                    f"/appointments/{on}/{deed[0]}", deed[1], if_match=etag
                ),
                deeds,
            )

        assert sorted([move.status_code, cancellation.status_code]) == [200, 412]
        now = desk.get(f"/appointments/{session}").json()
        if move.status_code == 200:
            assert (now["starts_at"], now["state"]) == (to, "booked")
        else:
            assert (now["starts_at"][11:13], now["state"]) == ("09", "cancelled")
        taken = [row for row in everything(database)["diary"] if session in row[4:5]]
        assert bool(taken) == (now["state"] == "booked")


def test_a_change_sent_many_times_with_one_key_is_made_once(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)
    body = {"from_number": 3, "by_days": 7}

    with ThreadPoolExecutor(20) as people:
        answers = list(
            people.map(
                lambda _: desk.post(
                    f"/courses/{course['id']}/shift", body, idempotency_key="twice"
                ),
                range(20),
            )
        )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert days_of(desk.get(f"/courses/{course['id']}").json()) == [0, 3, 14, 17, 21, 24]
    assert [what for what, _ in told(desk, course)].count(
        "All sessions from number 3 on were put 7 days later."
    ) == 1


def test_the_history_of_a_course_says_why_it_was_cancelled(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, *WEEKS)

    desk.post(f"/courses/{course['id']}/cancellation", {"reason": "She moves away."})

    assert told(desk, course)[-1] == (
        "The course was cancelled: 6 sessions to come.",
        "She moves away.",
    )


def test_the_history_of_a_course_tells_nothing_of_others(
    desk: Desk, local_desk: Desk, cast: Cast, other: Cast
) -> None:
    book(desk, cast, 0, patient_id=cast.bob)
    course = book(desk, cast, *WEEKS)
    theirs = desk.post(
        "/courses",
        {
            "treatment_id": other.back,
            "patient_id": other.ann,
            "sessions": [{"starts_at": at(0)}],
        },
    ).json()

    assert len(told(desk, course)) == 1
    assert local_desk.get(f"/courses/{theirs['id']}/history").status_code == 404
    first = desk.get(f"/courses/{course['id']}/history", limit=1).json()
    assert (len(first["items"]), first["next_cursor"]) == (1, None)
    desk.post(f"/appointments/{ids(course)[0]}/confirmation")
    page = desk.get(f"/courses/{course['id']}/history", limit=1).json()
    after = desk.get(f"/courses/{course['id']}/history", limit=1, cursor=page["next_cursor"]).json()
    assert [line["what"] for line in after["items"]] == ["Session 1 was confirmed."]
    assert after["items"][0]["who"] == "Somebody"
