"""Plans through the API, for any phases of a treatment or of the plan."""

from typing import Any

import pytest
from httpx import Response

from scheduler.clinic.models import Treatment
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.builders.cast import Cast


def ask(desk: Desk, cast: Cast, **said: Any) -> Response:
    answer: Response = desk.post(
        "/course-plans", {"treatment_id": cast.back, "start_on": "2027-02-22", **said}
    )
    return answer


def days(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [appointment["starts_at"][5:10] for appointment in answer.json()["sessions"]]


def test_a_block_that_repeats_is_planned_as_its_parts(desk: Desk, cast: Cast) -> None:
    answer = ask(
        desk,
        cast,
        phases=[{"sessions": 3, "every_days": 1, "repeat": 2, "pause_days": 4}],
    )

    assert days(answer) == ["02-22", "02-23", "02-24", "03-01", "03-02", "03-03"]
    assert [appointment["phase"] for appointment in answer.json()["sessions"]] == [1, 1, 1, 2, 2, 2]


def test_an_optional_phase_is_planned_when_it_is_asked_for(desk: Desk, cast: Cast) -> None:
    phases = [
        {"sessions": 1, "per_week": 1},
        {"sessions": 1, "per_week": 1, "rest_days": 13, "optional": True},
    ]

    assert days(ask(desk, cast, phases=phases)) == ["02-22"]
    assert days(ask(desk, cast, phases=phases, with_optional=True)) == ["02-22", "03-08"]


def test_a_course_before_a_date_lies_by_that_date(desk: Desk, cast: Cast) -> None:
    phases = [{"sessions": 3, "per_week": 2, "from_day": -14, "to_day": -3}]

    planned = ask(desk, cast, phases=phases, anchor_on="2027-06-21")

    assert days(planned) == ["06-07", "06-10", "06-14"]
    assert planned.json()["compromises"] == []


def test_a_course_by_a_date_asks_for_the_date(desk: Desk, cast: Cast) -> None:
    problem = ask(desk, cast, phases=[{"sessions": 3, "per_week": 2, "to_day": -3}])

    assert problem.status_code == 422
    assert problem.json()["errors"] == [
        {
            "field": "anchor_on",
            "message": "Please say the date that this course is counted from.",
        }
    ]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "phase",
    [
        {"sessions": 10, "every_days": 1, "repeat": 3, "pause_days": 5},
        {"sessions": 9, "per_week": 1.5},
        {"sessions": 10, "within_days": 56, "at_least_days": 35},
        {"sessions": 4, "per_week": 2, "from_day": -14, "to_day": -1},
        {"sessions": 24, "per_week": 2, "caps": [{"sessions": 12, "days": 90}]},
    ],
)
def test_a_treatment_keeps_its_phases_as_they_were_written(
    desk: Desk, cast: Cast, phase: dict[str, Any]
) -> None:
    offered = desk.post(
        "/treatments", {"clinic_id": cast.clinic, "name": "Another", "phases": [phase]}
    )

    assert offered.status_code == 201, offered.text
    kept = offered.json()["phases"][0]
    assert {name: kept[name] for name in phase} == phase


def test_repeats_count_towards_the_most_that_a_course_can_have(desk: Desk, cast: Cast) -> None:
    phase = {"sessions": 10, "every_days": 1}

    problem = ask(desk, cast, phases=[{**phase, "repeat": 3}, {**phase, "repeat": 4}])

    assert problem.status_code == 422
    assert problem.json()["detail"] == "A course has at most 60 sessions."


