"""The waitlist through the API."""

from typing import Any

import pytest
from sqlmodel import select

from scheduler.audit.audit_trail import OPERATOR, AuditEntry
from scheduler.booking.models import Offer, WaitlistEntry
from scheduler.booking.waitlist import offers
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.builders.cast import NOW, Cast
from tests.builders.clock import FrozenClock


@pytest.fixture
def course(desk: Desk, cast: Cast) -> dict[str, Any]:
    """Ann comes on two Tuesdays at ten."""
    made: dict[str, Any] = desk.post(
        "/courses",
        {
            "treatment_id": cast.back,
            "patient_id": cast.ann,
            "sessions": [
                {"starts_at": f"2027-02-{day}T10:00:00-05:00", "practitioner_id": cast.ana}
                for day in ("23", "26")
            ],
        },
    ).json()
    return made


@pytest.fixture
def entry(desk: Desk, course: dict[str, Any]) -> dict[str, Any]:
    """Ann would like to come earlier, on the Monday."""
    made = desk.post(
        "/waitlist",
        {
            "appointment_id": course["appointments"][0]["id"],
            "weekdays": ["mon"],
            "between": ["09:00", "09:20"],
            "from": "2027-02-22",
        },
    )
    assert made.status_code == 201, made.text
    told: dict[str, Any] = made.json()
    return told


def offer(database: Database, entry: dict[str, Any]) -> None:
    """Runs the offer job for one entry."""
    with database.transaction() as session:
        row = session.get_one(WaitlistEntry, entry["id"])
        patient = session.get_one(Patient, row.patient_id)
        consent.give(session, OPERATOR, patient, wording="Yes", channel="staff", now=NOW)
        [(found, chosen)] = offers.possible(session, row.clinic_id, now=NOW)
        assert offers.make(session, found, chosen, now=NOW) is not None


@pytest.mark.both_databases
def test_an_entry_is_told_as_it_was_entered(
    desk: Desk, cast: Cast, course: dict[str, Any], entry: dict[str, Any]
) -> None:
    assert entry == {
        "id": 1,
        "clinic_id": cast.clinic,
        "patient_id": cast.ann,
        "treatment_id": cast.back,
        "appointment_id": course["appointments"][0]["id"],
        "wants": "earlier",
        "practitioner_id": None,
        "weekdays": ["mon"],
        "between": ["09:00", "09:20"],
        "from": "2027-02-22",
        "to": None,
        "need": "usual",
        "need_reason": "",
        "state": "waiting",
        "reason": "",
        "entered_at": "2027-02-01T07:00:00-05:00",
        "offer": None,
        "version": 1,
    }
    assert desk.get("/waitlist").json()["items"] == [entry]
    assert desk.get("/waitlist/1").json() == entry
    assert desk.get("/waitlist", state="taken").json()["items"] == []


