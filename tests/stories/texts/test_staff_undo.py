"""A slip of staff sends nothing if it is undone at once; later the patient learns of the undo."""

from datetime import timedelta

import pytest

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import staff_undo
from scheduler.storage.database import Database
from tests.builders.world import MONDAY, World, appointment, at, found
from tests.stories.texts.test_news import CANCELLED, HOUR, MOVED_TO_THE_18TH, cancel, move, news

MINUTE = timedelta(minutes=1)
BACK_TO_THE_14TH = "Willow: session 2 is now on Thu 14 Jan, 10:00 AM. All your times: "


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def course(world: World) -> int:
    course = world.book(world.enrol(), at(11), at(14), at(21))
    world.tick()
    return course


def undo_move(world: World, course: int, number: int) -> None:
    with world.database.transaction() as session:
        staff_undo.undo_move(
            session, OPERATOR, appointment(session, course, number), now=world.clock.at
        )


def restore(world: World, course: int, number: int) -> None:
    with world.database.transaction() as session:
        staff_undo.restore(
            session, OPERATOR, appointment(session, course, number), now=world.clock.at
        )


def test_a_cancellation_that_is_undone_at_once_sends_nothing(world: World, course: int) -> None:
    cancel(world, course, 2)
    world.clock.at += MINUTE
    restore(world, course, 2)

    assert news(world, MONDAY + HOUR) == []


def test_a_cancellation_that_was_told_is_followed_by_the_time(world: World, course: int) -> None:
    cancel(world, course, 2)
    assert news(world, MONDAY + HOUR) == [CANCELLED]

    restore(world, course, 2)

    assert news(world, MONDAY + 2 * HOUR) == [CANCELLED, BACK_TO_THE_14TH]


def test_a_move_that_is_undone_at_once_sends_nothing(world: World, course: int) -> None:
    move(world, course, 2, at(18, 9))
    world.clock.at += MINUTE
    undo_move(world, course, 2)

    assert news(world, MONDAY + HOUR) == []


def test_a_move_that_was_told_is_followed_by_the_old_time(world: World, course: int) -> None:
    move(world, course, 2, at(18, 9))
    assert news(world, MONDAY + HOUR) == [MOVED_TO_THE_18TH]

    undo_move(world, course, 2)

    assert news(world, MONDAY + 2 * HOUR) == [MOVED_TO_THE_18TH, BACK_TO_THE_14TH]


def test_a_near_session_is_told_again_however_soon_the_slip_was_undone(
    world: World, course: int
) -> None:
    world.tick(at(14) - 3 * HOUR)
    before = news(world)
    cancel(world, course, 2)
    restore(world, course, 2)

    assert news(world, at(14) - 2 * HOUR)[len(before) :] == [BACK_TO_THE_14TH]
