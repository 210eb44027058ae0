"""Staff see which reviews wait, and add the scores of patients."""

from datetime import timedelta

import pytest
from sqlmodel import Session, update

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import appointments, courses
from scheduler.booking.models import Appointment
from scheduler.clinic.models import Treatment
from scheduler.patients.models import Patient
from scheduler.staff.roles import Role
from scheduler.storage.database import Database, stored_id
from tests.api.conftest import Desk, TestClient, key_for
from tests.builders.cast import DAY, MONDAY, NOW, Cast
from tests.builders.clock import FrozenClock

DAYS = (0, 3, 7, 10)


@pytest.fixture
def sessions(database: Database, cast: Cast, clock: FrozenClock) -> list[int]:
    """Ann's four, reviewed after the second and the fourth; the second has just been."""
    ids = booked(database, cast, cast.ann)
    clock.at = MONDAY + 3 * DAY + timedelta(hours=2)
    return ids


def booked(database: Database, cast: Cast, patient: int) -> list[int]:
    with database.transaction() as session:
        session.exec(update(Treatment).values(review_after=[2, 4]))
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, patient),
            wanted=[
                RequestedTime(number, MONDAY + day * DAY, cast.ana)
                for number, day in enumerate(DAYS, 1)
            ],
            now=NOW,
        )
        return [
            stored_id(appointment.id) for appointment in courses.appointments_of(session, course)
        ]


def find(session: Session, appointment_id: int) -> Appointment:
    return session.get_one(Appointment, appointment_id)


def test_a_review_waits_from_its_session_until_somebody_says_a_number(
    desk: Desk, sessions: list[int], clock: FrozenClock, cast: Cast
) -> None:
    desk.post(f"/appointments/{sessions[0]}/score", {"value": 8})

    [waits] = desk.get("/reviews").json()["items"]

    assert (waits["clinic_id"], waits["patient_id"]) == (cast.clinic, cast.ann)
    assert (waits["appointment_id"], waits["number"]) == (sessions[1], 2)
    assert waits["due_at"] == "2027-02-25T09:40:00-05:00"
    assert [(wait["number"], wait["value"], wait["review"]) for wait in waits["scores"]] == [
        (1, 8, False)
    ]
    answered = desk.post(f"/appointments/{sessions[1]}/score", {"value": 5})
    assert (answered.status_code, answered.json()["review"]) == (200, True)
    assert desk.get("/reviews").json()["items"] == []
    clock.at = MONDAY + 11 * DAY
    assert [item["number"] for item in desk.get("/reviews").json()["items"]] == [4]


def test_before_the_session_is_over_no_review_waits(
    desk: Desk, sessions: list[int], clock: FrozenClock
) -> None:
    clock.at = MONDAY + 3 * DAY + timedelta(minutes=39)

    assert desk.get("/reviews").json()["items"] == []
    refused = desk.post(f"/appointments/{sessions[1]}/score", {"value": 5})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")


def test_a_number_about_a_later_session_has_answered_it(
    desk: Desk, sessions: list[int], clock: FrozenClock
) -> None:
    clock.at = MONDAY + 8 * DAY
    desk.post(f"/appointments/{sessions[2]}/score", {"value": 4})

    assert desk.get("/reviews").json()["items"] == []


def test_a_missed_session_does_not_count(
    desk: Desk, database: Database, sessions: list[int], clock: FrozenClock
) -> None:
    with database.transaction() as session:
        appointments.miss(session, OPERATOR, find(session, sessions[0]), now=clock.at)

    assert desk.get("/reviews").json()["items"] == []
    clock.at = MONDAY + 8 * DAY
    assert [item["number"] for item in desk.get("/reviews").json()["items"]] == [3]


@pytest.mark.both_databases
def test_a_cancelled_course_and_what_is_long_past_are_not_reviewed(
    desk: Desk, database: Database, sessions: list[int], clock: FrozenClock, cast: Cast
) -> None:
    clock.at = MONDAY + 75 * DAY
    assert desk.get("/reviews").json()["items"] == []
    clock.at = MONDAY + 4 * DAY
    with database.transaction() as session:
        course = courses.find(session, OPERATOR, find(session, sessions[0]).course_id)
        courses.cancel(session, OPERATOR, course, now=clock.at)

    assert desk.get("/reviews").json()["items"] == []


def test_reviews_come_in_parts_and_each_look_is_kept(
    desk: Desk, database: Database, sessions: list[int], cast: Cast
) -> None:
    with database.transaction() as session:
        second = RequestedTime(1, MONDAY + timedelta(hours=4), cast.ana)
        session.exec(update(Treatment).values(review_after=[1, 2]))
        courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, cast.bob),
            wanted=[second],
            now=NOW,
        )

    first = desk.get("/reviews", limit=1).json()
    rest = desk.get("/reviews", limit=1, cursor=first["next_cursor"]).json()

    assert [item["patient_id"] for item in first["items"]] == [cast.ann]
    assert [appointment["patient_id"] for appointment in rest["items"]] == [cast.bob]
    assert rest["next_cursor"] is None
    looks = [item for item in desk.get("/audit").json()["items"] if item["deed"] == "looked at"]
    assert len(looks) == 2


def test_only_who_may_see_answers_about_health_sees_reviews(
    client: TestClient, database: Database, sessions: list[int], cast: Cast, other: Cast
) -> None:
    front = Desk(client, key_for(database, Role.FRONT_DESK))
    ana = Desk(client, key_for(database, Role.PRACTITIONER, [cast.clinic]))
    stranger = Desk(client, key_for(database, Role.PRACTITIONER, [other.clinic]))

    assert front.get("/reviews").status_code == 403
    assert len(ana.get("/reviews").json()["items"]) == 1
    assert stranger.get("/reviews").json()["items"] == []
    assert stranger.get("/reviews", clinic_id=cast.clinic).status_code == 404
    assert stranger.post(f"/appointments/{sessions[1]}/score", {"value": 5}).status_code == 404
