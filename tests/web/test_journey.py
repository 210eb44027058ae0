"""The booking form from the first page to the last, and each way of walking it wrongly."""

from datetime import date

import pytest
from scheduler.booking.models import Appointment, Course, DiaryEntry, Enquiry, Hold
from scheduler.clinic.models import Closure, Treatment
from scheduler.database import Database
from scheduler.patients.models import ConsentRecord, Patient, PhoneCode, Screening
from scheduler.reminders.models import Message
from sqlmodel import SQLModel, col, func, select
from starlette.testclient import TestClient
from tests.web.conftest import FrozenClock, Visitor, text_of


def count(database: Database, table: type[SQLModel]) -> int:
    with database.transaction(write=False) as session:
        return session.exec(select(func.count()).select_from(table)).one()


def wall_times(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        return list(
            session.exec(select(col(Appointment.wall_time)).order_by(col(Appointment.starts_at)))
        )


def test_a_course_is_booked_in_five_steps(visitor: Visitor, database: Database) -> None:
    visitor.reach("done")

    # Clocks go forward on 14 March; nine o'clock stays nine o'clock.
    days = ["02-22", "02-25", "03-01", "03-04", "03-08", "03-11", "03-15", "03-22", "03-29"]
    assert wall_times(database) == [f"2027-{day}T09:00" for day in [*days, "04-05"]]
    said = text_of(visitor.get("done"))
    assert "10 sessions, February 22 to April 5, always with Ana" in said
    assert "Monday, February 22 9:00 to 9:40 am, with Ana" in said


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


def test_what_will_be_texted_is_told_at_the_end(visitor: Visitor) -> None:
    visitor.reach("done")

    said = text_of(visitor.get("done"))
    assert "What we will text you, and when To (202) 555-0155." in said
    assert said.count("The day before session") == 10
    assert "{link}" not in said


def test_the_form_forgets_health_once_it_is_with_the_patient(
    visitor: Visitor, database: Database
) -> None:
    visitor.reach("done")

    with database.transaction(write=False) as session:
        assert session.exec(select(Enquiry)).one().answers == {}


def test_the_form_is_found_by_its_address_alone(visitor: Visitor, database: Database) -> None:
    visitor.reach("plan")
    token = visitor.base.removeprefix("/book/")

    assert len(token) == 22
    assert visitor.client.cookies.jar.__len__() == 0
    with database.transaction(write=False) as session:
        assert token not in session.exec(select(Enquiry)).one().token_hash


@pytest.mark.parametrize("token", ["x", "A" * 22, "../etc", "%00", "é"])
def test_an_address_that_leads_nowhere_gets_the_same_page(visitor: Visitor, token: str) -> None:
    unknown = visitor.get(f"/book/{'B' * 22}/plan")

    answer = visitor.get(f"/book/{token}/plan")

    assert answer.status_code == unknown.status_code == 404
    assert answer.text == unknown.text


def test_a_form_is_gone_after_a_day(visitor: Visitor, clock: FrozenClock) -> None:
    visitor.reach("wishes")
    clock.move(hours=24)

    assert visitor.get("wishes").status_code == 404


@pytest.mark.parametrize("step", ["wishes", "plan", "plan/3", "details", "code", "done"])
def test_nobody_jumps_ahead(visitor: Visitor, step: str) -> None:
    visitor.begin()

    assert visitor.get(step).headers["location"] == f"{visitor.base}/screening"


def test_nobody_books_without_the_code(visitor: Visitor, database: Database) -> None:
    visitor.reach("details")

    answer = visitor.post("code", {"code": "123456"})

    assert answer.headers["location"] == f"{visitor.base}/details"
    assert count(database, Course) == 0


def test_going_back_shows_what_was_said(visitor: Visitor) -> None:
    visitor.reach("code")

    assert 'name="pain_since" value="chronic" checked' in visitor.get("screening").text
    wishes = visitor.get("wishes").text
    assert 'value="2027-02-22"' in wishes
    assert 'name="weekdays" value="3" checked' in wishes
    details = visitor.get("details").text
    assert 'value="(202) 555-0155"' in details
    assert 'id="consent" aria-describedby="consent-hint" checked' in details


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


def test_after_booking_each_step_leads_to_the_end(visitor: Visitor, database: Database) -> None:
    visitor.reach("done")

    for step in ("screening", "wishes", "plan", "details", "code"):
        assert visitor.get(step).headers["location"] == f"{visitor.base}/done"
        assert visitor.post(step).headers["location"] == f"{visitor.base}/done"
    assert visitor.get("done").text == visitor.get("done").text
    assert count(database, Course) == 1


def test_unanswered_questions_are_named_and_the_rest_is_kept(visitor: Visitor) -> None:
    visitor.begin()

    answer = visitor.post("screening", {"bleeding": "unsure"})

    assert answer.status_code == 422
    assert 'name="bleeding" value="unsure" id="bleeding" checked' not in answer.text
    assert 'name="bleeding" value="unsure" checked' in answer.text
    assert '<a href="#blood_thinners">Do you take a blood thinner?</a>' in answer.text
    assert "autofocus" in answer.text


def test_a_yes_refuses_nobody_but_holds_the_course(visitor: Visitor, database: Database) -> None:
    visitor.health["blood_thinners"] = "yes"
    visitor.health["seen_by_doctor"] = "no"
    visitor.reach("wishes")
    advice = text_of(visitor.get("wishes"))
    assert "A practitioner will look at your answers before your first session." in advice
    assert "Please let a doctor find the cause as well" in advice

    visitor.reach("done")

    assert "A practitioner looks at your answers first" in text_of(visitor.get("done"))
    with database.transaction(write=False) as session:
        assert session.exec(select(Course)).one().state == "needs_clearance"


def test_wishes_that_cannot_be_are_kept_as_typed(visitor: Visitor) -> None:
    visitor.reach("wishes")

    answer = visitor.post("wishes", {"start_on": "2020-01-01", "weekdays": ["3"]})

    assert answer.status_code == 422
    assert "This day is past." in text_of(answer)
    assert 'value="2020-01-01"' in answer.text
    assert 'name="weekdays" value="3" checked' in answer.text


def test_no_plan_says_why_and_what_helps(visitor: Visitor, database: Database) -> None:
    visitor.reach("wishes")
    with database.transaction() as session:
        session.get_one(Treatment, visitor.cast.back).horizon_days = 20

    answer = visitor.post("wishes", {**visitor.wishes, "start_on": "2027-02-15"})

    assert answer.status_code == 422
    assert "It may help to tick more days" in text_of(answer)


def test_what_does_not_fit_is_said(visitor: Visitor, database: Database) -> None:
    with database.transaction() as session:
        for day in range(1, 8):
            closed = date(2027, 3, day)
            session.add(Closure(clinic_id=visitor.cast.clinic, day=closed, reason="holiday"))

    visitor.reach("plan")

    assert "Not everything could be as you wished" in text_of(visitor.get("plan"))


def test_a_session_is_changed_and_the_rest_stays(visitor: Visitor, database: Database) -> None:
    visitor.reach("plan")
    page = visitor.get("plan/3")
    assert "It is now on Monday, March 1, 9:00 to 9:40 am" in text_of(page)
    slot = _slots(page.text)[1]

    answer = visitor.post("plan/3", {"slot": slot})

    assert answer.headers["location"] == f"{visitor.base}/plan"
    said = text_of(visitor.get("plan"))
    assert "Session 3 is now on Monday, March 1" in said
    assert "We keep these times for you until 7:10 am." in said
    visitor.post("plan")
    visitor.post("details", dict(visitor.details))
    visitor.type_code()
    assert [time for time in wall_times(database) if not time.endswith("09:00")] == [
        "2027-03-01T09:20"
    ]


@pytest.mark.parametrize("slot", ["", "1", "1-1", "x-y", "9" * 40 + "-1", "1-2-3", "-"])
def test_a_time_that_was_not_offered_is_refused(visitor: Visitor, slot: str) -> None:
    visitor.reach("plan")
    before = text_of(visitor.get("plan"))

    answer = visitor.post("plan/3", {"slot": slot})

    assert answer.status_code in {409, 422}
    assert "Change session 3" in text_of(answer)
    assert text_of(visitor.get("plan")) == before


@pytest.mark.parametrize("number", ["0", "11", "-1", "x", "3.0"])
def test_a_session_that_is_not_there_cannot_be_changed(visitor: Visitor, number: str) -> None:
    visitor.reach("plan")

    assert visitor.get(f"plan/{number}").status_code == 404


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
    other = Visitor(client, database, visitor.cast, details={
        "name": "Bea Example", "phone": "202-555-0156"}, wishes=visitor.wishes)
    other.reach("done")

    late = visitor.post("details", dict(visitor.details))

    assert late.headers["location"] == f"{visitor.base}/plan"
    said = text_of(visitor.get("plan"))
    assert "Some of your times were taken while you were looking." in said
    assert visitor.post("plan").status_code == 303
    assert 'value="Ada Example"' in visitor.get("details").text
    visitor.post("details", dict(visitor.details))
    assert visitor.type_code().headers["location"] == f"{visitor.base}/done"
    assert count(database, Course) == 2


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
        # The same person comes with the new phone: it was corrected at the desk meanwhile.
        patient = session.exec(select(Patient).where(Patient.phone == "+12025550155")).one()
        patient.phone = "+12025550157"

    answer = again.type_code()

    assert answer.headers["location"] == f"{again.base}/plan"
    assert "Some of your times were taken" in text_of(again.get("plan"))
    again.post("plan")
    # The phone is proved already.
    assert "Book my course" in text_of(again.get("details"))
    assert again.post("details", again.details).headers["location"] == f"{again.base}/done"


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "😀", "A name can have letters"),
        ("name", "A" * 5000, "at most 80 characters"),
        ("name", "<script>alert(1)</script>", "A name can have letters"),
        ("phone", "123", "There is no such phone number."),
        ("phone", "+44 7400 123456", "We cannot text numbers of this country."),
    ],
)
def test_details_that_cannot_be_are_kept_and_explained(
    visitor: Visitor, field: str, typed: str, sentence: str
) -> None:
    visitor.reach("details")

    answer = visitor.post("details", {**visitor.details, field: typed})

    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert "<script" not in answer.text
    kept = {**visitor.details, field: typed}["phone" if field == "name" else "name"]
    assert f'value="{kept}"' in answer.text
    assert len(answer.content) < 60_000


