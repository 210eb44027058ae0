"""A lost link is texted again, and the page does not reveal who is a patient."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from scheduler.audit.audit_trail import CARRIER, OPERATOR
from scheduler.booking.courses import private_links
from scheduler.patients import consent, register
from scheduler.patients.lost_links import PER_ORIGIN_AN_HOUR, PER_PHONE_A_DAY
from scheduler.patients.models import LinkRequest, Patient
from scheduler.reminders.models import Message
from scheduler.storage import links
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.clock import FrozenClock
from tests.builders.world import Paper
from tests.web.conftest import KEY, Visitor, count, text_of

KNOWN, STRANGER = "(202) 555-0155", "(202) 555-0199"
PHONE = "+12025550155"


@pytest.fixture
def my(visitor: Visitor) -> str:
    visitor.begin_at("done")
    return visitor.my()


@pytest.fixture
def paper(database: Database, clock: FrozenClock) -> Paper:
    """A carrier, and a worker who has sent whatever was owed so far."""
    return Paper(FrozenClock(clock.at))


def ask(visitor: Visitor, number: str) -> tuple[int, str, str]:
    """The whole answer to the form: status, location and text."""
    answer = visitor.post("/lost-link", {"phone": number})
    there = answer.headers.get("location", "")
    return answer.status_code, there, visitor.get(there).text if there else text_of(answer)


def work(database: Database, clock: FrozenClock, paper: Paper) -> list[str]:
    """Let the worker work; the texts with a private link that it sent to the phone."""
    before = len(paper.texts)
    worker = Worker(database, paper, clock, key=KEY, public_url="http://testserver")
    worker.find_links()
    worker.send()
    return [text for to, text in paper.texts[before:] if to == PHONE and "/my/" in text]


def link_in(text: str) -> str:
    found = re.search(r"/my/[\w-]{22}", text)
    assert found
    return found[0]


def test_the_link_comes_by_text_and_opens_the_course(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    assert ask(visitor, KNOWN)[0] == 303

    [text] = work(database, clock, paper)

    assert text.startswith("Willow: your next session is Mon 22 Feb 9:00 AM. All your times: ")
    assert link_in(text) != my
    assert "Your next session" in text_of(visitor.get(link_in(text)))
    assert "Your next session" in text_of(visitor.get(my))  # knowing a number ends no link
    assert work(database, clock, paper) == []


def test_a_stop_that_comes_after_the_request_stops_the_link(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    ask(visitor, KNOWN)
    worker = Worker(database, paper, clock, key=KEY, public_url="http://testserver")
    worker.find_links()
    with database.transaction() as session:
        consent.stop(session, OPERATOR, PHONE, words="STOP", now=clock.at)

    worker.send()

    assert [text for to, text in paper.texts if to == PHONE and "/my/" in text] == []


@pytest.mark.both_databases
def test_for_a_stranger_the_same_is_said_and_done(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    known, stranger = (
        (ask(visitor, number), messages)
        for number in (KNOWN, STRANGER)
        for messages in [count(database, Message)]
    )

    assert known == stranger
    assert "If there is a course for this number" in known[0][2]
    work(database, clock, paper)
    assert "+12025550199" not in {to for to, _ in paper.texts}


def test_the_database_is_asked_the_same_for_a_stranger(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    """So that the time it takes tells nothing either."""

    def asked(number: str) -> Iterator[str]:
        statements: list[str] = []

        def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            # How long SQLite may wait depends on how much of the request's time is left.
            if not statement.startswith("PRAGMA busy_timeout"):
                statements.append(statement)

        event.listen(database.engine, "before_cursor_execute", listen)
        visitor.post("/lost-link", {"phone": number})
        event.remove(database.engine, "before_cursor_execute", listen)
        return iter(statements)

    assert list(asked(KNOWN)) == list(asked(STRANGER)) != []


@pytest.mark.both_databases
def test_the_number_is_forgotten_once_it_was_looked_for(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    for number in (KNOWN, STRANGER):
        ask(visitor, number)
    work(database, clock, paper)

    with database.transaction(write=False) as session:
        rows = session.exec(select(LinkRequest)).all()
    assert [row.phone for row in rows] == ["", ""]
    clock.move(days=1, minutes=1)
    Worker(database, paper, clock, key=KEY, public_url="http://testserver").tidy()
    assert count(database, LinkRequest) == 0


@pytest.mark.parametrize("number", [KNOWN, STRANGER])
def test_a_phone_is_asked_about_a_few_times_a_day(
    visitor: Visitor, my: str, clock: FrozenClock, number: str
) -> None:
    assert ask(visitor, number)[0] == 303
    status, _, words = ask(visitor, number)
    assert status == 429
    assert "Please wait a minute before asking again." in words
    for _ in range(PER_PHONE_A_DAY - 1):
        clock.move(hours=1)
        assert ask(visitor, number)[0] == 303

    clock.move(hours=1)
    status, _, words = ask(visitor, number)

    assert status == 429
    assert "This was asked too often. Please try later, or call us." in words
    clock.move(days=1)
    assert ask(visitor, number)[0] == 303


def test_an_address_asks_about_a_few_phones_an_hour(visitor: Visitor, my: str) -> None:
    answers = [ask(visitor, f"(202) 555-01{number}")[0] for number in range(60, 66)]

    assert answers == [303] * PER_ORIGIN_AN_HOUR + [429]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Please give the number of your mobile phone."),
        ("<b>1</b>", "This does not look like a phone number."),
        ("+44 7700 900123", "There is no such phone number."),
    ],
)
def test_what_is_no_number_is_given_back(
    visitor: Visitor, my: str, typed: str, sentence: str
) -> None:
    answer = visitor.post("/lost-link", {"phone": typed})

    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert "<b>" not in answer.text


def test_a_phone_that_said_stop_gets_none(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    with database.transaction() as session:
        consent.stop(session, CARRIER, PHONE, words="STOP", now=clock.at)
    ask(visitor, KNOWN)

    assert work(database, clock, paper) == []


def test_it_never_comes_late(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    ask(visitor, KNOWN)
    clock.move(minutes=31)

    assert work(database, clock, paper) == []


def test_a_course_that_is_over_has_its_link_for_two_weeks(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    clock.move(days=75)
    ask(visitor, KNOWN)
    [text] = work(database, clock, paper)
    assert text == f"Willow: here are your sessions: http://testserver{link_in(text)}"
    assert "This course is over." in text_of(visitor.get(link_in(text)))

    clock.move(days=4)
    ask(visitor, KNOWN)

    assert work(database, clock, paper) == []
    assert visitor.get(link_in(text)).status_code == 404


@pytest.mark.both_databases
def test_links_die_with_the_phone_that_they_were_texted_to(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, paper: Paper
) -> None:
    """A number that now belongs to another person opens nothing and gets nothing."""
    ask(visitor, KNOWN)
    [text] = work(database, clock, paper)
    clock.move(hours=1)
    ask(visitor, KNOWN)
    Worker(database, paper, clock, key=KEY, public_url="http://testserver").find_links()
    with database.transaction() as session:
        patient = session.exec(select(Patient).where(Patient.phone == PHONE)).one()
        register.change(session, OPERATOR, patient, phone="+12025550177", now=clock.at)
        private_links.end_links(session, patient, now=clock.at)

    assert visitor.get(my).status_code == 404
    assert visitor.get(link_in(text)).status_code == 404
    assert work(database, clock, paper) == []
    with database.transaction(write=False) as session:
        last = session.exec(select(Message).where(col(Message.key).startswith("link:2"))).one()
    assert (last.state, last.reason) == ("withdrawn", "The patient has another phone now.")


def test_a_link_opens_its_own_course_alone(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    """Neither another patient's page, nor another kind of page, whatever the token is combined
    with."""
    token = my.rpartition("/")[2]
    with database.transaction() as session:
        _, other = links.mint(
            session,
            KEY,
            purpose="course",
            subject_id=999,
            now=clock.at - timedelta(days=9),
            expires_at=clock.at - timedelta(days=1),
        )

    for path in (f"/calendars/{token}.ics", f"/offers/{token}", f"/book/{token}/details"):
        assert visitor.get(path).status_code == 404
    assert visitor.get(f"/my/{other}").status_code == 404


def test_the_way_is_shown_where_it_is_missed(visitor: Visitor, my: str) -> None:
    for path in ("/", "/my/nothing"):
        assert 'href="/lost-link?lang=en"' in visitor.get(path).text


def test_the_page_is_spanish_for_who_reads_spanish(visitor: Visitor) -> None:
    assert "Su enlace privado otra vez" in text_of(visitor.get("/lost-link?lang=es"))
