"""The waitlist on the patients' pages: for a whole course, and for an earlier session."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import courses, private_links
from scheduler.booking.models import Appointment, Course, Enquiry, Hold, WaitlistEntry
from scheduler.booking.waitlist import matching, offers
from scheduler.clinic.models import Closure
from scheduler.patients import register
from scheduler.patients.models import Patient, PhoneCode, Screening
from scheduler.reminders.kinds import waitlist_pages
from scheduler.reminders.models import Message
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.cast import NOW
from tests.builders.clock import FrozenClock
from tests.builders.world import Paper
from tests.web.conftest import KEY, Visitor, count, text_of


def close(database: Database, visitor: Visitor, first: date, days: int) -> None:
    """Nothing is free for some days."""
    with database.transaction() as session:
        for day in range(days):
            session.add(
                Closure(
                    clinic_id=visitor.cast.clinic, day=first + timedelta(days=day), reason="works"
                )
            )


def refused(visitor: Visitor, database: Database) -> None:
    """Enter wishes that no time meets."""
    close(database, visitor, date(2027, 3, 1), 60)
    visitor.reach("wishes")
    answer = visitor.post("wishes", dict(visitor.wishes))
    assert answer.status_code == 422
    assert f'href="{visitor.base}/waitlist"' in answer.text


def join(visitor: Visitor) -> str:
    """Join the waitlist for the wished course; returns the address of its page."""
    sent = visitor.post("waitlist", dict(visitor.details))
    assert sent.headers["location"] == f"{visitor.base}/waitlist/code", text_of(sent)
    done = visitor.post("waitlist/code", {"code": visitor.code()})
    assert done.headers["location"].startswith("/waiting/"), text_of(done)
    return str(done.headers["location"])


def test_why_there_is_no_course_is_said_with_days_as_the_country_writes_them(
    visitor: Visitor, database: Database
) -> None:
    refused(visitor, database)

    text = text_of(visitor.post("wishes", dict(visitor.wishes)))

    assert "Session 3 cannot be placed: the clinic is closed from March 1 to April 7." in text
    assert "Starting on or after March 29: from April 30 to June 14." in text


def test_who_finds_no_course_waits_for_one_with_the_wishes_that_were_given(
    visitor: Visitor, database: Database
) -> None:
    visitor.wishes["hours"] = "morning"
    visitor.health["blood_thinners"] = "yes"
    refused(visitor, database)
    asked = text_of(visitor.get("waitlist"))
    assert "From Monday, February 22 on On these days: Monday and Thursday Before 12:00 pm" in asked

    address = join(visitor)

    text = text_of(visitor.get(address))
    assert "You are on our list" in text
    assert "We text (202) 555-0155 as soon as something that suits you is free." in text
    with database.transaction(write=False) as session:
        entry = session.exec(select(WaitlistEntry)).one()
        patient = session.get_one(Patient, entry.patient_id)
        assert (entry.wants, entry.weekdays, entry.first_day) == (
            "course",
            [0, 3],
            date(2027, 2, 22),
        )
        assert (entry.from_minute, entry.to_minute) == (0, 720)
        assert (patient.phone, patient.sms_consent) == ("+12025550155", True)
        assert patient.phone_proved_at is not None
        assert session.exec(select(Screening)).one().needs_clearance
        # The form forgets what the patient's own record has now.
        assert session.exec(select(Enquiry)).one().answers.health is None
        assert session.exec(select(Hold)).all() == []


def test_a_course_that_is_offered_then_is_held_for_the_practitioners_eye(
    visitor: Visitor, database: Database
) -> None:
    visitor.health["blood_thinners"] = "yes"
    refused(visitor, database)
    join(visitor)
    with database.transaction() as session:
        for closure in session.exec(select(Closure)):
            session.delete(closure)
        session.flush()
        [(entry, chosen)] = offers.possible(session, visitor.cast.clinic, now=NOW)
        offer = offers.make(session, entry, chosen, now=NOW)
        assert offer is not None
        course = offers.accept(session, OPERATOR, offer, now=NOW)
        assert course.state == "needs_clearance"
        assert len(courses.appointments_of(session, course)) == 10


@pytest.mark.slow
def test_its_page_says_that_its_address_was_texted_once_it_was(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    refused(visitor, database)
    address = join(visitor)
    assert "Keep the address of this page" in text_of(visitor.get(address))

    paper = Paper(FrozenClock(clock.at))
    worker = Worker(database, paper, clock, key=KEY, public_url="http://testserver")
    worker.tick()

    assert [address.rpartition("/")[2] in text for _, text in paper.texts].count(True) == 1
    assert "The address of this page is in our text to you, too" in text_of(visitor.get(address))


def test_waiting_ends_on_its_page(visitor: Visitor, database: Database) -> None:
    refused(visitor, database)
    address = join(visitor)

    for _ in range(2):
        assert visitor.post(f"{address}/withdrawal").headers["location"] == address

    assert "You are no longer on our list" in text_of(visitor.get(address))
    with database.transaction(write=False) as session:
        assert session.exec(select(WaitlistEntry)).one().state == "withdrawn"


def test_each_step_may_be_sent_twice_and_old_tabs_lead_to_ones_place(
    visitor: Visitor, database: Database
) -> None:
    refused(visitor, database)
    for _ in range(2):
        visitor.post("waitlist", dict(visitor.details))
    code = {"code": visitor.code()}
    addresses = {visitor.post("waitlist/code", code).headers["location"] for _ in range(2)}

    assert len(addresses) == 1
    assert count(database, WaitlistEntry) == 1
    assert count(database, PhoneCode) == 1
    assert visitor.get("waitlist").headers["location"] in addresses
    for step in ("screening", "wishes", "plan", "details", "code", "done"):
        assert visitor.get(step).headers["location"] == f"{visitor.base}/waitlist"


@pytest.mark.both_databases
def test_who_waits_already_is_not_put_on_the_list_twice(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    refused(visitor, database)
    join(visitor)
    clock.move(minutes=5)
    visitor.wishes["weekdays"] = []
    visitor.reach("wishes")
    visitor.post("wishes", dict(visitor.wishes))
    join(visitor)

    with database.transaction(write=False) as session:
        assert session.exec(select(WaitlistEntry)).one().weekdays == []


@pytest.mark.both_databases
def test_a_wrong_code_puts_nobody_on_the_list(visitor: Visitor, database: Database) -> None:
    refused(visitor, database)
    visitor.post("waitlist", dict(visitor.details))
    wrong = "000000" if visitor.code() != "000000" else "111111"

    answer = visitor.post("waitlist/code", {"code": wrong})

    assert answer.status_code == 422
    assert "This is not the code that we texted." in text_of(answer)
    assert count(database, WaitlistEntry) == 0


def test_a_new_code_comes_on_the_spot_and_takes_patience(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    refused(visitor, database)
    visitor.post("waitlist", dict(visitor.details))
    assert f'action="{visitor.base}/waitlist/code/again"' in visitor.get("waitlist/code").text

    at_once = visitor.post("waitlist/code/again")
    clock.move(minutes=2)
    later = visitor.post("waitlist/code/again")

    assert at_once.status_code == 429
    assert 0 < int(at_once.headers["Retry-After"]) <= 60
    assert later.headers["location"] == f"{visitor.base}/waitlist/code"
    assert "A new code is on its way." in text_of(visitor.get("waitlist/code"))
    assert count(database, PhoneCode) == 2
    assert (
        visitor.post("waitlist/code", {"code": visitor.code()})
        .headers["location"]
        .startswith("/waiting/")
    )


def test_no_code_comes_again_that_never_came(visitor: Visitor, database: Database) -> None:
    refused(visitor, database)

    answer = visitor.post("waitlist/code/again")

    assert answer.headers["location"] == f"{visitor.base}/waitlist"
    assert count(database, PhoneCode) == 0


def test_what_is_missing_is_said_and_what_was_typed_stays(
    visitor: Visitor, database: Database
) -> None:
    refused(visitor, database)

    answer = visitor.post("waitlist", {**visitor.details, "consent": ""})

    assert answer.status_code == 422
    assert "We can tell you of free times by text only." in text_of(answer)
    assert 'value="Ada Example"' in answer.text
    assert count(database, PhoneCode) == 0


@pytest.mark.parametrize("step", ["screening", "wishes"])
def test_an_empty_form_sends_no_code(visitor: Visitor, database: Database, step: str) -> None:
    visitor.reach(step)

    answer = visitor.post("waitlist", dict(visitor.details))

    assert answer.headers["location"] == f"{visitor.base}/{step}"
    assert count(database, PhoneCode) == 0


def test_days_that_are_too_few_for_the_pace_do_not_make_one_wait_for_ever(
    visitor: Visitor, database: Database
) -> None:
    visitor.wishes["weekdays"] = ["0"]
    refused(visitor, database)

    assert "So we tell you of any day." in text_of(visitor.get("waitlist"))
    join(visitor)
    with database.transaction(write=False) as session:
        assert session.exec(select(WaitlistEntry)).one().weekdays == []


def test_an_earlier_time_is_waited_for_and_ended_on_the_private_page(
    visitor: Visitor, database: Database
) -> None:
    visitor.reach("done")
    address = visitor.session(2)
    assert "Tell me of earlier times" in text_of(visitor.get(f"{address}/move"))
    assert "keeps the rhythm of your course" in text_of(visitor.get(f"{address}/earlier"))

    for _ in range(2):
        assert visitor.post(f"{address}/earlier").headers["location"] == f"{address}/earlier"
    assert "You are on our list for an earlier time." in text_of(visitor.get(f"{address}/earlier"))
    assert count(database, WaitlistEntry) == 1

    for _ in range(2):
        assert visitor.post(f"{address}/earlier/end").headers["location"] == f"{address}/earlier"
    with database.transaction(write=False) as session:
        assert session.exec(select(WaitlistEntry)).one().state == "withdrawn"


def test_nobody_waits_who_could_not_be_told(visitor: Visitor, database: Database) -> None:
    visitor.details["consent"] = ""
    visitor.reach("done")
    address = visitor.session(2)

    visitor.post(f"{address}/earlier")

    assert "you get none from us" in text_of(visitor.get(f"{address}/earlier"))
    assert count(database, WaitlistEntry) == 0


def test_no_earlier_time_is_offered_that_would_break_the_rhythm(
    visitor: Visitor, database: Database
) -> None:
    """From the page on: what is free right after the session before is not what they wait for."""
    visitor.wishes["practitioner_id"] = str(visitor.cast.ana)
    visitor.reach("done")
    address = visitor.session(7)
    visitor.post(f"{address}/earlier")

    with database.transaction() as session:
        entry = session.exec(select(WaitlistEntry)).one()
        own = session.get_one(Appointment, entry.appointment_id)
        course = session.exec(select(Course)).one()
        before = courses.appointments_of(session, course)[5]
        chosen = matching.find(
            session, entry, now=NOW, free=matching.availability(session, now=NOW)
        )
        offered = {opening.day for opening in chosen}
        assert courses.off_pace(session, course) == []
    # Weekly from here on: a free Friday after Thursday's session would be out of rhythm.
    assert date.fromisoformat(before.wall_time[:10]) + timedelta(days=1) not in offered
    assert all(day >= date.fromisoformat(own.wall_time[:10]) - timedelta(days=3) for day in offered)


def carried(visitor: Visitor, database: Database, clock: FrozenClock) -> list[str]:
    """The texts sent now, except codes."""
    paper = Paper(FrozenClock(clock.at))
    Worker(database, paper, clock, key=KEY, public_url="http://testserver").tick()
    return [text for _, text in paper.texts if "your code is" not in text]


@pytest.mark.both_databases
def test_ones_place_on_the_list_is_texted_once_with_its_page(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    refused(visitor, database)
    join(visitor)

    texts = carried(visitor, database, clock)

    [text] = texts
    words, _, address = text.partition(" http://testserver")
    assert words == "Willow: you are on our waitlist. We text you about free times."
    assert "You are on our list" in text_of(visitor.get(address))
    assert carried(visitor, database, clock) == []
    with database.transaction(write=False) as session:
        assert not waitlist_pages.is_any_missing(session, now=clock.at)


def test_who_leaves_the_list_before_it_goes_out_is_not_texted(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    refused(visitor, database)
    address = join(visitor)
    Worker(
        database, Paper(FrozenClock(clock.at)), clock, key=KEY, public_url="http://testserver"
    ).find_links()
    visitor.post(f"{address}/withdrawal")

    assert carried(visitor, database, clock) == []
    with database.transaction(write=False) as session:
        row = session.exec(select(Message).where(Message.kind == "waiting")).one()
    assert (row.state, row.reason) == ("withdrawn", "The patient is no longer waiting.")


@pytest.mark.slow
def test_the_page_of_a_place_that_is_over_ends_a_day_later(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    refused(visitor, database)
    address = join(visitor)
    visitor.post(f"{address}/withdrawal")

    clock.move(hours=23)
    assert visitor.get(address).status_code == 200
    clock.move(hours=2)
    assert visitor.get(address).status_code == 404


def test_a_new_phone_ends_the_page_that_the_old_one_opened(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    refused(visitor, database)
    address = join(visitor)
    new_phone(database, clock)

    assert visitor.get(address).status_code == 404
    assert visitor.post(f"{address}/withdrawal").status_code == 404
    assert carried(visitor, database, clock) == []


@pytest.mark.both_databases
def test_a_new_phone_ends_the_last_page_of_the_form_too(
    visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    visitor.reach("code")
    visitor.type_code()
    assert visitor.get("done").status_code == 200

    new_phone(database, clock)

    assert visitor.get("done").status_code == 404


def new_phone(database: Database, clock: FrozenClock) -> None:
    """Staff correct Ada's phone."""
    with database.transaction() as session:
        patient = session.exec(select(Patient).where(Patient.phone == "+12025550155")).one()
        register.change(session, OPERATOR, patient, phone="+12025550177", now=clock.at)
        private_links.end_links(session, patient, now=clock.at)
