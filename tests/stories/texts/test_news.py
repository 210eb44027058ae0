"""Patients learn about changes by the clinic once, by day, while they are true."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, delete

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.courses import appointments, courses, rescheduling, undo
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Course, CourseState
from scheduler.patients.models import Screening
from scheduler.reminders.models import ReminderRule
from scheduler.storage.database import Database
from tests.builders.world import MONDAY, World, appointment, at, found, patient_actor

HOUR = timedelta(hours=1)
LINK = "https://willow.example/my/"
MOVED_TO_THE_18TH = "Willow: session 2 is now on Mon 18 Jan, 9:00 AM. All your times: "
CANCELLED = "Willow: Thu 14 Jan, 10:00 AM is cancelled, please do not come. Your times: "


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def course(world: World) -> int:
    """A course on 11, 14 and 21 January, whose booking was texted."""
    course = world.book(world.enrol(), at(11), at(14), at(21))
    world.tick()
    return course


def news(world: World, now: datetime | None = None) -> list[str]:
    """The texts after the first one up to an instant, without the link's secret."""
    texts = world.tick(now)[1:]
    return [text.partition(LINK)[0] for _, text in texts]


def move(
    world: World, course: int, number: int, starts_at: datetime, *, actor: Actor = OPERATOR
) -> None:
    with world.database.transaction() as session:
        which = appointment(session, course, number)
        policy = ChangePolicy(override_reason="as a test")
        appointments.move(
            session, actor, which, starts_at=starts_at, policy=policy, now=world.clock.at
        )


def cancel(world: World, course: int, number: int, *, actor: Actor = OPERATOR) -> None:
    with world.database.transaction() as session:
        appointments.cancel(
            session, actor, appointment(session, course, number), now=world.clock.at
        )


def cancel_all(world: World, course: int, *, actor: Actor = OPERATOR) -> None:
    with world.database.transaction() as session:
        courses.cancel(session, actor, session.get_one(Course, course), now=world.clock.at)


def test_a_session_that_the_clinic_moved_is_told_at_once(world: World, course: int) -> None:
    move(world, course, 2, at(18, 9))

    assert news(world, MONDAY + HOUR) == [MOVED_TO_THE_18TH]
    assert news(world, MONDAY + 2 * HOUR) == [MOVED_TO_THE_18TH]


def test_who_moves_it_themselves_knows(world: World, course: int) -> None:
    move(world, course, 2, at(18, 9), actor=patient_actor(world.clinic_id))

    assert news(world, MONDAY + HOUR) == []


def test_a_slip_that_is_put_right_within_two_minutes_is_told_once(
    world: World, course: int
) -> None:
    move(world, course, 2, at(19, 9))
    assert news(world, MONDAY + timedelta(minutes=1)) == []
    move(world, course, 2, at(18, 9))

    assert news(world, MONDAY + HOUR) == [MOVED_TO_THE_18TH]


def test_a_whole_course_that_was_shifted_is_one_text(world: World, course: int) -> None:
    with world.database.transaction() as session:
        rescheduling.shift_rest(
            session,
            OPERATOR,
            session.get_one(Course, course),
            from_number=2,
            by_days=7,
            now=MONDAY,
        )

    assert news(world, MONDAY + HOUR) == [
        "Willow: session 2 is now on Thu 21 Jan, 10:00 AM. All your times: "
    ]


def test_a_session_that_the_clinic_cancelled_is_told(world: World, course: int) -> None:
    cancel(world, course, 2)

    assert news(world, MONDAY + HOUR) == [CANCELLED]


def test_a_course_that_the_clinic_cancelled_is_told_by_its_next_session(
    world: World, course: int
) -> None:
    world.tick(at(12))
    before = len(world.carrier.texts)
    cancel_all(world, course)

    world.tick(at(12, 11))

    assert [text.partition(LINK)[0] for _, text in world.carrier.texts[before:]] == [CANCELLED]


def test_who_cancels_themselves_knows(world: World, course: int) -> None:
    cancel_all(world, course, actor=patient_actor(world.clinic_id))

    assert news(world, MONDAY + HOUR) == []


def test_a_move_that_was_not_told_yet_gives_way_to_its_cancellation(
    world: World, course: int
) -> None:
    move(world, course, 2, at(18, 9))
    world.worker.derive()
    cancel(world, course, 2)

    assert news(world, MONDAY + HOUR) == [
        "Willow: Mon 18 Jan, 9:00 AM is cancelled, please do not come. Your times: "
    ]


