"""Appointments inside an absence get new times, all in one step.

Examples: an ill practitioner with thirty appointments, a closed clinic, a broken bed.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import proposals
from scheduler.booking.courses import courses
from scheduler.clinic.models import (
    Clinic,
    Practitioner,
    Room,
    Treatment,
    TreatmentPractitioner,
    TreatmentRoom,
)
from scheduler.storage.database import Database, stored_id
from tests.api.conftest import Desk
from tests.api.courses.test_changes import everything
from tests.builders import cast as people
from tests.builders import rows
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted

WEEK = {"starts_at": MONDAY.isoformat(), "ends_at": (MONDAY + 5 * DAY).isoformat(), "reason": "ill"}


@pytest.fixture
def cleo(database: Database, cast: Cast) -> int:
    """A third practitioner, Mondays to Wednesdays, and a third bed."""
    with database.transaction() as session:
        clinic = session.get_one(Clinic, cast.clinic)
        who = rows.practitioner(session, clinic, "Cleo", weekdays=range(3))
        bed: Room = rows.bed(session, clinic, "Bed 3")
        session.add(
            TreatmentPractitioner(treatment_id=cast.back, practitioner_id=stored_id(who.id))
        )
        session.add(TreatmentRoom(treatment_id=cast.back, room_id=stored_id(bed.id)))
        return stored_id(who.id)


@pytest.fixture
def thirty(database: Database, cast: Cast, cleo: int) -> list[int]:
    """The courses of 15 patients with two sessions each in Ana's week; Fridays are among them."""
    with database.transaction() as session:
        clinic = session.get_one(Clinic, cast.clinic)
        booked = []
        for number in range(15):
            phone = f"+1202555{1000 + number}"
            patient = people.enroll(session, clinic, f"Patient {'ABCDEFGHIJKLMNO'[number]}", phone)
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
            booked.append(stored_id(course.id))
        return booked


def propose(desk: Desk, cast: Cast) -> dict[str, Any]:
    answer = desk.post(f"/practitioners/{cast.ana}/absence-proposals", WEEK)
    assert answer.status_code == 201, answer.text
    proposal: dict[str, Any] = answer.json()
    return proposal


def confirmation(proposal: dict[str, Any]) -> str:
    return f"/absence-proposals/{proposal['id']}/confirmation"


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


@pytest.mark.slow
@pytest.mark.both_databases
def test_thirty_sessions_are_placed_in_one_step(
    desk: Desk, database: Database, cast: Cast, thirty: list[int]
) -> None:
    before = everything(database)
    proposal = propose(desk, cast)
    assert everything(database)["appointments"] == before["appointments"]
    assert everything(database)["diary"] == before["diary"]
    assert len(proposal["sessions"]) == 30
    assert (proposal["unplaced"], [appointment["why"] for appointment in proposal["sessions"]]) == (
        0,
        [""] * 30,
    )

    done = desk.post(confirmation(proposal))

    assert done.status_code == 200, done.text
    for appointment in proposal["sessions"]:
        session = desk.get(f"/appointments/{appointment['appointment_id']}").json()
        assert {name: session[name] for name in appointment["to"]} == appointment["to"]
    assert all(
        desk.get(f"/courses/{course_id}").json()["compromises"] == [] for course_id in thirty
    )
    assert diary_overlaps(database) == 0
    [away] = desk.get(f"/practitioners/{cast.ana}/time-off").json()["items"]
    assert away["starts_at"] == "2027-02-22T09:00:00-05:00"
    again = desk.post(confirmation(proposal), {"unplaced": "cancel"})
    assert again.status_code == 409


@pytest.mark.slow
def test_the_same_day_comes_first_and_never_off_the_pace(
    desk: Desk, cast: Cast, cleo: int, thirty: list[int]
) -> None:
    sessions = propose(desk, cast)["sessions"]

    for appointment in sessions:
        day = appointment["starts_at"][:10]
        if day in {"2027-02-22", "2027-02-23", "2027-02-24"}:  # Cleo is here
            assert appointment["to"]["starts_at"][:10] == day
            assert appointment["to"]["practitioner_id"] in {cleo, cast.ben}
        if appointment["to"] and appointment["to"]["practitioner_id"] == cast.ana:
            assert appointment["to"]["starts_at"] > "2027-02-27"
    fridays = [
        appointment for appointment in sessions if appointment["starts_at"][:10] == "2027-02-26"
    ]
    assert len(fridays) == 5
    assert all(friday["to"]["starts_at"][:10] != "2027-02-26" for friday in fridays)


def until_friday(database: Database, cast: Cast) -> None:
    """Nothing can be booked after the 26th of February, so that nothing can go on later."""
    with database.transaction() as session:
        session.get_one(Treatment, cast.back).horizon_days = 25


