"""Sessions that patients put at another time: one, or the rest of the course."""

import re
from datetime import date, datetime

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR, AuditEntry
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import appointments, courses
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Appointment, Course
from scheduler.clinic.models import Treatment
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.patients.models import Patient
from scheduler.storage.database import Database
from tests.builders.cast import NEW_YORK, NOW
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, text_of


@pytest.fixture
def my(visitor: Visitor) -> str:
    """The address of the private page of a course that was just booked."""
    visitor.begin_at("done")
    return visitor.my()


def starts(database: Database) -> list[str]:
    """The wall times of the course, in order."""
    with database.transaction(write=False) as session:
        return list(
            session.exec(
                select(col(Appointment.wall_time))
                .where(Appointment.course_id == 1)
                .order_by(col(Appointment.number))
            )
        )


def offered(page: str) -> list[str]:
    return re.findall(r'name="slot" value="([^"]+)"', page)


def shown(page: str) -> dict[str, str]:
    """The form data of the page about the rest."""
    names = ("start_on", "times")
    return {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[0] for name in names}


def take(visitor: Visitor, slot: str) -> None:
    """Another patient books a time."""
    minute, practitioner_id = map(int, slot.split("-"))
    with visitor.database.transaction() as session:
        courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, visitor.cast.back),
            patient=session.get_one(Patient, visitor.cast.bob),
            wanted=[RequestedTime(1, instant_of(minute), practitioner_id)],
            now=NOW,
        )


def clinic_moves(database: Database, number: int, day: date) -> None:
    """Staff move a session to a day at 9 o'clock, whatever the pace."""
    with database.transaction() as session:
        appointments.move(
            session,
            OPERATOR,
            courses.appointments_of(session, session.get_one(Course, 1))[number - 1],
            starts_at=datetime(day.year, day.month, day.day, 9, tzinfo=NEW_YORK),
            practitioner_id=None,
            policy=ChangePolicy(override_reason="The patient travels."),
            now=NOW,
        )


def test_one_session_moves_to_a_time_that_keeps_the_rhythm(
    visitor: Visitor, my: str, database: Database
) -> None:
    before = starts(database)
    address = f"{visitor.session(2)}/move"
    page = visitor.get(address)
    text = text_of(page)
    assert "It is now on Thursday, February 25, 9:00 to 9:40 am , with Ana" in text
    assert "Your other nine sessions stay as they are." in text_of(page)
    assert starts(database) == before

    slot = offered(page.text)[0]
    answer = visitor.post(address, {"slot": slot})

    assert answer.headers["location"] == f"{my}?said=moved&at={slot.split('-')[0]}"
    after = starts(database)
    assert after[1] != before[1]
    assert [*after[:1], *after[2:]] == [*before[:1], *before[2:]]
    assert "Session 2 is now on" in text_of(visitor.get(answer.headers["location"]))
    with database.transaction(write=False) as session:
        [deed] = session.exec(select(AuditEntry).where(AuditEntry.action == "moved"))
        assert deed.actor_kind == "patient"
        [course] = session.exec(select(Course))
        assert not course.pace_exceptions, "the pace is kept"


def test_the_same_times_are_offered_in_every_language(
    visitor: Visitor, my: str, database: Database
) -> None:
    clinic_moves(database, 9, date(2027, 3, 24))
    clinic_moves(database, 10, date(2027, 3, 31))
    address = f"{visitor.session(10)}/move"

    english, spanish = (
        offered(visitor.get(f"{address}?lang={code}").text) for code in ("en", "es")
    )

    assert english == spanish
    third_in_its_week = minute_of(datetime(2027, 3, 26, 9, tzinfo=NEW_YORK))
    assert not [slot for slot in spanish if slot.startswith(f"{third_in_its_week}-")]


def test_pressed_twice_it_moves_once(visitor: Visitor, my: str, database: Database) -> None:
    address = f"{visitor.session(2)}/move"
    slot = offered(visitor.get(address).text)[0]

    first, second = (visitor.post(address, {"slot": slot}) for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    with database.transaction(write=False) as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "moved")).all()) == 1


def test_a_time_that_went_to_somebody_else_is_told_with_those_that_are_free(
    visitor: Visitor, my: str, database: Database
) -> None:
    address = f"{visitor.session(2)}/move"
    slot = offered(visitor.get(address).text)[0]
    take(visitor, slot)
    before = starts(database)

    answer = visitor.post(address, {"slot": slot})

    assert answer.status_code == 409
    assert "This time is not free any more." in text_of(answer)
    assert slot not in offered(answer.text)
    assert offered(answer.text)
    assert starts(database) == before


