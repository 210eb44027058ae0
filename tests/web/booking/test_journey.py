"""The booking form from the first page to the last, alone and against others; on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import col, delete, select
from starlette.testclient import TestClient

from scheduler.booking.models import Appointment, Course, DiaryEntry, Enquiry, Hold
from scheduler.booking.stored_values import DraftAnswers
from scheduler.patients.models import ConsentRecord, Patient, PhoneCode, Screening
from scheduler.reminders.models import Message
from scheduler.storage.database import Database
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, count, text_of


def wall_times(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        return list(
            session.exec(select(col(Appointment.wall_time)).order_by(col(Appointment.starts_at)))
        )


@pytest.mark.both_databases
def test_a_course_is_booked_in_five_steps(visitor: Visitor, database: Database) -> None:
    visitor.reach("done")

    # Clocks go forward on 14 March; nine o'clock stays nine o'clock.
    days = ["02-22", "02-25", "03-01", "03-04", "03-08", "03-11", "03-15", "03-22", "03-29"]
    assert wall_times(database) == [f"2027-{day}T09:00" for day in [*days, "04-05"]]
    text = text_of(visitor.get("done"))
    assert "10 sessions, February 22 to April 5, always with Ana" in text
    assert "Monday, February 22 9:00 to 9:40 am, with Ana" in text


def test_the_last_step_keeps_all_that_was_said(visitor: Visitor, database: Database) -> None:
    visitor.reach("done")

    with database.transaction(write=False) as session:
        course = session.exec(select(Course)).one()
        patient = session.get_one(Patient, course.patient_id)
        consent = session.exec(select(ConsentRecord)).one()
        screening = session.get_one(Screening, course.screening_id)
        assert (patient.name, patient.phone) == ("Ada Example", "+12025550155")
        assert patient.phone_proved_at is not None
        assert (consent.given, consent.channel) == (True, "web")
        assert consent.wording.startswith("Text me about my sessions")
        assert screening.answers["blood_thinners"] == "no"
        assert (course.state, course.pain_since) == ("active", "chronic")


def test_the_form_forgets_health_once_it_is_with_the_patient(
    visitor: Visitor, database: Database
) -> None:
    visitor.reach("done")

    with database.transaction(write=False) as session:
        assert session.exec(select(Enquiry)).one().answers == DraftAnswers()


def test_each_step_may_be_sent_twice(visitor: Visitor, database: Database) -> None:
    visitor.begin()
    for step, data in (
        ("screening", visitor.health),
        ("wishes", visitor.wishes),
        ("plan", {}),
        ("details", visitor.details),
    ):
        first = visitor.post(step, dict(data))
        second = visitor.post(step, dict(data))
        assert first.headers["location"] == second.headers["location"]
    code = {"code": visitor.code()}
    for _ in range(2):
        assert visitor.post("code", dict(code)).headers["location"] == f"{visitor.base}/done"

    assert count(database, Course) == 1
    assert count(database, Hold) == 0
    assert count(database, PhoneCode) == 1
    assert count(database, Message) == 1


def test_a_button_that_is_pressed_three_times_at_once_books_once(
    visitor: Visitor, database: Database
) -> None:
    visitor.reach("code")
    code = {"code": visitor.code()}

    with ThreadPoolExecutor(3) as hands:
        answers = list(hands.map(lambda _: visitor.post("code", code), range(3)))

    assert {answer.headers["location"] for answer in answers} == {f"{visitor.base}/done"}
    assert count(database, Course) == 1
    assert count(database, Appointment) == 10


@pytest.mark.both_databases
def test_two_patients_race_for_the_same_times_and_one_is_offered_others(
    visitor: Visitor, client: TestClient, database: Database
) -> None:
    other = Visitor(client, database, visitor.cast)
    other.details = {**visitor.details, "name": "Bea Example", "phone": "202-555-0156"}
    codes = []
    for person in (visitor, other):
        person.wishes["practitioner_id"] = str(visitor.cast.ana)
        person.reach("code")
        codes.append(person.code())
        with database.transaction() as session:
            # As if it had lapsed: both were shown the same times.
            session.exec(delete(Hold))

    with ThreadPoolExecutor(2) as hands:
        sent = [
            hands.submit(person.post, "code", {"code": code})
            for person, code in zip((visitor, other), codes, strict=True)
        ]
        places = {text_sent.result().headers["location"].rsplit("/", 1)[1] for text_sent in sent}

    assert places == {"done", "plan"}
    assert count(database, Course) == 1
    late = visitor if visitor.get("done").status_code == 303 else other
    assert "Some of your times were taken" in text_of(late.get("plan"))
    late.post("plan")
    assert late.post("details", late.details).headers["location"] == f"{late.base}/done"
    assert count(database, Appointment) == 20


def test_a_session_is_changed_and_the_rest_stays(visitor: Visitor, database: Database) -> None:
    visitor.reach("plan")
    page = visitor.get("plan/3")
    assert "It is now on Monday, March 1, 9:00 to 9:40 am" in text_of(page)
    slot = _slots(page.text)[1]

    answer = visitor.post("plan/3", {"slot": slot})

    assert answer.headers["location"] == f"{visitor.base}/plan"
    text = text_of(visitor.get("plan"))
    assert "Session 3 is now on Monday, March 1" in text
    assert "We keep these times for you until 7:10 am." in text
    visitor.post("plan")
    visitor.post("details", dict(visitor.details))
    visitor.type_code()
    assert [time for time in wall_times(database) if not time.endswith("09:00")] == [
        "2027-03-01T09:20"
    ]


def test_times_are_kept_while_the_form_is_filled(
    visitor: Visitor, clock: FrozenClock, database: Database
) -> None:
    visitor.reach("plan")
    clock.move(minutes=9)
    visitor.post("plan")
    clock.move(minutes=9)

    assert "until 7:19 am" in text_of(visitor.get("details"))
    assert visitor.post("details", dict(visitor.details)).headers["location"].endswith("/code")
    assert count(database, Hold) == 1


def test_a_lapsed_hold_is_told_and_taken_again_if_nobody_took_the_times(
    visitor: Visitor, clock: FrozenClock
) -> None:
    visitor.reach("code")
    clock.move(minutes=30)
    assert "which are over" in text_of(visitor.get("details"))

    visitor.post("details", dict(visitor.details))
    answer = visitor.type_code()

    assert answer.headers["location"] == f"{visitor.base}/done"


def test_times_that_others_took_are_planned_anew_and_nothing_typed_is_lost(
    visitor: Visitor, client: TestClient, clock: FrozenClock, database: Database
) -> None:
    visitor.wishes["practitioner_id"] = str(visitor.cast.ana)
    visitor.reach("code")
    clock.move(minutes=11)
    other = Visitor(
        client,
        database,
        visitor.cast,
        details={"name": "Bea Example", "phone": "202-555-0156"},
        wishes=visitor.wishes,
    )
    other.reach("done")

    late = visitor.post("details", dict(visitor.details))

    assert late.headers["location"] == f"{visitor.base}/plan"
    text = text_of(visitor.get("plan"))
    assert "Some of your times were taken while you were looking." in text
    assert visitor.post("plan").status_code == 303
    assert 'value="Ada Example"' in visitor.get("details").text
    visitor.post("details", dict(visitor.details))
    assert visitor.type_code().headers["location"] == f"{visitor.base}/done"
    assert count(database, Course) == 2


@pytest.mark.both_databases
def test_two_forms_hold_different_times(
    visitor: Visitor, client: TestClient, database: Database
) -> None:
    visitor.wishes["practitioner_id"] = str(visitor.cast.ana)
    visitor.reach("details")

    other = Visitor(client, database, visitor.cast, wishes=visitor.wishes)
    other.reach("details")

    with database.transaction(write=False) as session:
        holds = session.exec(select(col(DiaryEntry.hold_id)).distinct()).all()
        assert len(holds) == 2
    assert text_of(visitor.get("plan")) != text_of(other.get("plan"))


def test_a_patient_who_is_taken_then_is_offered_other_times(
    visitor: Visitor, client: TestClient, database: Database
) -> None:
    visitor.reach("done")
    again = Visitor(client, database, visitor.cast)
    again.wishes["practitioner_id"] = str(visitor.cast.ben)
    again.details = {**visitor.details, "phone": "202-555-0157"}
    again.reach("code")
    with database.transaction() as session:
        # The same person returns with the new phone, which staff have corrected in between.
        patient = session.exec(select(Patient).where(Patient.phone == "+12025550155")).one()
        patient.phone = "+12025550157"

    answer = again.type_code()

    assert answer.headers["location"] == f"{again.base}/plan"
    assert "Some of your times were taken" in text_of(again.get("plan"))
    again.post("plan")
    # The phone is proved already.
    assert "Book my course" in text_of(again.get("details"))
    assert again.post("details", again.details).headers["location"] == f"{again.base}/done"


def test_a_wrong_code_is_counted_and_books_nothing(visitor: Visitor, database: Database) -> None:
    visitor.reach("code")
    wrong = "000000" if visitor.code() != "000000" else "111111"

    answers = [visitor.post("code", {"code": wrong}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [422] * 6
    assert "This is not the code that we texted." in text_of(answers[4])
    assert "one try too many" in text_of(answers[5])
    assert "one try too many" in text_of(visitor.type_code())
    assert count(database, Course) == 0


def test_a_new_code_takes_patience(visitor: Visitor, clock: FrozenClock) -> None:
    visitor.reach("code")
    soon = visitor.post("code/again")
    assert (soon.status_code, soon.headers["retry-after"]) == (429, "60")
    assert "Please wait a minute" in text_of(soon)
    old = visitor.code()

    clock.move(minutes=2)
    assert visitor.post("code/again").headers["location"] == f"{visitor.base}/code"

    assert visitor.code() != old
    assert "A new code is on its way." in text_of(visitor.get("code"))
    assert visitor.post("code", {"code": old}).status_code == 422
    assert visitor.type_code().headers["location"] == f"{visitor.base}/done"


def _slots(page: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('name="slot" value="')[1:]]
