"""A practitioner falls ill over thirty booked sessions: each gets a place, all in one step."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scheduler.audit import OPERATOR
from scheduler.booking import absence_proposals, courses
from scheduler.clinic.models import Clinic, Room, Treatment, TreatmentPractitioner, TreatmentRoom
from scheduler.database import Database, known
from tests import cast as people
from tests.api.conftest import Desk
from tests.api.test_changes import everything
from tests.cast import DAY, MONDAY, NOW, Cast, wanted

WEEK = {"starts_at": MONDAY.isoformat(), "ends_at": (MONDAY + 5 * DAY).isoformat(), "reason": "ill"}


@pytest.fixture
def cleo(database: Database, cast: Cast) -> int:
    """A third practitioner, Mondays to Wednesdays, and a third bed."""
    with database.transaction() as session:
        clinic = session.get_one(Clinic, cast.clinic)
        who = people.practitioner(session, clinic, "Cleo", weekdays=range(3))
        bed: Room = people.bed(session, clinic, "Bed 3")
        session.add(TreatmentPractitioner(treatment_id=cast.back, practitioner_id=known(who.id)))
        session.add(TreatmentRoom(treatment_id=cast.back, room_id=known(bed.id)))
        return known(who.id)


@pytest.fixture
def thirty(database: Database, cast: Cast, cleo: int) -> list[int]:
    """The courses of 15 patients with two sessions each in Ana's week; Fridays are among them."""
    with database.transaction() as session:
        clinic = session.get_one(Clinic, cast.clinic)
        booked = []
        for number in range(15):
            phone = f"+1202555{1000 + number}"
            patient = people.enrol(session, clinic, f"Patient {'ABCDEFGHIJKLMNO'[number]}", phone)
            # Mondays and Wednesdays, Tuesdays and Thursdays, and Wednesdays and Fridays in between.
            group, hour = number % 3, number // 3
            first = MONDAY + group * DAY + timedelta(hours=hour, minutes=20 * (group == 2))
            course = courses.book(
                session,
                OPERATOR,
                treatment=session.get_one(Treatment, cast.back),
                patient=patient,
                wanted=wanted(first, first + 2 * DAY, first + 7 * DAY, practitioner_id=cast.ana),
                now=NOW,
            )
            booked.append(known(course.id))
        return booked


def propose(desk: Desk, cast: Cast) -> dict[str, Any]:
    answer = desk.post(f"/practitioners/{cast.ana}/absence-proposals", WEEK)
    assert answer.status_code == 201, answer.text
    proposal: dict[str, Any] = answer.json()
    return proposal


def confirmation(cast: Cast, proposal: dict[str, Any]) -> str:
    return f"/practitioners/{cast.ana}/absence-proposals/{proposal['id']}/confirmation"


def diary_overlaps(database: Database) -> int:
    with database.transaction(write=False) as session:
        return int(
            session.execute(
                text(
                    "SELECT count(*) FROM diary a JOIN diary b ON a.calendar_id = b.calendar_id"
                    " AND a.id < b.id AND a.from_minute < b.to_minute"
                    " AND b.from_minute < a.to_minute"
                )
            ).scalar_one()
        )


def test_thirty_sessions_are_placed_in_one_step(
    desk: Desk, database: Database, cast: Cast, thirty: list[int]
) -> None:
    before = everything(database)
    proposal = propose(desk, cast)
    assert everything(database)["appointments"] == before["appointments"]
    assert everything(database)["diary"] == before["diary"]
    assert len(proposal["sessions"]) == 30
    assert (proposal["unplaced"], [each["why"] for each in proposal["sessions"]]) == (0, [""] * 30)

    done = desk.post(confirmation(cast, proposal))

    assert done.status_code == 200, done.text
    for each in proposal["sessions"]:
        session = desk.get(f"/appointments/{each['appointment_id']}").json()
        assert (session["starts_at"], session["practitioner_id"]) == tuple(each["to"].values())
    assert all(desk.get(f"/courses/{each}").json()["compromises"] == [] for each in thirty)
    assert diary_overlaps(database) == 0
    [away] = desk.get(f"/practitioners/{cast.ana}/time-off").json()["items"]
    assert away["starts_at"] == "2027-02-22T09:00:00-05:00"
    again = desk.post(confirmation(cast, proposal), {"unplaced": "cancel"})
    assert again.status_code == 409


def test_the_same_day_comes_first_and_never_off_the_pace(
    desk: Desk, cast: Cast, cleo: int, thirty: list[int]
) -> None:
    sessions = propose(desk, cast)["sessions"]

    for each in sessions:
        day = each["starts_at"][:10]
        if day in {"2027-02-22", "2027-02-23", "2027-02-24"}:  # Cleo is here
            assert each["to"]["starts_at"][:10] == day
            assert each["to"]["practitioner_id"] in {cleo, cast.ben}
        if each["to"] and each["to"]["practitioner_id"] == cast.ana:
            assert each["to"]["starts_at"] > "2027-02-27"
    fridays = [each for each in sessions if each["starts_at"][:10] == "2027-02-26"]
    assert len(fridays) == 5
    assert all(each["to"]["starts_at"][:10] != "2027-02-26" for each in fridays)


