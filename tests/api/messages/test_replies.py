"""Staff see why a patient gets no texts, and which replies to read."""

import pytest
from sqlmodel import select

from scheduler.audit.audit_trail import Actor
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.models import Reply
from scheduler.reminders.replies import page_messages
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.builders.cast import ANNS_PHONE, NOW, Cast
from tests.builders.one_of_each import furnish
from tests.stories.replies.talk import hear


def text(database: Database, body: str, *, number: int = 1) -> None:
    with database.transaction() as session:
        hear(session, carrier_id=f"SM{number + 77:032x}", phone=ANNS_PHONE, body=body, now=NOW)


@pytest.mark.both_databases
def test_a_patient_without_consent_differs_from_one_who_opted_out(
    desk: Desk, database: Database, cast: Cast
) -> None:
    path = f"/patients/{cast.ann}"
    assert desk.get(path).json()["no_texts"] == {
        "reason": "The patient has not agreed to texts.",
        "since": None,
        "words": "",
    }

    desk.send("PATCH", path, {"sms_consent": True})
    assert desk.get(path).json()["no_texts"] is None

    text(database, "Please stop texting me!")
    silence = {
        "reason": "The phone asked for no more texts.",
        "since": NOW.isoformat(),
        "words": "Please stop texting me!",
    }
    assert desk.get(path).json()["no_texts"] == silence
    assert desk.get("/patients").json()["items"][0]["no_texts"] == silence


def test_a_stop_outlives_a_new_consent_and_a_new_course(
    desk: Desk, database: Database, cast: Cast
) -> None:
    text(database, "STOP")
    course = furnish(database, cast).by_parameter["course_id"]

    desk.send("PATCH", f"/patients/{cast.ann}", {"sms_consent": True})

    timeline = desk.get(f"/courses/{course}/messages").json()
    assert timeline["items"] == []
    assert timeline["no_texts"]["reason"] == "The phone asked for no more texts."

    text(database, "START", number=2)
    timeline = desk.get(f"/courses/{course}/messages").json()
    assert timeline["no_texts"] is None
    assert timeline["items"] != []


@pytest.mark.both_databases
def test_urgent_replies_can_be_listed_alone(desk: Desk, database: Database, cast: Cast) -> None:
    text(database, "Where may I park?")
    text(database, "I feel faint", number=2)

    [urgent] = desk.get("/replies", urgent=True).json()["items"]
    assert (urgent["body"], urgent["reason"]) == ("I feel faint", "It speaks of danger.")
    assert [item["body"] for item in desk.get("/replies", urgent=False).json()["items"]] == [
        "Where may I park?"
    ]

    handled = desk.post(f"/replies/{urgent['id']}/handling")
    assert handled.json()["handled_at"] == "2027-02-01T07:00:00-05:00"
    assert desk.get("/replies", urgent=True).json()["items"] == []
    [done] = desk.get("/replies", urgent=True, waiting=False).json()["items"]
    assert done["id"] == urgent["id"]


@pytest.mark.both_databases
def test_every_reply_says_why_staff_should_read_it(
    desk: Desk, database: Database, cast: Cast
) -> None:
    for number, body in enumerate(["7", "C", "CANCEL", "R", "who is this?"]):
        text(database, body, number=number)

    assert [item["reason"] for item in desk.get("/replies").json()["items"]] == [
        "A number, but no question was open.",
        "It confirms, but no session was asked about.",
        "The phone asked for no more texts. Carriers read CANCEL as an opt-out;"
        " perhaps the patient meant a session.",
        "It asks to change a session, but none is to come.",
        "A question, or something that the program cannot read.",
    ]


@pytest.mark.parametrize("lifted", [False, True])
def test_a_stop_belongs_to_the_phone_and_not_to_the_patient(
    desk: Desk, database: Database, cast: Cast, lifted: bool
) -> None:
    child = {"clinic_id": cast.clinic, "name": "Cy Example", "phone": ANNS_PHONE}
    added = desk.post("/patients", {**child, "sms_consent": True}).json()
    text(database, "STOP")
    if lifted:
        text(database, "START", number=2)

    silence = desk.get(f"/patients/{added['id']}").json()["no_texts"]

    assert (silence is None) is lifted
    with database.transaction(write=False) as session:
        assert consent.is_stopped(session, ANNS_PHONE) is not lifted


def test_staff_record_that_a_patient_wants_fewer_texts(desk: Desk, cast: Cast) -> None:
    path = f"/patients/{cast.ann}"
    assert desk.get(path).json()["texts"] == "all"

    desk.send("PATCH", path, {"texts": "fewer"})

    assert desk.get(path).json()["texts"] == "fewer"
    assert desk.send("PATCH", path, {"texts": "none"}).status_code == 422


def test_a_message_from_the_page_is_listed_with_the_replies(
    desk: Desk, database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        ann = session.get_one(Patient, cast.ann)
        actor = Actor(kind="patient", clinic_ids=frozenset({cast.clinic}))
        page_messages.leave(session, actor, ann, body="I feel faint", now=NOW)
    text(database, "Is there a lift?")

    replies = desk.get("/replies").json()["items"]

    assert {(reply["via"], reply["body"], reply["urgent"]) for reply in replies} == {
        ("page", "I feel faint", True),
        ("text", "Is there a lift?", False),
    }


@pytest.mark.both_databases
def test_a_reply_of_an_unknown_phone_is_seen_by_the_staff_of_every_clinic(
    desk: Desk, database: Database, cast: Cast
) -> None:
    text(database, "Where may I park?")
    with database.transaction() as session:
        session.exec(select(Reply)).one().clinic_id = None

    [reply] = desk.get("/replies").json()["items"]
    assert (reply["clinic_id"], reply["reading"]) == (None, "Read as unclear.")

    assert desk.send("POST", f"/replies/{reply['id']}/handling", {}).status_code == 200
    assert desk.get("/replies").json()["items"] == []
