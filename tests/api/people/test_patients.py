"""A patient who is already known stays one patient, with their answers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import func, select

from scheduler.patients.models import Patient
from scheduler.patients.screening import QUESTIONS
from scheduler.reminders.models import Reply
from scheduler.reminders.outbox import outbox
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.api.courses.test_courses import sessions
from tests.builders.cast import NOW, Cast

YES = {question.key: "no" for question in QUESTIONS} | {"blood_thinners": "yes"}
CY = {"name": "Cy Example", "phone": "(202) 555-0103"}


def book(desk: Desk, cast: Cast, day: int, **who: Any) -> dict[str, Any]:
    answer = desk.post("/courses", {"treatment_id": cast.back, "sessions": sessions(day), **who})
    assert answer.status_code == 201, answer.text
    course: dict[str, Any] = answer.json()
    return course


@pytest.mark.parametrize("by_id", [True, False])
def test_an_earlier_yes_at_screening_holds_the_course_until_it_is_cleared(
    desk: Desk, cast: Cast, *, by_id: bool
) -> None:
    patient = desk.post("/patients", {"clinic_id": cast.clinic, **CY, "screening": YES}).json()
    who: dict[str, Any] = {"patient_id": patient["id"]} if by_id else {"patient": CY}

    held = book(desk, cast, 0, **who)
    assert held["state"] == "needs_clearance"
    assert desk.post(f"/courses/{held['id']}/clearance").status_code == 200

    assert book(desk, cast, 1, **who)["state"] == "active", "the same answers were cleared"
    again = {"patient": {**CY, "screening": YES}}
    assert book(desk, cast, 2, **again)["state"] == "needs_clearance", "these are new answers"


@pytest.mark.both_databases
def test_one_person_who_is_entered_often_at_once_is_one_patient(
    desk: Desk, database: Database, cast: Cast
) -> None:
    def enter(_: int) -> int:
        return int(desk.post("/patients", {"clinic_id": cast.clinic, **CY}).json()["id"])

    with ThreadPoolExecutor(12) as pool:
        entered = set(pool.map(enter, range(12)))

    with database.transaction(write=False) as session:
        named = select(func.count()).select_from(Patient).where(Patient.name == CY["name"])
        assert session.exec(named).one() == 1
    assert len(entered) == 1


@pytest.mark.parametrize(
    ("tags", "status"), [('W/"1"', 200), ('"7", W/"1"', 200), ('W/"7"', 412), ('"7", "8"', 412)]
)
def test_a_tag_that_a_proxy_has_weakened_is_accepted(
    desk: Desk, cast: Cast, tags: str, status: int
) -> None:
    answer = desk.send("PATCH", f"/patients/{cast.ann}", {"language": "es"}, If_Match=tags)

    assert answer.status_code == status, answer.text


def test_the_audit_trail_and_replies_have_the_offset_of_the_clinic(
    desk: Desk, cast: Cast, database: Database
) -> None:
    desk.send("PATCH", f"/patients/{cast.ann}", {"language": "es"})
    with database.transaction() as session:
        session.add(
            Reply(
                clinic_id=cast.clinic,
                carrier_id="SM1",
                phone="+12025550101",
                body="Where may I park?",
                meaning="unknown",
                for_staff=True,
                at=NOW,
            )
        )

    changes = desk.get("/audit", subject="patient", subject_id=cast.ann).json()["items"]
    [reply] = desk.get("/replies").json()["items"]
    handled = desk.post(f"/replies/{reply['id']}/handling").json()

    assert {change["at"][-6:] for change in changes} == {"-05:00"}
    assert reply["at"] == handled["handled_at"] == "2027-02-01T07:00:00-05:00"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, ""),
        ("", ""),
        ("+44 20 7946 0018", "+442079460018"),
        ("+49 1512 3456789", "+4915123456789"),
        ("202-456-1111 ext. 12", "+12024561111x12"),
    ],
)
@pytest.mark.both_databases
def test_staff_enter_a_patient_who_cannot_be_texted(
    desk: Desk, database: Database, cast: Cast, typed: str | None, kept: str
) -> None:
    new = {"clinic_id": cast.clinic, "name": "Cy Example", "phone": typed, "sms_consent": True}

    answer = desk.post("/patients", new)

    assert answer.status_code == 201, answer.text
    patient = answer.json()
    assert (patient["phone"], patient["phone_texts"]) == (kept, False)
    without = "This phone cannot be texted." if kept else "The patient has no phone."
    assert patient["no_texts"]["reason"] == without
    book(desk, cast, 0, patient_id=patient["id"])
    with database.transaction() as session:
        assert not outbox.derive(session, [kept], now=NOW)


def test_two_patients_of_one_name_without_a_phone_are_two(desk: Desk, cast: Cast) -> None:
    new = {"clinic_id": cast.clinic, "name": "Cy Example"}

    first, second = (desk.post("/patients", new).json()["id"] for _ in range(2))

    assert first != second
