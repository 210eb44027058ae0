"""A new time is announced once: by its notice, or in the answer to a C that came in between."""

from datetime import timedelta

import pytest

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import rescheduling
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Course
from scheduler.reminders.models import MessageState
from scheduler.reminders.reasons import Reason
from scheduler.sms.sender import Refused, TryLater, Unknown
from scheduler.storage.database import Database
from tests.builders.world import World, at, found
from tests.stories.replies.talk import last_reply, move, receive, reply, state

SOON = timedelta(seconds=20)
MINUTE = timedelta(minutes=1)
SHORTLY = 8 * MINUTE
BEFORE = 2
"""Texts that went out before each of these stories begins."""
ASKED = "Willow: Mon 11 Jan 3:00 PM. Eat something about 2 hours before, rise slowly after."
ON_WEDNESDAY = "Willow: Wed 13 Jan 3:00 PM. Eat something about 2 hours before, rise slowly after."
REPLY_C = " Reply C to confirm, R to change, STOP to opt out."
MOVED = "Willow: session 1 is now on Mon 11 Jan, 3:00 PM. All your times: "


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def course(world: World) -> int:
    """A course on 11, 14 and 21 January; the patient was reminded of the first this morning."""
    course = world.book(world.enrol(), at(11), at(14), at(21))
    world.tick()
    world.tick(at(10))
    assert len(world.carrier.texts) == BEFORE
    world.clock.at = at(10, 16)
    return course


def later(world: World, wait: timedelta) -> list[str]:
    """The texts since the reminder of the old time, without the link's secret.

    The worker runs every other minute; messages due at one moment may go in any order.
    """
    until = world.clock.at + wait
    while world.clock.at < until:
        world.work(min(until, world.clock.at + 2 * MINUTE))
    return [
        text.partition("https://")[0].removesuffix(REPLY_C)
        for _, text in world.carrier.texts[BEFORE:]
    ]


def withdrawn(world: World, kind: str) -> list[str]:
    """Why texts of a kind did not go."""
    found = world.messages(kind=kind, state=MessageState.WITHDRAWN)
    return [match.reason for match in found]


def test_who_confirms_right_after_a_move_is_told_the_new_time_once(
    world: World, course: int
) -> None:
    move(world, course, at(11, 15))
    world.clock.at += SOON
    reply(world, "C")

    assert later(world, SOON) == later(world, SHORTLY) == [ASKED]
    assert withdrawn(world, "moved") == [Reason.ANSWERED]
    assert Reason.ANSWERED in withdrawn(world, "day_before")
    assert reply(world, "C") == [
        "Willow: thank you, Mon 11 Jan 3:00 PM is confirmed. To change it reply R."
    ]
    assert state(world, course) == "confirmed"


def test_the_reminder_of_a_day_that_is_not_near_comes_in_its_time(
    world: World, course: int
) -> None:
    move(world, course, at(13, 15))
    world.clock.at += SOON
    reply(world, "C")

    assert later(world, SHORTLY) == [ON_WEDNESDAY]
    world.clock.at = at(12, 15)
    assert later(world, MINUTE) == [ON_WEDNESDAY] * 2


@pytest.mark.parametrize("problem", [Refused(30008, "no"), Unknown("no answer")])
def test_an_answer_that_may_not_have_gone_has_told_nothing(
    world: World, course: int, problem: Refused | Unknown
) -> None:
    move(world, course, at(11, 15))
    world.clock.at += SOON
    world.carrier.problems = [problem]
    assert reply(world, "C") == []

    assert later(world, SHORTLY) == [MOVED, ASKED]


def test_an_answer_that_the_network_lost_has_told_nothing(world: World, course: int) -> None:
    move(world, course, at(11, 15))
    world.clock.at += SOON
    reply(world, "C")
    assert later(world, 5 * MINUTE) == [ASKED]
    assert withdrawn(world, "moved") == [Reason.ANSWERED]

    world.carrier.statuses[world.carrier.sid] = "undelivered"

    assert later(world, 10 * MINUTE) == [ASKED, MOVED, ASKED]