def test_who_cannot_be_placed_is_said_and_cancelled_only_if_so_wished(
    desk: Desk, cast: Cast, cleo: int
) -> None:
    daily = {
        "treatment_id": cast.back,
        "patient_id": cast.ann,
        "sessions": [
            {"starts_at": (MONDAY + day * DAY).isoformat(), "practitioner_id": cast.ana}
            for day in range(5)
        ],
        "phases": [{"sessions": 5, "every_days": 1}],
    }
    course = desk.post("/courses", daily).json()
    proposal = propose(desk, cast)
    *_, wednesday, thursday, friday = proposal["sessions"]
    assert wednesday["to"]["practitioner_id"] == cleo
    assert thursday["to"]["practitioner_id"] == cast.ben
    assert (friday["to"], friday["why"]) == (
        None,
        "nobody else is free on that day, and no day within two weeks of it keeps the pace",
    )

    refused = desk.post(confirmation(cast, proposal))
    states = [each["state"] for each in desk.get(f"/courses/{course['id']}").json()["appointments"]]
    done = desk.post(confirmation(cast, proposal), {"unplaced": "cancel"})

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/unplaced")
    assert states == ["booked"] * 5
    assert done.status_code == 200
    after = desk.get(f"/courses/{course['id']}").json()
    assert [each["state"] for each in after["appointments"]] == [
        *["booked"] * 4,
        "cancelled",
    ]
    assert (after["to_make_up"], after["compromises"]) == (1, [])


def test_what_has_changed_since_is_not_overrun_but_proposed_afresh(
    desk: Desk, database: Database, cast: Cast, thirty: list[int]
) -> None:
    proposal = propose(desk, cast)
    to = proposal["sessions"][0]["to"]
    body = {"treatment_id": cast.back, "patient_id": cast.ann, "sessions": [to]}
    assert desk.post("/courses", body).status_code == 201
    before = everything(database)

    tried = desk.post(f"{confirmation(cast, proposal)}?dry_run=true", {"unplaced": "cancel"})
    outdated = desk.post(confirmation(cast, proposal), {"unplaced": "cancel"})

    assert (tried.status_code, tried.json()["proposal"]["id"]) == (409, None)
    assert (outdated.status_code, outdated.json()["type"]) == (409, "/problems/outdated-proposal")
    after = everything(database)
    assert [after[each] for each in ("appointments", "diary", "time_off", "courses")] == [
        before[each] for each in ("appointments", "diary", "time_off", "courses")
    ]
    fresh = outdated.json()["proposal"]
    assert fresh["id"] != proposal["id"]
    assert desk.post(confirmation(cast, fresh), {"unplaced": "cancel"}).status_code == 200
    assert diary_overlaps(database) == 0


def test_a_session_that_was_moved_since_makes_a_proposal_outdated(
    desk: Desk, cast: Cast, thirty: list[int]
) -> None:
    proposal = propose(desk, cast)
    first = proposal["sessions"][0]["appointment_id"]
    assert desk.post(f"/appointments/{first}/confirmation").status_code == 200

    outdated = desk.post(confirmation(cast, proposal), {"unplaced": "cancel"})

    assert (outdated.status_code, outdated.json()["type"]) == (409, "/problems/outdated-proposal")
    assert len(outdated.json()["proposal"]["sessions"]) == 30


def test_patients_who_are_here_already_stay(desk: Desk, cast: Cast, thirty: list[int]) -> None:
    first = propose(desk, cast)["sessions"][0]["appointment_id"]
    desk.client.app.state.context.clock.at = MONDAY  # type: ignore[attr-defined]
    assert desk.post(f"/appointments/{first}/arrival").status_code == 200

    refused = desk.post(f"/practitioners/{cast.ana}/absence-proposals", WEEK)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/booked-inside")
    assert first in [each["id"] for each in refused.json()["appointments"]]


def test_more_sessions_than_one_proposal_takes_are_refused_with_their_number(
    desk: Desk, cast: Cast, thirty: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absence_proposals, "MOST_SESSIONS", 29)

    refused = desk.post(f"/practitioners/{cast.ana}/absence-proposals", WEEK)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["message"].startswith("30 sessions are booked in this time")


def test_who_has_only_one_place_gets_it_and_who_has_others_makes_room(
    desk: Desk, cast: Cast
) -> None:
    """One after another, Ann would take the only time of that day, and Bob would get none."""
    ben = {
        "starts_at": (MONDAY + timedelta(minutes=40)).isoformat(),
        "ends_at": (MONDAY + timedelta(hours=8)).isoformat(),
    }
    assert desk.post(f"/practitioners/{cast.ben}/time-off", ben).status_code == 201
    for patient_id, days, hour in ((cast.ann, 1, 0), (cast.bob, 5, 1)):
        times = [MONDAY + day * DAY + timedelta(hours=hour) for day in range(days)]
        body = {
            "treatment_id": cast.back,
            "patient_id": patient_id,
            "phases": [{"sessions": days, "every_days": 1}],
            "sessions": [
                {"starts_at": each.isoformat(), "practitioner_id": cast.ana} for each in times
            ],
        }
        assert desk.post("/courses", body).status_code == 201

    monday = {"starts_at": MONDAY.isoformat(), "ends_at": (MONDAY + DAY).isoformat()}
    answer = desk.post(f"/practitioners/{cast.ana}/absence-proposals", monday)

    anns, bobs = (each["to"] for each in answer.json()["sessions"])
    assert bobs == {"starts_at": "2027-02-22T09:00:00-05:00", "practitioner_id": cast.ben}
    assert anns["starts_at"][:10] == "2027-02-23"