def test_what_is_changed_at_night_is_told_in_the_morning(world: World, course: int) -> None:
    world.clock.at = at(4, 23)
    move(world, course, 2, at(18, 9))

    assert news(world, at(5, 7)) == []
    assert news(world, at(5, 8, 1)) == [MOVED_TO_THE_18TH]


@pytest.mark.both_databases
def test_declined_after_the_health_questions_the_patient_is_asked_to_call(world: World) -> None:
    course = world.book(world.enrol(), at(11))
    hold(world, course)
    world.tick()

    cancel_all(world, course)

    assert news(world, MONDAY + HOUR) == [
        "Willow: we cannot keep the times you asked for. Please call us about them: (212) 555-0100"
    ]


def test_cancelled_after_it_was_cleared_it_is_told_as_any_other(world: World) -> None:
    course = world.book(world.enrol(), at(14))
    hold(world, course)
    with world.database.transaction() as session:
        courses.clear(session, OPERATOR, session.get_one(Course, course), now=MONDAY)
    world.tick()

    cancel_all(world, course)

    assert news(world, MONDAY + HOUR) == [CANCELLED]


@pytest.mark.both_databases
def test_a_clinic_from_before_there_were_such_texts_is_given_them(
    world: World, course: int
) -> None:
    with world.database.transaction() as session:
        session.exec(delete(ReminderRule).where(col(ReminderRule.anchor) == "change"))
    move(world, course, 2, at(18, 9))

    assert news(world, MONDAY + HOUR) == [MOVED_TO_THE_18TH]


def hold(world: World, course_id: int) -> None:
    """Let a course wait for a practitioner's look at the answers about health."""
    with world.database.transaction() as session:
        course = session.get_one(Course, course_id)
        screening = Screening(patient_id=course.patient_id, needs_clearance=True, at=MONDAY)
        session.add(screening)
        session.flush()
        course.screening_id, course.state = screening.id, CourseState.NEEDS_CLEARANCE
        session.add(course)


@pytest.mark.parametrize("looked", [True, False])
def test_what_a_patient_takes_back_is_reminded_of_once_and_told_nobody(
    world: World, course: int, *, looked: bool
) -> None:
    """Whether or not the worker has withdrawn the reminder in between."""
    patient = patient_actor(world.clinic_id)
    cancel(world, course, 2, actor=patient)
    if looked:
        world.tick()
    take_back(world, course, actor=patient)

    texts = news(world, at(14) - 24 * HOUR)

    assert sum("14 Jan" in text for text in texts) == 1
    assert not any("cancelled" in text or "is now on" in text for text in texts)


@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("deed", ["cancelled", "course cancelled", "moved"])
def test_news_that_waited_when_a_patient_changed_something_are_told_once_that_is_taken_back(
    world: World, course: int, deed: str, *, looked: bool
) -> None:
    patient = patient_actor(world.clinic_id)
    move(world, course, 2, at(18, 9))
    world.tick()
    world.clock.at += timedelta(minutes=1)
    change(world, course, deed)
    if looked:
        assert news(world, MONDAY + HOUR / 4) == []
    take_back(world, course, actor=patient)

    assert news(world, MONDAY + HOUR) == [MOVED_TO_THE_18TH]
    assert news(world, MONDAY + 2 * HOUR) == [MOVED_TO_THE_18TH]


@pytest.mark.both_databases
@pytest.mark.parametrize("deed", ["cancelled", "course cancelled", "moved"])
def test_news_that_were_told_before_a_patient_changed_something_are_not_told_again(
    world: World, course: int, deed: str
) -> None:
    move(world, course, 2, at(18, 9))
    told = news(world, MONDAY + HOUR)
    change(world, course, deed)
    world.tick(MONDAY + HOUR)
    take_back(world, course, actor=patient_actor(world.clinic_id))

    assert told == news(world, MONDAY + 2 * HOUR) == [MOVED_TO_THE_18TH]


def change(world: World, course: int, deed: str) -> None:
    """Let the patient do something about the second session."""
    patient = patient_actor(world.clinic_id)
    match deed:
        case "cancelled":
            cancel(world, course, 2, actor=patient)
        case "course cancelled":
            cancel_all(world, course, actor=patient)
        case "moved":
            move(world, course, 2, at(19, 11), actor=patient)


def take_back(world: World, course: int, *, actor: Actor) -> None:
    with world.database.transaction() as session:
        row = session.get_one(Course, course)
        last = undo.last(session, row, now=world.clock.at)
        assert last is not None
        undo.take_back(session, actor, row, last.id, now=world.clock.at)
