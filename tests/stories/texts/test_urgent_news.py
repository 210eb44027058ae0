"""A patient who would come in vain is texted at any hour, or staff are asked to call."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import update

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import appointments
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Course
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.staff import attention, failed_texts
from scheduler.sms.sender import Unreached
from scheduler.storage.database import Database
from tests.builders.world import ANN, World, appointment, at, found

TWO_MINUTES = timedelta(minutes=2)
CANCELLED = "is cancelled, please do not come"


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def booked(world: World, start: datetime, *, agrees: bool = True) -> int:
    """A course with a session at `start` whose earlier texts have gone out."""
    course = world.book(world.enrol(agrees=agrees), start, start + timedelta(days=7))
    world.tick()
    world.tick(start - timedelta(hours=23))
    return course


def cancel(world: World, course: int) -> None:
    with world.database.transaction() as session:
        appointments.cancel(session, OPERATOR, appointment(session, course, 1), now=world.clock.at)


def move(world: World, course: int, starts_at: datetime) -> None:
    with world.database.transaction() as session:
        appointments.move(
            session,
            OPERATOR,
            appointment(session, course, 1),
            starts_at=starts_at,
            policy=ChangePolicy(override_reason="as a test"),
            now=world.clock.at,
        )


def calls(world: World) -> list[str]:
    """The reasons of the calls that wait for staff."""
    with world.database.transaction(write=False) as session:
        items = attention.waiting(session, OPERATOR, now=world.clock.at)
    count = sum(item.count for item in items if item.kind == "call")
    waiting = [message.reason for message in world.messages(for_staff=True)]
    assert len(waiting) == count
    return waiting


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("now", "start"),
    [
        (at(10, 22, 30), at(11, 8)),
        (at(11, 3, 13), at(11, 8)),
        (at(11, 7), at(11, 8)),
        (at(11, 7), at(11, 9)),
        (at(10, 22, 30), at(11, 10, 30)),
    ],
)
def test_a_cancellation_of_a_near_session_goes_out_at_night(
    world: World, now: datetime, start: datetime
) -> None:
    course = booked(world, start)
    world.clock.at = now
    cancel(world, course)

    texts = world.tick(now + TWO_MINUTES)

    assert CANCELLED in texts[-1][1]
    assert world.tick(start) == texts
    assert calls(world) == []


def test_a_cancellation_in_the_last_minute_goes_out_at_once(world: World) -> None:
    course = booked(world, at(11, 8))
    world.clock.at = at(11, 7, 59)
    cancel(world, course)

    assert CANCELLED in world.tick()[-1][1]


def test_a_later_session_is_reported_in_the_morning(world: World) -> None:
    course = booked(world, at(11, 10, 40))
    world.clock.at = at(10, 22, 30)
    cancel(world, course)

    assert CANCELLED not in world.tick(at(11, 7, 59))[-1][1]
    assert CANCELLED in world.tick(at(11, 8))[-1][1]


@pytest.mark.parametrize("moved_to", [at(11, 15), at(13, 9)])
def test_a_session_that_was_near_and_is_later_now_is_reported_at_night(
    world: World, moved_to: datetime
) -> None:
    course = booked(world, at(11, 8))
    world.clock.at = at(11, 3, 13)
    move(world, course, moved_to)

    assert "is now on" in world.tick(at(11, 3, 15))[-1][1]


def test_two_moves_in_two_minutes_are_still_urgent(world: World) -> None:
    course = booked(world, at(11, 8))
    world.clock.at = at(11, 3, 13)
    move(world, course, at(13, 9))
    world.clock.move(minutes=1)
    move(world, course, at(13, 11))

    assert "Wed 13 Jan, 11:00 AM" in world.tick(at(11, 3, 16))[-1][1]


def test_news_that_the_carrier_did_not_take_by_day_goes_out_at_night(world: World) -> None:
    course = booked(world, at(11, 9))
    world.clock.at = at(10, 20)
    cancel(world, course)

    assert CANCELLED in world.tick(at(10, 22))[-1][1]


@pytest.mark.both_databases
def test_news_that_does_not_go_out_is_put_before_staff_in_time(world: World) -> None:
    course = booked(world, at(11, 8))
    world.clock.at = at(11, 3)
    cancel(world, course)
    world.carrier.problems = [Unreached("No connection.")] * 50
    world.tick(at(11, 3, 2))
    assert calls(world) == []

    world.tick(at(11, 3, 8))
    assert len(calls(world)) == 1

    world.tick(at(11, 8, 1))
    assert calls(world) == ["It could not be sent while it was useful."]


@pytest.mark.both_databases
@pytest.mark.parametrize("obstacle", ["stop", "no consent", "landline"])
def test_staff_call_a_patient_whom_no_text_may_reach(world: World, obstacle: str) -> None:
    course = booked(world, at(11, 8), agrees=obstacle != "no consent")
    if obstacle == "landline":
        with world.database.transaction() as session:
            session.exec(update(Patient).values(textable=False, changed_at=world.clock.at))
    if obstacle == "stop":
        with world.database.transaction() as session:
            consent.stop(session, OPERATOR, ANN, words="STOP", now=world.clock.at)
    before = list(world.tick(at(10, 12)))

    cancel(world, course)

    assert world.tick(at(10, 13)) == before
    assert calls(world) == [
        {
            "stop": "The phone asked for no more texts.",
            "no consent": "The patient does not agree to texts.",
            "landline": "This phone cannot be texted.",
        }[obstacle]
    ]
    handle(world)
    world.tick(at(10, 14))
    assert calls(world) == []


def test_staff_call_a_patient_who_opts_out_before_the_news_goes_out(world: World) -> None:
    course = booked(world, at(12, 15))
    world.clock.at = at(11, 23)
    cancel(world, course)
    world.tick()
    with world.database.transaction() as session:
        consent.stop(session, OPERATOR, ANN, words="STOP", now=world.clock.at)

    world.tick(at(12, 9))

    assert calls(world) == ["The phone asked for no more texts."]


def test_a_call_about_a_change_that_no_longer_holds_is_dropped(world: World) -> None:
    course = booked(world, at(11, 8), agrees=False)
    move(world, course, at(13, 9))
    world.tick()
    world.clock.move(minutes=1)
    cancel(world, course)
    world.tick()

    assert len(calls(world)) == 1
    [message] = world.messages(for_staff=True)
    assert message.kind == "cancelled"


def test_a_patient_who_agrees_afterwards_is_texted_and_not_called(world: World) -> None:
    course = booked(world, at(11, 15), agrees=False)
    cancel(world, course)
    world.tick()
    with world.database.transaction() as session:
        patient_id = session.get_one(Course, course).patient_id
        patient = session.get_one(Patient, patient_id)
        consent.give(session, OPERATOR, patient, wording="Yes", channel="staff", now=world.clock.at)

    texts = world.tick(world.clock.at + timedelta(minutes=3))

    assert CANCELLED in texts[-1][1]
    assert calls(world) == []


def handle(world: World) -> None:
    with world.database.transaction() as session:
        for message in world.messages(for_staff=True):
            row = failed_texts.find(session, OPERATOR, message.id or 0)
            failed_texts.handle(session, OPERATOR, row, now=world.clock.at)
