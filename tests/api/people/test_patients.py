"""A patient who is already known stays one patient, with their answers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import func, select

from scheduler.patients.models import Patient
from scheduler.patients.screening import QUESTIONS
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.api.courses.test_courses import sessions
from tests.builders.cast import Cast

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