@pytest.mark.both_databases
def test_a_list_comes_in_parts(desk: Desk, cast: Cast) -> None:
    for who in (cast.ann, cast.bob):
        body = {"treatment_id": cast.back, "patient_id": who, "wants": "session"}
        assert desk.post("/waitlist", body).status_code == 201

    first = desk.get("/waitlist", limit=1).json()
    rest = desk.get("/waitlist", limit=1, cursor=first["next_cursor"]).json()

    assert [item["patient_id"] for item in first["items"] + rest["items"]] == [cast.ann, cast.bob]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"need": "urgent"}, "need_reason"),
        ({"between": ["10:00", "10:00"]}, "between"),
        ({"from": "2027-03-02", "to": "2027-03-01"}, "to"),
        ({"to": "2027-01-31"}, "to"),
        ({"weekdays": ["someday"]}, "weekdays[0]"),
        ({"wants": "earlier"}, "appointment_id"),
        ({"appointment_id": 1}, "appointment_id"),
        ({"patient_id": None}, "treatment_id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_nothing_could_meet_is_refused(
    desk: Desk, cast: Cast, wishes: dict[str, Any], field: str
) -> None:
    body = {"treatment_id": cast.back, "patient_id": cast.ann, "wants": "session", **wishes}

    answer = desk.post("/waitlist", body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_session_is_on_the_list_once(desk: Desk, entry: dict[str, Any]) -> None:
    again = desk.post("/waitlist", {"appointment_id": entry["appointment_id"]})

    assert (again.status_code, again.json()["type"]) == (409, "/problems/on-the-list")


@pytest.mark.both_databases
def test_a_change_needs_the_newest_version(desk: Desk, entry: dict[str, Any]) -> None:
    need = {"need": "urgent", "need_reason": "worse since Friday"}

    changed = desk.send("PATCH", "/waitlist/1", need, if_match='"1"')
    stale = desk.send("PATCH", "/waitlist/1", {"weekdays": []}, if_match='"1"')

    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json() == {**entry, **need, "version": 2}
    assert stale.status_code == 412


def test_whoever_is_taken_off_waits_no_more(desk: Desk, entry: dict[str, Any]) -> None:
    assert desk.send("DELETE", "/waitlist/1").status_code == 204

    assert desk.get("/waitlist/1").json()["state"] == "withdrawn"
    assert desk.send("PATCH", "/waitlist/1", {"weekdays": []}).status_code == 409
    again = desk.post("/waitlist", {"appointment_id": entry["appointment_id"]})
    assert again.status_code == 201


def test_staff_accept_for_a_patient(
    desk: Desk, database: Database, entry: dict[str, Any], course: dict[str, Any]
) -> None:
    nothing_yet = desk.post("/waitlist/1/acceptance")
    assert (nothing_yet.status_code, nothing_yet.json()["type"]) == (409, "/problems/offer-over")
    offer(database, entry)
    assert desk.get("/waitlist/1").json()["offer"] == {
        "sessions": [
            {
                "starts_at": "2027-02-22T09:00:00-05:00",
                "ends_at": "2027-02-22T09:40:00-05:00",
                "practitioner_id": course["appointments"][0]["practitioner_id"],
            }
        ],
        "expires_at": "2027-02-01T07:30:00-05:00",
        "to_several": False,
    }

    taken = desk.post("/waitlist/1/acceptance", idempotency_key="yes")
    again = desk.post("/waitlist/1/acceptance", idempotency_key="yes")

    assert (taken.status_code, taken.json()["state"]) == (200, "taken")
    assert again.json() == taken.json()
    moved = desk.get(f"/appointments/{entry['appointment_id']}").json()
    assert (moved["starts_at"], moved["number"]) == ("2027-02-22T09:00:00-05:00", 1)


@pytest.mark.parametrize(("body", "state"), [(None, "waiting"), ({"leave": True}, "withdrawn")])
def test_staff_decline_for_a_patient(
    desk: Desk, database: Database, entry: dict[str, Any], body: Any, state: str
) -> None:
    offer(database, entry)

    answer = desk.post("/waitlist/1/decline", body)

    assert (answer.status_code, answer.json()["state"]) == (200, state)
    with database.transaction(write=False) as session:
        assert [row.state for row in session.exec(select(Offer))] == ["declined"]


@pytest.mark.both_databases
def test_each_deed_is_written_down(
    desk: Desk, database: Database, cast: Cast, entry: dict[str, Any]
) -> None:
    offer(database, entry)
    desk.get("/waitlist/1")
    desk.send("PATCH", "/waitlist/1", {"weekdays": ["mon", "tue"]})
    desk.post("/waitlist/1/acceptance")

    with database.transaction(write=False) as session:
        deeds = session.exec(select(AuditEntry).where(AuditEntry.subject == "waitlist entry")).all()
        assert [(deed.actor_kind, deed.action) for deed in deeds] == [
            ("staff", "entered"),
            ("worker", "was offered"),
            ("staff", "looked at"),
            ("staff", "changed"),
            ("staff", "accepted"),
        ]
        assert {(deed.subject_id, deed.clinic_id) for deed in deeds} == {(1, cast.clinic)}


@pytest.mark.both_databases
def test_a_clinic_says_how_it_offers(desk: Desk, cast: Cast, clock: FrozenClock) -> None:
    path = f"/clinics/{cast.clinic}"
    names = ("waitlist_mode", "waitlist_minutes", "waitlist_at_once")
    assert [desk.get(path).json()[name] for name in names] == ["one_by_one", 30, 5]

    change = {"waitlist_mode": "first_come", "waitlist_minutes": 60, "waitlist_at_once": 3}
    assert desk.send("PATCH", path, change).status_code == 200

    assert {name: desk.get(path).json()[name] for name in names} == change
    assert desk.send("PATCH", path, {"waitlist_mode": "lottery"}).status_code == 422
    assert desk.send("PATCH", path, {"waitlist_minutes": 0}).status_code == 422