def test_a_move_after_the_answer_is_told(world: World, course: int) -> None:
    move(world, course, at(11, 13))
    world.clock.at += SOON
    reply(world, "C")
    move(world, course, at(11, 15))

    assert later(world, SHORTLY)[1:] == [MOVED, ASKED]


def test_a_move_back_to_what_an_answer_told_is_told_again(world: World, course: int) -> None:
    move(world, course, at(11, 15))
    world.clock.at += SOON
    reply(world, "C")
    move(world, course, at(11, 13))
    assert later(world, SHORTLY)[1].startswith("Willow: session 1 is now on Mon 11 Jan, 1:00 PM.")
    move(world, course, at(11, 15))

    assert later(world, SHORTLY)[3:] == [MOVED, ASKED]


@pytest.mark.both_databases
def test_the_other_sessions_of_a_shift_are_told(world: World, course: int) -> None:
    with world.database.transaction() as session:
        rescheduling.shift_rest(
            session,
            OPERATOR,
            session.get_one(Course, course),
            from_number=1,
            by_days=1,
            policy=ChangePolicy(override_reason="as a test"),
            now=world.clock.at,
        )
    world.clock.at += SOON
    reply(world, "C")

    assert later(world, SHORTLY) == [
        "Willow: Tue 12 Jan 10:00 AM. Eat something about 2 hours before, rise slowly after.",
        "Willow: session 2 is now on Fri 15 Jan, 10:00 AM. All your times: ",
    ]


def test_an_answer_that_is_slower_than_the_news_is_not_given(world: World, course: int) -> None:
    move(world, course, at(11, 15))
    world.clock.at += SOON
    world.carrier.problems = [TryLater("busy", retry_after=3 * MINUTE)]
    assert reply(world, "C") == []

    assert later(world, 2 * MINUTE) == [MOVED]
    assert later(world, 2 * MINUTE) == [MOVED, ASKED]
    assert withdrawn(world, "day_before") == [Reason.TOLD_BY_OTHER_TEXT]


def test_a_reply_that_was_under_way_for_long_is_answered_by_the_news(
    world: World, course: int
) -> None:
    sent_at = world.clock.at
    move(world, course, at(11, 15))
    assert later(world, 2 * MINUTE) == [MOVED]
    receive(world, "C", sent_at=sent_at)

    assert later(world, SHORTLY) == [MOVED, ASKED]
    assert last_reply(world).meaning == "confirm"
    assert withdrawn(world, "day_before") == [Reason.TOLD_BY_OTHER_TEXT]


def test_an_answer_to_the_news_by_a_clock_that_is_behind_is_answered(
    world: World, course: int
) -> None:
    move(world, course, at(13, 15))
    [news] = later(world, 2 * MINUTE)

    receive(world, "C", sent_at=world.clock.at - SOON)

    assert later(world, SOON) == [news, ON_WEDNESDAY]


def test_who_confirms_after_the_news_is_asked_and_not_reminded_besides(
    world: World, course: int
) -> None:
    move(world, course, at(11, 15))
    assert later(world, 2 * MINUTE) == [MOVED]
    world.clock.at += SOON
    assert len(reply(world, "C")) == 1

    assert later(world, SHORTLY) == [MOVED, ASKED]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("hour", "told"), [(10, "Mon 11 Jan 10:00 AM is confirmed"), (15, "Mon 11 Jan 3:00 PM.")]
)
def test_an_answer_is_not_given_once_it_is_untrue(
    world: World, course: int, hour: int, told: str
) -> None:
    if hour == 15:
        move(world, course, at(11, 15))
    world.clock.at += SOON
    world.carrier.problems = [TryLater("busy", retry_after=5 * MINUTE)]
    assert reply(world, "C") == []
    world.clock.at += MINUTE
    move(world, course, at(11, 13))

    texts = later(world, SHORTLY)

    assert texts[0] == "Willow: session 1 is now on Mon 11 Jan, 1:00 PM. All your times: "
    assert not any(told in text for text in texts)
    assert "The session was moved." in withdrawn(world, "day_before") + withdrawn(
        world, "confirmed"
    )