@pytest.mark.both_databases
def test_who_cannot_be_placed_is_said_and_cancelled_only_if_so_wished(
    desk: Desk, database: Database, cast: Cast, cleo: int
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
    until_friday(database, cast)
    proposal = propose(desk, cast)
    *_, wednesday, thursday, friday = proposal["sessions"]
    assert wednesday["to"]["practitioner_id"] == cleo
    assert thursday["to"]["practitioner_id"] == cast.ben
    assert (friday["to"], friday["why"]) == (
        None,
        "nothing else is free on that day, and no day within two weeks of it keeps the pace; nor"
        " can its course go on later: Session 5 cannot be placed: everybody who gives this"
        " treatment is taken or away on 26 February, and the calendar is open only until"
        " 26 February",
    )
    assert proposal["postponed_courses"] == []

    refused = desk.post(confirmation(proposal))
    states = [
        appointment["state"]
        for appointment in desk.get(f"/courses/{course['id']}").json()["appointments"]
    ]
    done = desk.post(confirmation(proposal), {"unplaced": "cancel"})

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/unplaced")
    assert states == ["booked"] * 5
    assert done.status_code == 200
    after = desk.get(f"/courses/{course['id']}").json()
    assert [appointment["state"] for appointment in after["appointments"]] == [
        *["booked"] * 4,
        "cancelled",
    ]
    assert (after["to_make_up"], after["compromises"]) == (1, [])


@pytest.mark.slow
@pytest.mark.both_databases
def test_what_has_changed_since_is_not_overrun_but_proposed_afresh(
    desk: Desk, database: Database, cast: Cast, thirty: list[int]
) -> None:
    proposal = propose(desk, cast)
    to = {name: proposal["sessions"][0]["to"][name] for name in ("starts_at", "practitioner_id")}
    body = {"treatment_id": cast.back, "patient_id": cast.ann, "sessions": [to]}
    assert desk.post("/courses", body).status_code == 201
    before = everything(database)

    tried = desk.post(f"{confirmation(proposal)}?dry_run=true", {"unplaced": "cancel"})
    outdated = desk.post(confirmation(proposal), {"unplaced": "cancel"})

    assert (tried.status_code, tried.json()["proposal"]["id"]) == (409, None)
    assert (outdated.status_code, outdated.json()["type"]) == (409, "/problems/outdated-proposal")
    after = everything(database)
    assert [after[table] for table in ("appointments", "diary", "time_off", "courses")] == [
        before[table] for table in ("appointments", "diary", "time_off", "courses")
    ]
    fresh = outdated.json()["proposal"]
    assert fresh["id"] != proposal["id"]
    assert desk.post(confirmation(fresh), {"unplaced": "cancel"}).status_code == 200
    assert diary_overlaps(database) == 0


@pytest.mark.slow
def test_a_session_that_was_moved_since_makes_a_proposal_outdated(
    desk: Desk, cast: Cast, thirty: list[int]
) -> None:
    proposal = propose(desk, cast)
    first = proposal["sessions"][0]["appointment_id"]
    assert desk.post(f"/appointments/{first}/confirmation").status_code == 200

    outdated = desk.post(confirmation(proposal), {"unplaced": "cancel"})

    assert (outdated.status_code, outdated.json()["type"]) == (409, "/problems/outdated-proposal")
    assert len(outdated.json()["proposal"]["sessions"]) == 30


def test_patients_who_are_here_already_stay(desk: Desk, cast: Cast, thirty: list[int]) -> None:
    first = propose(desk, cast)["sessions"][0]["appointment_id"]
    desk.client.app.state.context.clock.at = MONDAY  # type: ignore[attr-defined]
    assert desk.post(f"/appointments/{first}/arrival").status_code == 200

    refused = desk.post(f"/practitioners/{cast.ana}/absence-proposals", WEEK)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/booked-inside")
    assert first in [appointment["id"] for appointment in refused.json()["appointments"]]


def test_more_sessions_than_one_proposal_takes_are_refused_with_their_number(
    desk: Desk, cast: Cast, thirty: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MAX_SESSIONS_IN_PROPOSAL", 29)

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
                {"starts_at": time.isoformat(), "practitioner_id": cast.ana} for time in times
            ],
        }
        assert desk.post("/courses", body).status_code == 201

    monday = {"starts_at": MONDAY.isoformat(), "ends_at": (MONDAY + DAY).isoformat()}
    answer = desk.post(f"/practitioners/{cast.ana}/absence-proposals", monday)

    anns, bobs = (appointment["to"] for appointment in answer.json()["sessions"])
    assert (bobs["starts_at"], bobs["practitioner_id"]) == ("2027-02-22T09:00:00-05:00", cast.ben)
    assert anns["starts_at"][:10] == "2027-02-23"