@pytest.mark.parametrize("slot", ["", "1", "x-1", "1-2-3", "29400540-999", "99999999999-1"])
def test_no_other_time_is_taken_than_those_offered(
    visitor: Visitor, my: str, database: Database, slot: str
) -> None:
    before = starts(database)

    answer = visitor.post(f"{visitor.session(2)}/move", {"slot": slot})

    assert answer.status_code in {409, 422}
    assert "Please check this" in text_of(answer)
    assert offered(answer.text)
    assert starts(database) == before


def test_an_old_page_moves_nothing_that_staff_have_moved(
    visitor: Visitor, my: str, database: Database
) -> None:
    address = f"{visitor.session(2)}/move"
    first, *_, last = offered(visitor.get(address).text)
    visitor.post(address, {"slot": first})
    before = starts(database)

    for answer in (
        visitor.get(address),
        visitor.post(address, {"slot": last}),
        visitor.post(address.replace("/move", "/rest"), {"start_on": "2027-03-15", "times": last}),
    ):
        assert answer.status_code == 409
        assert "This session is at another time now, so nothing was changed." in text_of(answer)
    assert starts(database) == before


def test_within_the_notice_a_session_is_not_moved_but_the_clinic_is_called(
    visitor: Visitor, my: str, clock: FrozenClock, database: Database
) -> None:
    address = f"{visitor.session(1)}/move"
    slot = offered(visitor.get(address).text)[0]
    before = starts(database)
    clock.move(days=20, hours=2.1)

    for answer in (
        visitor.get(address),
        visitor.post(address, {"slot": slot}),
        visitor.get(address.replace("/move", "/rest")),
        visitor.post(address.replace("/move", "/rest"), {"times": slot, "start_on": "2027-03-01"}),
    ):
        assert answer.status_code == 409
        assert "It is less than 24 hours before the session" in text_of(answer)
    assert starts(database) == before
    assert f'href="{address}"' not in visitor.get(my).text


@pytest.mark.both_databases
def test_the_rest_goes_where_the_page_has_shown_it(
    visitor: Visitor, my: str, database: Database
) -> None:
    before = starts(database)
    address = f"{visitor.session(3)}/rest"
    assert "That is 8 sessions, from Monday, March 1" in text_of(visitor.get(address))

    page = visitor.get(f"{address}?start_on=2027-03-15")

    assert starts(database) == before
    assert "Now it is on" in text_of(page)
    answer = visitor.post(address, shown(page.text))
    assert answer.headers["location"] == f"{my}?said=rest"
    after = starts(database)
    assert after[:2] == before[:2]
    assert after[2] == "2027-03-15T09:00"
    times = [int(part.split("-")[0]) for part in shown(page.text)["times"].split(",")]
    with database.transaction(write=False) as session:
        booked = session.exec(select(Appointment).order_by(col(Appointment.number))).all()
        assert [minute_of(appointment.starts_at) for appointment in booked[2:]] == times
    assert "Your sessions have their new times." in text_of(visitor.get(f"{my}?said=rest"))

    again = visitor.post(address, shown(page.text))

    assert again.headers["location"] == f"{my}?said=rest", "pressed twice"
    assert starts(database) == after


def test_the_rest_stays_where_one_of_its_times_is_gone(
    visitor: Visitor, my: str, database: Database
) -> None:
    address = f"{visitor.session(3)}/rest"
    sent = shown(visitor.get(f"{address}?start_on=2027-03-15").text)
    take(visitor, sent["times"].split(",")[-1])
    before = starts(database)

    answer = visitor.post(address, sent)

    assert answer.status_code == 409
    assert "Some of these times are not free any more." in text_of(answer)
    assert starts(database) == before
    anew = shown(answer.text)
    assert anew["times"] != sent["times"]
    assert visitor.post(address, anew).status_code == 303


@pytest.mark.parametrize(
    ("start_on", "sentence"),
    [
        ("2027-13-45", "This is not a day of the calendar."),
        ("2020-01-01", "This day is past."),
        ("2099-01-01", "This is farther ahead than we book."),
    ],
)
def test_a_date_that_cannot_be_is_told(
    visitor: Visitor, my: str, start_on: str, sentence: str
) -> None:
    answer = visitor.get(f"{visitor.session(3)}/rest?start_on={start_on}")

    assert answer.status_code == 422
    assert sentence in text_of(answer)


def test_where_the_rest_finds_no_place_it_says_why(
    visitor: Visitor, my: str, database: Database
) -> None:
    with database.transaction() as session:
        treatment = session.get_one(Treatment, visitor.cast.back)
        treatment.horizon_days = 100
        session.add(treatment)
    before = starts(database)

    answer = visitor.get(f"{visitor.session(3)}/rest?start_on=2027-04-20")

    assert answer.status_code == 422
    assert "cannot be placed" in text_of(answer)
    assert "open only until" in text_of(answer)
    assert starts(database) == before