def test_a_name_of_any_script_is_shown_and_kept(visitor: Visitor, database: Database) -> None:
    visitor.details["name"] = "عائشة بنت محمد"
    visitor.reach("done")

    with database.transaction(write=False) as session:
        names = session.exec(select(Patient.name)).all()
        assert "عائشة بنت محمد" in names


def test_without_consent_no_reminder_comes_and_the_page_says_so(
    visitor: Visitor, database: Database
) -> None:
    visitor.details.pop("consent")
    visitor.reach("done")

    assert "no reminder will come" in text_of(visitor.get("done"))
    assert count(database, ConsentRecord) == 0


def test_a_wrong_code_is_counted_and_books_nothing(visitor: Visitor, database: Database) -> None:
    visitor.reach("code")
    wrong = "000000" if visitor.code() != "000000" else "111111"

    answers = [visitor.post("code", {"code": wrong}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [422] * 6
    assert "This is not the code that we texted." in text_of(answers[4])
    assert "one try too many" in text_of(answers[5])
    assert "one try too many" in text_of(visitor.type_code())
    assert count(database, Course) == 0


@pytest.mark.parametrize("typed", ["", "abc", "12345678901234567890", "१२३४५६", "<b>"])
def test_what_is_no_code_gets_a_sentence(visitor: Visitor, typed: str) -> None:
    visitor.reach("code")

    answer = visitor.post("code", {"code": typed})

    assert answer.status_code == 422
    assert "This is not the code that we texted." in text_of(answer)


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


def test_no_page_tells_whether_a_phone_is_known(visitor: Visitor, client: TestClient) -> None:
    visitor.details["phone"] = "(202) 555-0101"  # Ann's, who is a patient
    visitor.reach("code")
    stranger = Visitor(client, visitor.database, visitor.cast)
    stranger.reach("code")

    known, unknown = (
        each.get("code").text.replace(each.base, "").replace(number, "")
        for each, number in ((visitor, "(202) 555-0101"), (stranger, "(202) 555-0155"))
    )
    assert known == unknown


def test_reading_a_page_changes_nothing(visitor: Visitor, database: Database) -> None:
    visitor.reach("code")
    before = _rows(database)

    for step in ("screening", "wishes", "plan", "plan/2", "details", "code"):
        assert visitor.get(step).status_code == 200

    assert _rows(database) == before


def _rows(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        return [
            str(row)
            for table in (Enquiry, Hold, DiaryEntry, PhoneCode, Message)
            for row in session.exec(select(table))
        ]


def _slots(page: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('name="slot" value="')[1:]]


