"""Every rule of the calendars, at every way in: what one refuses, they all refuse.

Each rule takes away Tuesday 2 March 2027 at 10:00 at Willow, and of Ana alone; 10:00 on the day
after stays free.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import text

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import courses
from scheduler.clinic.models import Treatment
from scheduler.patients.models import Patient
from scheduler.storage.database import Database, stored_id
from tests.api.conftest import Desk
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted
from tests.builders.clock import FrozenClock

TEN = MONDAY.replace(day=2, month=3, hour=10)
NEXT_DAY = TEN + DAY
A_WEEK_BEFORE = TEN - 7 * DAY

WEEK = ("mon", "tue", "wed", "thu", "fri")
WORK = [{"weekday": day, "from": "09:00", "to": "17:00"} for day in WEEK]
TUESDAY = {"valid_from": "2027-03-02", "valid_to": "2027-03-02"}

Rule = Callable[[Desk, Cast, FrozenClock], None]


def put(desk: Desk, path: str, body: dict[str, Any]) -> None:
    answer = desk.send("PUT", path, body)
    assert answer.is_success, answer.text


def change(desk: Desk, path: str, body: dict[str, Any]) -> None:
    answer = desk.send("PATCH", path, body)
    assert answer.is_success, answer.text


def post(desk: Desk, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = desk.post(path, body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def hours(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    others = [stretch for stretch in WORK if stretch["weekday"] != "tue"]
    put(desk, f"/practitioners/{cast.ana}/hours", {"weekly": others, "keep_booked": True})


def hours_of_some_dates(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    late = {"weekday": "tue", "from": "10:20", "to": "17:00"}
    put(desk, f"/practitioners/{cast.ana}/hours", {"weekly": [late], **TUESDAY})


def fixed_break(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    coffee = {"weekday": "tue", "from": "10:10", "to": "10:30"}
    put(desk, f"/practitioners/{cast.ana}/breaks", {"weekly": [coffee], "keep_booked": True})


def floating_break(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    lunch = {"weekday": "tue", "from": "10:05", "to": "10:40", "minutes": 25}
    put(desk, f"/practitioners/{cast.ana}/breaks", {"weekly": [lunch], "keep_booked": True})


def most_sessions(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    change(desk, f"/practitioners/{cast.ana}", {"max_sessions_per_day": 1})
    post(
        desk,
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "sessions": [{"starts_at": TEN.replace(hour=15).isoformat()}],
        },
    )


def time_off(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    span = {
        "starts_at": TEN.isoformat(),
        "ends_at": (TEN + timedelta(minutes=5)).isoformat(),
    }
    post(desk, f"/practitioners/{cast.ana}/time-off", span)


def recurring_time_off(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    first = TEN - 14 * DAY
    span = {
        "starts_at": first.isoformat(),
        "ends_at": (first + timedelta(hours=4)).isoformat(),
        "repeat": {"every_weeks": 2, "until": "2027-06-30"},
    }
    post(desk, f"/practitioners/{cast.ana}/time-off", span)


def rooms_out_of_use(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    span = {
        "starts_at": (TEN + timedelta(minutes=39)).isoformat(),
        "ends_at": (TEN + timedelta(minutes=45)).isoformat(),
    }
    for bed in cast.beds:
        post(desk, f"/rooms/{bed}/time-off", span)


def closure(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    post(desk, f"/clinics/{cast.clinic}/closures", {"date": "2027-03-02"})


def closure_of_part(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    part = {"date": "2027-03-02", "from": "09:30", "to": "10:20"}
    post(desk, f"/clinics/{cast.clinic}/closures", part)


def closure_of_days(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    span = {"date": "2027-02-27", "last_date": "2027-03-02"}
    post(desk, f"/clinics/{cast.clinic}/closures", span)


def expired_license(desk: Desk, cast: Cast, clock: FrozenClock) -> None:
    # It ends the day before; the day after, which is to stay free, is Ben's by then.
    change(desk, f"/practitioners/{cast.ana}", {"license_expires_on": "2027-03-01"})
    wednesday = {"weekday": "wed", "from": "09:00", "to": "17:00"}
    put(desk, f"/practitioners/{cast.ben}/hours", {"weekly": [wednesday]})
    assert clock.now() < TEN


def notice(desk: Desk, cast: Cast, clock: FrozenClock) -> None:
    change(desk, f"/treatments/{cast.back}", {"min_notice_minutes": 120})
    clock.at = TEN - timedelta(minutes=119)


def horizon(desk: Desk, cast: Cast, clock: FrozenClock) -> None:
    # Far ahead: what is to stay free is the week before instead.
    phases = [{"sessions": 1, "per_week": 1}]
    change(desk, f"/treatments/{cast.back}", {"phases": phases, "horizon_days": 28})
    assert (TEN - clock.now()).days == 29


def buffer_after(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    # Hands on until 10:40, plus ten minutes of buffer; another patient's hands-on time begins at
    # 10:45.
    quarter = {"weekday": "tue", "from": "10:45", "to": "11:00"}
    change(desk, f"/treatments/{cast.back}", {"buffer_after_minutes": 10})
    put(desk, f"/practitioners/{cast.ana}/breaks", {"weekly": [quarter]})


def retired(desk: Desk, cast: Cast, _: FrozenClock) -> None:
    change(desk, f"/practitioners/{cast.ana}", {"active": False})
    wednesday = {"weekday": "wed", "from": "09:00", "to": "17:00"}
    put(desk, f"/practitioners/{cast.ben}/hours", {"weekly": [wednesday]})


RULES: list[Rule] = [
    hours,
    hours_of_some_dates,
    fixed_break,
    floating_break,
    most_sessions,
    time_off,
    recurring_time_off,
    rooms_out_of_use,
    closure,
    closure_of_part,
    closure_of_days,
    expired_license,
    notice,
    horizon,
    buffer_after,
    retired,
]


@pytest.fixture
def course(database: Database, cast: Cast) -> int:
    """Ann's course: one session, a week before, at ten."""
    with database.transaction() as session:
        session.execute(
            text("DELETE FROM working_hours WHERE practitioner_id = :ben"), {"ben": cast.ben}
        )
        booked = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, cast.ann),
            wanted=wanted(A_WEEK_BEFORE),
            now=NOW,
        )
        return stored_id(booked.id)


