"""Hours, breaks, extra hours, time off and closures through the API."""

from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.api.courses.test_courses import book
from tests.builders.cast import DAY, MONDAY, Cast

TUESDAY = MONDAY + DAY
FRIDAY = MONDAY + 4 * DAY


def starts(desk: Desk, cast: Cast, day: str) -> list[str]:
    found = desk.get("/slots", treatment_id=cast.back, **{"from": day, "to": day}).json()["items"]
    return [match["starts_at"][11:16] for match in found if match["practitioner_id"] == cast.ana]


def test_one_practitioner_serves_two_beds_staggered(desk: Desk, cast: Cast) -> None:
    # Hands are on for minutes 0-12 and 32-40: twenty minutes later they are free for another bed.
    book(desk, cast, 1)

    assert starts(desk, cast, "2027-02-23")[:3] == ["09:20", "09:40", "10:00"]
    second = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "sessions": [{"starts_at": TUESDAY.replace(minute=20).isoformat()}],
        },
    ).json()["appointments"][0]
    assert (second["practitioner_id"], second["room_id"]) == (cast.ana, cast.beds[1])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/practitioners/{ana}/hours", {"weekly": []}),
        (
            "PUT",
            "/practitioners/{ana}/breaks",
            {"weekly": [{"weekday": "tue", "from": "09:00", "to": "10:00"}]},
        ),
        ("PATCH", "/practitioners/{ana}", {"license_expires_on": "2027-02-22"}),
        ("DELETE", "/practitioners/{ana}/extra-hours/{extra}", None),
    ],
)
def test_a_change_that_leaves_sessions_outside_lists_them_or_keeps_them(
    desk: Desk, cast: Cast, method: str, path: str, body: dict[str, Any] | None
) -> None:
    address = path.format(ana=cast.ana, extra=extra_hours_only(desk, cast, path))
    appointment = book(desk, cast, 1)["appointments"][0]

    told = desk.send(method, address, body)
    kept = (
        desk.send(method, f"{address}?keep_booked=true")
        if body is None
        else desk.send(method, address, {**body, "keep_booked": True})
    )

    assert told.status_code == 409
    assert told.json()["type"] == "/problems/booked-outside"
    assert [appointment["id"] for appointment in told.json()["appointments"]] == [appointment["id"]]
    assert kept.is_success
    still = desk.get(f"/appointments/{appointment['id']}").json()
    assert still["starts_at"] == appointment["starts_at"]


def extra_hours_only(desk: Desk, cast: Cast, path: str) -> int:
    """Where they are what the test is about: Ana works on that Tuesday by extra hours alone."""
    if "extra" not in path:
        return 0
    desk.send("PUT", f"/practitioners/{cast.ana}/hours", {"weekly": []})
    body = {"date": "2027-02-23", "from": "09:00", "to": "12:00"}
    return int(desk.post(f"/practitioners/{cast.ana}/extra-hours", body).json()["id"])


def test_a_most_of_sessions_below_what_is_booked_lists_those_beyond(desk: Desk, cast: Cast) -> None:
    book(desk, cast, 1)
    later = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "sessions": [{"starts_at": TUESDAY.replace(hour=15).isoformat()}],
        },
    ).json()["appointments"][0]

    told = desk.send("PATCH", f"/practitioners/{cast.ana}", {"max_sessions_per_day": 1})

    assert [appointment["id"] for appointment in told.json()["appointments"]] == [later["id"]]


@pytest.mark.both_databases
def test_extra_hours_are_worked_on_their_date_and_gone_when_taken_away(
    desk: Desk, cast: Cast
) -> None:
    body = {"date": "2027-02-27", "from": "09:00", "to": "10:00"}  # a Saturday
    made = desk.post(f"/practitioners/{cast.ana}/extra-hours", body).json()

    assert starts(desk, cast, "2027-02-27") == ["09:00", "09:20"]
    assert starts(desk, cast, "2027-03-06") == []
    assert desk.get(f"/practitioners/{cast.ana}/extra-hours").json()["items"] == [made]
    gone = desk.send("DELETE", f"/practitioners/{cast.ana}/extra-hours/{made['id']}")
    assert gone.status_code == 204
    assert starts(desk, cast, "2027-02-27") == []