def book(desk: Desk, cast: Cast, patient_id: int, starts: list[datetime], **other: Any) -> Any:
    sessions = [{"starts_at": start.isoformat(), "practitioner_id": cast.ana} for start in starts]
    body = {"treatment_id": cast.back, "patient_id": patient_id, "sessions": sessions, **other}
    answer = desk.post("/courses", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def closing(desk: Desk, cast: Cast, **when: str) -> Any:
    return desk.post(f"/clinics/{cast.clinic}/absence-proposals", {"reason": "flood", **when})


TUESDAY = MONDAY + DAY


def test_a_closed_day_sends_each_session_to_another_day_at_its_pace(
    desk: Desk, database: Database, cast: Cast
) -> None:
    for patient in (cast.ann, cast.bob):
        hour = timedelta(hours=patient == cast.bob)
        book(desk, cast, patient, [MONDAY + hour, MONDAY + 3 * DAY + hour])
    before = everything(database)

    proposal = closing(desk, cast, date="2027-02-22").json()

    after = everything(database)
    assert [after[table] for table in ("appointments", "diary", "closures")] == [
        before[table] for table in ("appointments", "diary", "closures")
    ]
    assert proposal["closure"] == {
        "date": "2027-02-22", "last_date": "2027-02-22", "from": "00:00", "to": "00:00",
    }  # fmt: skip
    assert (proposal["clinic_id"], proposal["practitioner_id"], proposal["room_id"]) == (
        cast.clinic,
        None,
        None,
    )
    assert [appointment["to"]["starts_at"][:16] for appointment in proposal["sessions"]] == [
        "2027-02-23T09:00",
        "2027-02-23T10:00",
    ]
    assert desk.post(confirmation(proposal)).status_code == 200
    for appointment in proposal["sessions"]:
        session = desk.get(f"/appointments/{appointment['appointment_id']}").json()
        assert {name: session[name] for name in appointment["to"]} == appointment["to"]
    [closed] = desk.get(f"/clinics/{cast.clinic}/closures").json()["items"]
    assert (closed["date"], closed["reason"]) == ("2027-02-22", "flood")
    assert diary_overlaps(database) == 0


def test_part_of_a_day_sends_them_to_another_hour(desk: Desk, cast: Cast) -> None:
    course = book(desk, cast, cast.ann, [TUESDAY, TUESDAY + 7 * DAY])

    proposal = closing(desk, cast, **{"date": "2027-02-23", "from": "09:00", "to": "11:30"}).json()
    rehearsed = desk.post(f"{confirmation(proposal)}?dry_run=true")
    still = desk.get(f"/courses/{course['id']}").json()["appointments"][0]["starts_at"]
    done = desk.post(confirmation(proposal))

    [only] = proposal["sessions"]
    assert only["to"]["starts_at"] == "2027-02-23T11:40:00-05:00"
    assert (rehearsed.status_code, still) == (200, "2027-02-23T09:00:00-05:00")
    assert done.status_code == 200
    moved = desk.get(f"/courses/{course['id']}").json()["appointments"][0]
    assert moved["starts_at"] == "2027-02-23T11:40:00-05:00"
    [closed] = desk.get(f"/clinics/{cast.clinic}/closures").json()["items"]
    assert (closed["from"], closed["to"]) == ("09:00", "11:30")


def test_closed_days_leave_only_who_has_no_day_at_the_pace_without_a_place(
    desk: Desk, database: Database, cast: Cast
) -> None:
    daily = {"phases": [{"sessions": 5, "every_days": 1}]}
    course = book(desk, cast, cast.ann, [MONDAY + day * DAY for day in range(5)], **daily)
    book(desk, cast, cast.bob, [TUESDAY + timedelta(hours=1)])
    until_friday(database, cast)

    proposal = closing(desk, cast, date="2027-02-23", last_date="2027-02-24").json()
    refused = desk.post(confirmation(proposal))
    done = desk.post(confirmation(proposal), {"unplaced": "cancel"})

    assert [
        (appointment["patient_id"], appointment["to"] is None)
        for appointment in proposal["sessions"]
    ] == [
        (cast.ann, True),
        (cast.bob, False),
        (cast.ann, True),
    ]
    assert (proposal["unplaced"], refused.json()["type"]) == (2, "/problems/unplaced")
    assert done.status_code == 200
    states = [
        appointment["state"]
        for appointment in desk.get(f"/courses/{course['id']}").json()["appointments"]
    ]
    assert states == ["booked", "cancelled", "cancelled", "booked", "booked"]
    closed = desk.get(f"/clinics/{cast.clinic}/closures").json()["items"]
    assert [closure["date"] for closure in closed] == ["2027-02-23", "2027-02-24"]


def test_a_closure_is_proposed_afresh_when_somebody_has_booked_since(
    desk: Desk, database: Database, cast: Cast
) -> None:
    book(desk, cast, cast.ann, [TUESDAY])
    proposal = closing(desk, cast, date="2027-02-23").json()
    book(desk, cast, cast.bob, [TUESDAY + timedelta(hours=2)])

    outdated = desk.post(confirmation(proposal))

    assert (outdated.status_code, outdated.json()["type"]) == (409, "/problems/outdated-proposal")
    assert everything(database)["closures"] == []
    fresh = outdated.json()["proposal"]
    assert (len(fresh["sessions"]), fresh["closure"]) == (2, proposal["closure"])
    assert desk.post(confirmation(fresh)).status_code == 200


def test_a_closure_of_days_that_are_over_or_closed_already_is_refused(
    desk: Desk, cast: Cast
) -> None:
    assert closing(desk, cast, date="2027-01-01").json()["errors"][0]["field"] == "date"
    backwards = closing(desk, cast, date="2027-02-24", last_date="2027-02-23")
    assert backwards.json()["errors"][0]["field"] == "last_date"
    assert desk.post(confirmation(closing(desk, cast, date="2027-02-23").json())).is_success

    again = closing(desk, cast, date="2027-02-23")

    assert (again.status_code, again.json()["detail"]) == (
        409,
        "The clinic is already closed on 2027-02-23. Choose other days.",
    )


@pytest.mark.both_databases
def test_when_a_bed_breaks_its_sessions_go_to_the_other_at_the_same_time(
    desk: Desk, database: Database, cast: Cast
) -> None:
    first, second = cast.beds
    course = book(desk, cast, cast.ann, [TUESDAY, TUESDAY + 7 * DAY])
    booked = course["appointments"][0]
    assert booked["room_id"] == first
    confirmed = desk.post(f"/appointments/{booked['id']}/confirmation")
    assert confirmed.status_code == 200
    broken = {
        "starts_at": TUESDAY.isoformat(),
        "ends_at": (TUESDAY + 2 * DAY).isoformat(),
        "reason": "broken",
    }

    proposal = desk.post(f"/rooms/{first}/absence-proposals", broken).json()
    done = desk.post(confirmation(proposal))

    [only] = proposal["sessions"]
    assert (proposal["room_id"], proposal["practitioner_id"], proposal["closure"]) == (
        first,
        None,
        None,
    )
    assert only["to"] == {
        "starts_at": "2027-02-23T09:00:00-05:00", "practitioner_id": cast.ana, "room_id": second,
    }  # fmt: skip
    assert done.status_code == 200, done.text
    session = desk.get(f"/appointments/{booked['id']}").json()
    assert (session["room_id"], session["state"]) == (second, "confirmed")
    [out] = desk.get(f"/rooms/{first}/time-off").json()["items"]
    assert (out["room_id"], out["reason"]) == (first, "broken")
    assert diary_overlaps(database) == 0


def test_where_beds_are_few_each_session_gets_the_very_one_that_was_proposed(
    desk: Desk, database: Database, cast: Cast
) -> None:
    """First come, first served, Ann would lie in the only bed that Bob can be treated in."""
    bed, _ = cast.beds
    once = [{"sessions": 1, "per_week": 1}]
    with database.transaction() as session:
        clinic, only = session.get_one(Clinic, cast.clinic), [session.get_one(Room, bed)]
        ana = session.get_one(Practitioner, cast.ana)
        lamp = stored_id(rows.treatment(session, clinic, [ana], only, name="Lamp", phases=once).id)
    span = {"starts_at": TUESDAY.isoformat(), "ends_at": (TUESDAY + DAY).isoformat()}
    out = desk.post(f"/rooms/{bed}/time-off", span).json()
    book(desk, cast, cast.ann, [TUESDAY])
    assert desk.send("DELETE", f"/rooms/{bed}/time-off/{out['id']}").status_code == 204
    book(desk, cast, cast.bob, [TUESDAY + timedelta(minutes=20)], treatment_id=lamp)

    proposal = closing(desk, cast, **{"date": "2027-02-23", "from": "09:00", "to": "09:30"}).json()
    done = desk.post(confirmation(proposal))

    assert len({appointment["to"]["room_id"] for appointment in proposal["sessions"]}) == 2
    assert done.status_code == 200, done.text
    for appointment in proposal["sessions"]:
        session = desk.get(f"/appointments/{appointment['appointment_id']}").json()
        assert {name: session[name] for name in appointment["to"]} == appointment["to"]


@pytest.mark.both_databases
def test_another_clinics_proposal_is_not_found(desk: Desk, local_desk: Desk, other: Cast) -> None:
    made = closing(desk, other, date="2027-02-23").json()

    assert local_desk.get(f"/absence-proposals/{made['id']}").status_code == 404
    assert local_desk.post(confirmation(made)).status_code == 404