CODES: dict[Rule, list[str]] = {
    hours: ["outside_hours"],
    hours_of_some_dates: ["outside_hours"],
    fixed_break: ["in_break"],
    floating_break: ["in_break"],
    most_sessions: ["daily_limit"],
    time_off: ["practitioner_taken"],
    recurring_time_off: ["practitioner_taken"],
    rooms_out_of_use: ["room_taken"],
    closure: ["closed"],
    closure_of_part: ["closed"],
    closure_of_days: ["closed"],
    expired_license: ["license_expired"],
    notice: ["short_notice"],
    horizon: ["beyond_horizon"],
    buffer_after: ["in_break"],
    retired: ["outside_hours"],
}
HARD: set[Rule] = {time_off, recurring_time_off, rooms_out_of_use, expired_license}


def broken(answer: Response, rule: Rule) -> list[str]:
    """The limits of a refusal, whose type says whether staff may go on."""
    assert answer.status_code == 409, answer.text
    kind = "sessions-taken" if rule in HARD else "soft-limits"
    assert answer.json()["type"] == f"/problems/{kind}"
    conflicts = answer.json()["conflicts"]
    assert {conflict["can_be_allowed"] for conflict in conflicts} == {rule not in HARD}
    return [conflict["code"] for conflict in conflicts]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_a_rule_takes_away_is_nowhere_to_be_had(
    desk: Desk, cast: Cast, clock: FrozenClock, course: int, rule: Rule
) -> None:
    appointment = desk.get(f"/courses/{course}").json()["appointments"][0]["id"]
    rule(desk, cast, clock)
    if rule is notice:
        # The session to be moved lies in the past by then.
        appointment = None

    slots = desk.get("/slots", treatment_id=cast.back, **{"from": "2027-03-02", "to": "2027-03-02"})
    plan = desk.post(
        "/course-plans",
        {
            "treatment_id": cast.back,
            "start_on": "2027-03-02",
            "between": ["10:00", "10:40"],
            "weekdays": ["tue"],
            "phases": [{"sessions": 1, "per_week": 1}],
        },
    )
    booked = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "sessions": [{"starts_at": TEN.isoformat()}],
        },
    )

    assert TEN.isoformat() not in [item["starts_at"] for item in slots.json()["items"]]
    assert TEN.isoformat() not in [
        planned["starts_at"] for planned in plan.json().get("sessions", [])
    ]
    assert broken(booked, rule) == CODES[rule]
    if appointment is None:
        return
    moved = desk.post(
        f"/appointments/{appointment}/move",
        {"starts_at": TEN.isoformat(), "insist": "for the test"},
    )
    shifted = desk.post(f"/courses/{course}/shift", {"from_number": 1, "by_days": 7})
    assert broken(moved, rule) == CODES[rule]
    assert broken(shifted, rule) == CODES[rule]


@pytest.mark.both_databases
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_staff_pass_a_soft_limit_with_a_reason_and_no_hard_one(
    desk: Desk, cast: Cast, clock: FrozenClock, course: int, rule: Rule
) -> None:
    rule(desk, cast, clock)

    booked = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "sessions": [{"starts_at": TEN.isoformat()}],
            "allow": [] if rule in HARD else CODES[rule],
            "reason": "He travels from far away.",
        },
    )

    if rule in HARD:
        assert broken(booked, rule) == CODES[rule]
        return
    assert booked.status_code == 201, booked.text
    [audited] = [
        entry["details"]
        for entry in desk.get("/audit", subject="course").json()["items"]
        if entry["subject_id"] == booked.json()["id"]
    ]
    assert audited["allowed"] == CODES[rule]
    assert audited["reason"] == "He travels from far away."


FREE_ELSEWHERE = [rule for rule in RULES if rule not in {notice, horizon}]


@pytest.mark.both_databases
@pytest.mark.parametrize("rule", FREE_ELSEWHERE, ids=lambda rule: rule.__name__)
def test_what_a_rule_leaves_is_to_be_had_at_every_way_in(
    desk: Desk, cast: Cast, clock: FrozenClock, course: int, rule: Rule
) -> None:
    rule(desk, cast, clock)
    day = NEXT_DAY.date().isoformat()

    slots = desk.get("/slots", treatment_id=cast.back, **{"from": day, "to": day})
    booked = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.bob,
            "sessions": [{"starts_at": NEXT_DAY.isoformat()}],
        },
    )
    appointment = desk.get(f"/courses/{course}").json()["appointments"][0]["id"]
    moved = desk.post(
        f"/appointments/{appointment}/move",
        {
            "starts_at": NEXT_DAY.replace(hour=14).isoformat(),
            "practitioner_id": cast.ben if rule in {expired_license, retired} else cast.ana,
            "insist": "for the test",
        },
    )

    assert NEXT_DAY.isoformat() in [item["starts_at"] for item in slots.json()["items"]]
    assert booked.status_code == 201, booked.text
    # The booking just made reaches a daily maximum of one.
    assert moved.status_code == (409 if rule is most_sessions else 200), moved.text