@pytest.mark.both_databases
def test_a_floating_lunch_moves_with_what_is_booked_but_is_never_lost(
    desk: Desk, cast: Cast
) -> None:
    lunch = {"weekday": "tue", "from": "12:00", "to": "14:00", "minutes": 60}
    desk.send("PUT", f"/practitioners/{cast.ana}/breaks", {"weekly": [lunch]})

    offered = [start for start in starts(desk, cast, "2027-02-23") if "11:20" <= start < "14:20"]
    # Hands at 12:20 and until 13:00 leave an hour after; those of 12:40 leave forty minutes each.
    assert offered == ["11:20", "11:40", "12:00", "12:20", "13:00", "13:20", "13:40", "14:00"]

    book_at(desk, cast, "12:00")
    # The hour is now from 12:40 on at the earliest, or from 13:00.
    offered = [start for start in starts(desk, cast, "2027-02-23") if "12:00" <= start < "14:20"]
    assert offered == ["12:20", "13:40", "14:00"]


def book_at(desk: Desk, cast: Cast, clock: str) -> None:
    hour, minute = map(int, clock.split(":"))
    start = TUESDAY.replace(hour=hour, minute=minute)
    body = {
        "treatment_id": cast.back,
        "patient_id": cast.bob,
        "sessions": [{"starts_at": start.isoformat()}],
    }
    assert desk.post("/courses", body).status_code == 201


@pytest.mark.both_databases
def test_every_second_friday_afternoon_keeps_its_wall_time_and_ends_as_one(
    desk: Desk, cast: Cast
) -> None:
    path = f"/practitioners/{cast.ana}/time-off"
    body = {
        "starts_at": FRIDAY.replace(hour=13).isoformat(),
        "ends_at": FRIDAY.replace(hour=17).isoformat(),
        "repeat": {"every_weeks": 2, "until": "2027-03-31"},
    }
    first = desk.post(path, body).json()

    items = desk.get(path).json()["items"]
    assert [item["starts_at"] for item in items] == [
        "2027-02-26T13:00:00-05:00",
        "2027-03-12T13:00:00-05:00",
        "2027-03-26T13:00:00-04:00",
    ]
    assert {item["series_id"] for item in items} == {first["id"]}
    assert starts(desk, cast, "2027-03-26")[-1] == "12:20"
    assert starts(desk, cast, "2027-03-19")[-1] == "16:20"

    assert desk.send("DELETE", f"{path}/{first['id']}?series=true").status_code == 204
    assert desk.get(path).json()["items"] == []
    assert starts(desk, cast, "2027-03-26")[-1] == "16:20"


@pytest.mark.both_databases
def test_a_series_over_a_booked_session_names_it_and_takes_nothing(desk: Desk, cast: Cast) -> None:
    appointment = book(desk, cast, 18)["appointments"][0]
    path = f"/practitioners/{cast.ana}/time-off"
    body = {
        "starts_at": FRIDAY.isoformat(),
        "ends_at": FRIDAY.replace(hour=17).isoformat(),
        "repeat": {"every_weeks": 1, "until": "2027-03-31"},
    }

    told = desk.post(path, body)

    assert told.status_code == 409
    assert [appointment["id"] for appointment in told.json()["appointments"]] == [appointment["id"]]
    assert desk.get(path).json()["items"] == []


def test_an_absence_is_given_other_times(desk: Desk, cast: Cast) -> None:
    path = f"/practitioners/{cast.ana}/time-off"
    body = {"starts_at": TUESDAY.isoformat(), "ends_at": TUESDAY.replace(hour=17).isoformat()}
    made = desk.post(path, body).json()

    changed = desk.send(
        "PUT", f"{path}/{made['id']}", {**body, "ends_at": TUESDAY.replace(hour=12).isoformat()}
    )

    assert changed.json()["ends_at"] == "2027-02-23T12:00:00-05:00"
    assert starts(desk, cast, "2027-02-23")[0] == "12:00"


