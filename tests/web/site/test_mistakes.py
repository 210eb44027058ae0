"""The pages of the booking form: what they say, and each way of walking them wrongly."""

from datetime import date

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from scheduler.booking.availability import holds
from scheduler.booking.models import Course, DiaryEntry, Enquiry, Hold
from scheduler.clinic.models import Closure, Treatment
from scheduler.patients.models import ConsentRecord, Patient, PhoneCode
from scheduler.reminders.models import Message
from scheduler.storage.database import Database
from tests.builders.cast import NOW
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, count, text_of


def test_what_will_be_texted_is_told_at_the_end(visitor: Visitor) -> None:
    visitor.reach("done")

    text = text_of(visitor.get("done"))
    assert "What we will text you, and when To (202) 555-0155." in text
    assert text.count("The day before session") == 10
    assert "{link}" not in text


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


def test_nobody_jumps_ahead(visitor: Visitor) -> None:
    visitor.begin()

    for step in ["wishes", "plan", "plan/3", "details", "code", "done"]:
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
    assert "With the first 2 sessions now and the rest later" in text_of(answer)


def test_too_many_forms_from_one_place_lose_nothing_that_was_typed(
    visitor: Visitor, client: TestClient, database: Database
) -> None:
    visitor.reach("wishes")
    with database.transaction() as session:
        for _ in range(holds.AT_ONCE_PER_ORIGIN):
            later = NOW + holds.HOLD_KEPT_FOR
            hold = Hold(clinic_id=visitor.cast.clinic, expires_at=later, origin="testclient")
            session.add(hold)

    answer = visitor.post("wishes", visitor.wishes)

    assert answer.status_code == 422
    assert "Too many bookings are being made from here at once." in text_of(answer)
    assert 'value="2027-02-22"' in answer.text


def test_what_does_not_fit_is_said(visitor: Visitor, database: Database) -> None:
    with database.transaction() as session:
        for day in range(1, 8):
            closed = date(2027, 3, day)
            session.add(Closure(clinic_id=visitor.cast.clinic, day=closed, reason="holiday"))

    visitor.reach("plan")

    assert "Not everything could be as you wished" in text_of(visitor.get("plan"))


def test_a_time_that_was_not_offered_is_refused(visitor: Visitor) -> None:
    visitor.reach("plan")
    before = text_of(visitor.get("plan"))

    for slot in ["", "1", "1-1", "x-y", "9" * 40 + "-1", "1-2-3", "-"]:
        answer = visitor.post("plan/3", {"slot": slot})
        assert answer.status_code in {409, 422}
        assert "Change session 3" in text_of(answer)

    assert text_of(visitor.get("plan")) == before


def test_a_session_that_is_not_there_cannot_be_changed(visitor: Visitor) -> None:
    visitor.reach("plan")

    for number in ["0", "11", "-1", "x", "3.0"]:
        assert visitor.get(f"plan/{number}").status_code == 404


def test_details_that_cannot_be_are_kept_and_explained(visitor: Visitor) -> None:
    visitor.reach("details")

    for field, typed, sentence in [
        ("name", "😀", "A name cannot contain"),
        ("name", "A" * 5000, "at most 80 characters"),
        ("name", "<script>alert(1)</script>", "A name cannot contain"),
        ("name", "'; DROP TABLE patients; --", "A name cannot contain"),
        ("phone", "123", "There is no such phone number."),
        ("phone", "+44 7400 123456", "We cannot text numbers of this country."),
    ]:
        answer = visitor.post("details", {**visitor.details, field: typed})
        assert answer.status_code == 422
        assert sentence in text_of(answer)
        assert "<script" not in answer.text
        kept = visitor.details["phone" if field == "name" else "name"]
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


def test_what_is_no_code_gets_a_sentence(visitor: Visitor) -> None:
    visitor.reach("code")

    for typed in ["", "abc", "12345678901234567890", "१२३४५६"]:
        answer = visitor.post("code", {"code": typed})
        assert answer.status_code == 422
        assert "This is not the code that we texted." in text_of(answer)


def test_no_page_tells_whether_a_phone_is_known(visitor: Visitor, client: TestClient) -> None:
    visitor.details["phone"] = "(202) 555-0101"  # Ann's, who is a patient
    visitor.reach("code")
    stranger = Visitor(client, visitor.database, visitor.cast)
    stranger.reach("code")

    known, unknown = (
        person.get("code").text.replace(person.base, "").replace(number, "")
        for person, number in ((visitor, "(202) 555-0101"), (stranger, "(202) 555-0155"))
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