def test_what_would_help_is_what_to_send_instead(desk: Desk, cast: Cast) -> None:
    asked: dict[str, Any] = {
        "phases": [{"sessions": 3, "per_week": 1, "weekdays": ["fri"]}],
        "practitioner_id": cast.ben,
        "strict": ["practitioner"],
    }

    problem = ask(desk, cast, **asked).json()

    assert problem["detail"] == (
        "Session 1 cannot be placed: the practitioner you want does not work on Friday"
        " in the 5 weeks from 22 February."
    )
    assert [(remedy["kind"], sorted(remedy["send"])) for remedy in problem["remedies"]] == [
        ("practitioner", ["strict"]),
        ("any_weekday", ["phases"]),
    ]
    assert [remedy["sentence"] for remedy in problem["remedies"]] == [
        "With another practitioner where need be: from 26 February to 12 March.",
        "If its sessions may be on any weekday: from 22 February to 8 March.",
    ]
    helped = [
        days(ask(desk, cast, **{**asked, **remedy["send"]})) for remedy in problem["remedies"]
    ]
    assert helped == [["02-26", "03-05", "03-12"], ["02-22", "03-01", "03-08"]]


def test_a_start_beyond_the_open_calendar_is_helped_by_an_earlier_one(
    desk: Desk, cast: Cast
) -> None:
    problem = ask(desk, cast, start_on="2028-01-20").json()

    assert problem["session_number"] == 5
    earlier = problem["remedies"][0]
    assert earlier["kind"] == "earlier"
    assert len(days(ask(desk, cast, **earlier["send"]))) == 10


def test_a_plan_says_no_more_than_was_asked_for(desk: Desk, cast: Cast) -> None:
    plain = ask(desk, cast).json()

    assert plain.keys() == {"sessions", "compromises"}
    assert plain["sessions"][0].keys() == {
        "number",
        "phase",
        "starts_at",
        "ends_at",
        "practitioner_id",
        "room_id",
    }


def test_other_plans_and_the_nearest_times_of_each_session(desk: Desk, cast: Cast) -> None:
    told = ask(desk, cast, weekdays=["thu"], alternatives=True, neighbours=2).json()

    [earlier] = told["alternatives"]
    assert earlier["kind"] == "earlier_end"
    assert earlier["sessions"][-1]["starts_at"] < told["sessions"][-1]["starts_at"]
    assert {len(shown["neighbours"]) for shown in told["sessions"]} == {2}
    assert [shown["starts_at"][5:16] for shown in told["sessions"][0]["neighbours"]] == [
        "02-25T09:00",
        "02-25T09:20",
    ]


@pytest.mark.both_databases
def test_a_cap_counts_the_sessions_that_the_patient_has_had(desk: Desk, cast: Cast) -> None:
    booked = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.ann,
            "sessions": [{"starts_at": f"2027-02-{day}T09:00:00-05:00"} for day in ("08", "15")],
        },
    )
    assert booked.status_code == 201, booked.text
    phases = [{"sessions": 2, "per_week": 1, "caps": [{"sessions": 2, "days": 30}]}]

    assert days(ask(desk, cast, phases=phases)) == ["02-22", "03-01"]
    planned = ask(desk, cast, phases=phases, patient_id=cast.ann)
    assert days(planned) == ["03-10", "03-17"]
    assert [compromise["sentence"] for compromise in planned.json()["compromises"]] == [
        "Session 1 is not before 10 March: at most 2 sessions in 30 days."
    ]


def test_a_rest_that_cannot_be_planned_says_why_too(desk: Desk, cast: Cast) -> None:
    booked = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.ann,
            "sessions": [{"starts_at": f"2027-02-{day}T09:00:00-05:00"} for day in ("22", "25")],
            "phases": [{"sessions": 2, "per_week": 2}],
        },
    ).json()

    problem = desk.post(
        f"/courses/{booked['id']}/replanning",
        {"from_number": 2, "weekdays": ["sun"], "strict": ["weekdays"]},
    )

    assert problem.status_code == 422, problem.text
    assert problem.json()["session_number"] == 2
    assert problem.json()["detail"].startswith(
        "Session 2 cannot be placed: nobody works on Sunday from 23 February to "
    )


def test_a_day_of_another_year_is_named_with_its_year(
    desk: Desk, cast: Cast, database: Database
) -> None:
    another = ask(desk, cast, start_on="2028-01-20").json()["detail"]
    with database.transaction() as session:
        session.get_one(Treatment, cast.back).horizon_days = 30
    this = ask(desk, cast).json()["detail"]

    assert "the calendar is open only until 1 February 2028" in another
    assert "the calendar is open only until 3 March." in this
