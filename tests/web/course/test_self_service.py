"""The private page of a course."""

import re
from datetime import timedelta
from html import escape

import pytest
from icalendar import Calendar
from sqlmodel import col, select

from scheduler.audit.audit_trail import CARRIER, OPERATOR, AuditEntry
from scheduler.booking.courses import appointments
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Appointment, Course
from scheduler.clinic.models import Practitioner, Treatment
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.storage import links
from scheduler.storage.database import Database
from scheduler.storage.links import Link
from tests.builders.cast import NOW
from tests.builders.clock import FrozenClock
from tests.web.conftest import KEY, Visitor, count, text_of

SCANNERS = ["facebookexternalhit/1.1", "Slackbot-LinkExpanding 1.0", "Googlebot/2.1"]

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</style><svg onload=alert(1)>",
]


@pytest.fixture
def my(visitor: Visitor) -> str:
    """The address of the private page of a course that was just booked."""
    visitor.begin_at("done")
    return visitor.my()


def states(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        return list(session.exec(select(col(Appointment.state)).order_by(col(Appointment.number))))


def test_the_next_session_stands_first(visitor: Visitor, my: str, clock: FrozenClock) -> None:
    assert "Your next session Monday, February 22 9:00 to 9:40 am, with Ana" in text_of(
        visitor.get(my)
    )

    clock.move(days=22)

    assert "Your next session Thursday, February 25" in text_of(visitor.get(my))


def test_the_calendar_file_of_the_done_page_holds_each_session(visitor: Visitor) -> None:
    visitor.reach("done")
    [path] = set(re.findall(r'href="[^"]*(/calendars/[^"]+)"', visitor.get("done").text))

    file = visitor.get(path)

    assert file.headers["content-type"] == "text/calendar; charset=utf-8"
    assert len(Calendar.from_ical(file.content).walk("VEVENT")) == 10


def test_the_calendar_file_is_in_the_language_of_the_patient(visitor: Visitor, my: str) -> None:
    [path] = set(re.findall(r'href="[^"]*(/calendars/[^"]+)"', visitor.get(my).text))
    assert visitor.post(f"{my}/language", {"language": "es"}).status_code == 303

    first = Calendar.from_ical(visitor.get(path).content).walk("VEVENT")[0]

    assert str(first["SUMMARY"]).endswith(": sesión 1 de 10")
    assert str(first["DESCRIPTION"]).startswith("Coma algo unas dos horas antes.")


def test_a_phone_that_said_stop_is_told_how_to_start_again(
    visitor: Visitor, my: str, database: Database
) -> None:
    with database.transaction() as session:
        consent.stop(session, CARRIER, "+12025550155", words="STOP", now=NOW)

    for page in ("done", my):
        assert "this phone has asked for no more texts. Text START" in text_of(visitor.get(page))


def test_a_session_is_confirmed_by_its_button(
    visitor: Visitor, my: str, database: Database
) -> None:
    for _ in range(2):
        answer = visitor.post(f"{visitor.session(1)}/confirmation")
        assert answer.headers["location"] == f"{my}?said=confirmed"

    assert states(database) == ["confirmed"] + ["booked"] * 9
    assert "Thank you. We look forward to seeing you." in text_of(
        visitor.get(f"{my}?said=confirmed")
    )


@pytest.mark.both_databases
def test_a_session_is_cancelled_after_its_consequence_was_said(
    visitor: Visitor, my: str, database: Database
) -> None:
    asked = text_of(visitor.get(f"{visitor.session(2)}/cancellation"))
    assert "Your other nine sessions stay as they are." in asked
    assert states(database) == ["booked"] * 10

    for _ in range(2):
        answer = visitor.post(f"{visitor.session(2)}/cancellation")
        assert answer.headers["location"] == f"{my}?said=cancelled"

    assert states(database) == ["booked", "cancelled"] + ["booked"] * 8
    with database.transaction(write=False) as session:
        deed = session.exec(select(AuditEntry).where(AuditEntry.subject == "appointment")).all()
        assert [(entry.actor_kind, entry.action) for entry in deed] == [("patient", "is cancelled")]


def test_who_cancels_late_is_asked_to_call_as_well(
    visitor: Visitor, my: str, clock: FrozenClock
) -> None:
    first = visitor.session(1)
    warning = "It is less than 24 hours before the session. Please call us"
    assert warning not in text_of(visitor.get(f"{first}/cancellation"))

    clock.move(days=20, hours=2.1)

    assert warning in text_of(visitor.get(f"{first}/cancellation"))
    assert visitor.post(f"{first}/cancellation").status_code == 303


def test_a_cancelled_session_cannot_be_confirmed(visitor: Visitor, my: str) -> None:
    visitor.post(f"{visitor.session(2)}/cancellation")

    answer = visitor.post(f"{visitor.session(2)}/confirmation")

    assert answer.status_code == 409
    assert "This session is cancelled or has begun already" in text_of(answer)


def test_what_is_over_can_be_neither_confirmed_nor_cancelled(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    clock.move(days=22)

    assert visitor.post(f"{visitor.session(1)}/confirmation").status_code == 409
    assert visitor.post(f"{visitor.session(1)}/cancellation").status_code == 409
    assert visitor.get(f"{visitor.session(1)}/cancellation").headers["location"] == my
    assert states(database) == ["booked"] * 10


@pytest.mark.both_databases
def test_opening_a_link_does_nothing(visitor: Visitor, my: str, database: Database) -> None:
    before = (states(database), count(database, AuditEntry), count(database, Link))

    for scanner in SCANNERS:
        for address in (
            my,
            f"{visitor.session(1)}/confirmation",
            f"{visitor.session(1)}/cancellation",
        ):
            visitor.client.get(address, headers={"User-Agent": scanner})
            visitor.client.head(address, headers={"User-Agent": scanner})

    assert (states(database), count(database, AuditEntry), count(database, Link)) == before


def test_links_that_lead_nowhere_look_alike(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    with database.transaction() as session:
        other, calendar = links.mint(
            session, KEY, purpose="calendar", subject_id=1, now=clock.at, expires_at=None
        )
        assert other.id
    unknown = visitor.get(f"/my/{'A' * 22}")
    wrong_purpose = visitor.get(f"/my/{calendar}")
    with database.transaction() as session:
        links.revoke(session, purpose="course", subject_id=1, now=clock.at)
    revoked = visitor.get(my)

    assert unknown.status_code == wrong_purpose.status_code == revoked.status_code == 404
    assert unknown.text == wrong_purpose.text == revoked.text


def test_a_link_dies_two_weeks_after_the_last_session(
    visitor: Visitor, my: str, clock: FrozenClock
) -> None:
    first = visitor.session(1)
    clock.move(days=76)
    assert "This course is over." in text_of(visitor.get(my))

    clock.move(days=3)

    assert visitor.get(my).status_code == 404
    assert visitor.post(f"{first}/confirmation").status_code == 404


def test_a_session_of_nobody_is_not_found(visitor: Visitor, my: str) -> None:
    for minute in ["x", "1.0", "-1", "1" * 12, "²"]:
        assert visitor.get(f"{my}/sessions/{minute}/cancellation").status_code == 404
        assert visitor.post(f"{my}/sessions/{minute}/cancellation").status_code == 404


def test_an_old_page_cancels_no_other_session_than_the_one_it_showed(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    """The clinic moves session 1 behind session 2, which is number 1 from then on."""
    first, second = visitor.session(1), visitor.session(2)
    with database.transaction() as session:
        moved = session.exec(select(Appointment).where(Appointment.number == 1)).one()
        appointments.move(
            session,
            OPERATOR,
            moved,
            starts_at=moved.starts_at + timedelta(days=4),
            policy=ChangePolicy(override_reason="The patient asked for it"),
            now=clock.at,
        )

    answers = [visitor.post(f"{first}/{deed}") for deed in ("confirmation", "cancellation")]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "This session is at another time now, so nothing was changed." in text_of(answers[0])
    assert states(database) == ["booked"] * 10
    assert visitor.session(1) == second
    assert visitor.post(f"{second}/cancellation").status_code == 303
    assert states(database) == ["cancelled"] + ["booked"] * 9


def test_the_calendar_file_is_linked(visitor: Visitor, my: str, database: Database) -> None:
    page = visitor.get(my).text
    token = page.split('href="/calendars/')[1].split(".ics")[0]

    with database.transaction(write=False) as session:
        link = session.exec(select(Link).where(Link.purpose == "calendar")).one()
        assert link.token_hash == links.hash_of(token)


def test_a_course_without_a_calendar_file_gets_one_by_a_button(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    with database.transaction() as session:
        links.revoke(session, purpose="calendar", subject_id=1, now=clock.at)
    assert f'action="{my}/calendar"' in visitor.get(my).text

    first = visitor.post(f"{my}/calendar").headers["location"]

    assert first.startswith("/calendars/")
    assert first.endswith(".ics")
    assert visitor.post(f"{my}/calendar").headers["location"] == first


def test_texts_are_shown_as_coming_and_as_sent(visitor: Visitor, my: str) -> None:
    text = text_of(visitor.get(my))

    assert "Still to come" in text
    assert "The day before session 1." in text


def test_texts_that_give_way_are_shown_with_the_reason(visitor: Visitor, my: str) -> None:
    text = text_of(visitor.get(my))

    assert "we send at most 1 a day and 3 in seven days. These give way" in text
    assert "3 hours before session 1." in text.partition("These give way")[2]


def test_a_cancelled_course_says_so(visitor: Visitor, my: str) -> None:
    for number in range(1, 11):
        asked = text_of(visitor.get(f"{visitor.session(number)}/cancellation"))
        visitor.post(f"{visitor.session(number)}/cancellation")

    assert "It is the last one: nothing of this course is left then." in asked
    assert "This course is cancelled." in text_of(visitor.get(my))


@pytest.mark.both_databases
def test_names_from_elsewhere_are_only_text(visitor: Visitor, my: str, database: Database) -> None:
    """Staff and imports can store what the form would refuse."""
    for attack in ATTACKS:
        with database.transaction() as session:
            for table in (Practitioner, Treatment, Patient):
                for row in session.exec(select(table)):
                    row.name = attack
            treatment = session.get_one(Treatment, visitor.cast.back)
            treatment.summary = attack
            treatment.source = f"javascript:{attack}"
            treatment.tips = {"before": attack, "after": attack}

        for page in (
            my,
            "/",
            f"/treatments/{visitor.cast.back}",
            f"{visitor.session(2)}/cancellation",
        ):
            html = visitor.get(page).text
            assert escape(attack).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in html
            assert attack not in html
            assert 'href="javascript' not in html


def test_the_page_is_read_by_whoever_has_the_link_and_tells_no_phone(
    visitor: Visitor, my: str
) -> None:
    page = visitor.get(my).text

    assert "555-0155" not in page
    assert "Ada" not in page


@pytest.mark.both_databases
def test_a_link_lives_on_when_the_course_lasts(
    database: Database, visitor: Visitor, my: str
) -> None:
    with database.transaction(write=False) as session:
        course = session.exec(select(Course)).one()
        link = session.exec(select(Link).where(Link.purpose == "course")).one()
        last = session.exec(
            select(Appointment).where(Appointment.course_id == course.id, Appointment.number == 10)
        ).one()
        assert link.expires_at == last.ends_at + timedelta(days=14)