@pytest.mark.both_databases
def test_part_of_a_day_and_a_range_of_days_are_closed_and_opened_again(
    desk: Desk, cast: Cast
) -> None:
    path = f"/clinics/{cast.clinic}/closures"
    part = desk.post(path, {"date": "2027-02-23", "from": "09:00", "to": "15:30"}).json()
    days = desk.post(path, {"date": "2027-02-24", "last_date": "2027-02-25"}).json()

    assert starts(desk, cast, "2027-02-23")[0] == "15:40"
    assert starts(desk, cast, "2027-02-24") == starts(desk, cast, "2027-02-25") == []

    assert desk.send("DELETE", f"{path}/{part['id']}").status_code == 204
    assert desk.send("DELETE", f"{path}/{days['id']}?series=true").status_code == 204
    assert starts(desk, cast, "2027-02-23")[0] == "09:00"
    assert starts(desk, cast, "2027-02-25")[0] == "09:00"
    assert desk.get(path).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("breaks", {"weekly": [{"weekday": "mon", "from": "12:00", "to": "12:30", "minutes": 31}]},
         "weekly[0].minutes"),
        ("time-off", {"starts_at": "2027-02-23T09:00:00-05:00",
                      "ends_at": "2027-03-05T09:00:00-05:00",
                      "repeat": {"every_weeks": 1, "until": "2027-04-01"}},
         "repeat.every_weeks"),
        ("time-off", {"starts_at": "2027-02-23T09:00:00-05:00",
                      "ends_at": "2027-02-23T10:00:00-05:00",
                      "repeat": {"every_weeks": 1, "until": "2031-04-01"}},
         "repeat.until"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_by_its_field(
    desk: Desk, cast: Cast, path: str, body: dict[str, Any], field: str
) -> None:
    method = "PUT" if path == "breaks" else "POST"

    answer = desk.send(method, f"/practitioners/{cast.ana}/{path}", body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.both_databases
def test_closures_add_up_and_each_is_removed_alone(desk: Desk, cast: Cast) -> None:
    path = f"/clinics/{cast.clinic}/closures"
    early = desk.post(path, {"date": "2027-02-23", "from": "08:00", "to": "10:00"})
    late = desk.post(path, {"date": "2027-02-23", "from": "15:00", "to": "18:00"})
    days = desk.post(path, {"date": "2027-02-22", "last_date": "2027-02-24"})
    same = desk.post(path, {"date": "2027-02-23"})

    assert [answer.status_code for answer in (early, late, days, same)] == [201, 201, 201, 409]
    assert starts(desk, cast, "2027-02-23") == []

    assert desk.send("DELETE", f"{path}/{days.json()['id']}?series=true").status_code == 204
    open_at = starts(desk, cast, "2027-02-23")
    assert (open_at[0], open_at[-1]) == ("10:00", "14:00")
    assert len(starts(desk, cast, "2027-02-22")) > len(open_at)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/clinics/{clinic}/closures", {"date": "2027-03-01"}),
        (
            "/practitioners/{ana}/time-off",
            {"starts_at": "2027-03-01T09:00:00-05:00", "ends_at": "2027-03-01T12:00:00-05:00"},
        ),
        (
            "/practitioners/{ana}/extra-hours",
            {"date": "2027-03-06", "from": "09:00", "to": "12:00"},
        ),
    ],
)
def test_a_removal_that_is_repeated_removes_nothing_else(
    desk: Desk, cast: Cast, path: str, body: dict[str, str]
) -> None:
    path = path.format(clinic=cast.clinic, ana=cast.ana)
    made = desk.post(path, body)
    one = f"{path}/{made.json()['id']}"
    stale = desk.send("DELETE", one, If_Match='"7"')

    assert stale.status_code == 412
    assert desk.send("DELETE", one, If_Match=made.headers["ETag"]).status_code == 204
    again = desk.post(path, body).json()
    assert desk.send("DELETE", one).status_code == 404
    assert [row["id"] for row in desk.get(path).json()["items"]] == [again["id"]]
