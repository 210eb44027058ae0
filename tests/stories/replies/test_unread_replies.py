"""A text on which the program fails is kept and is before staff, and the others are read."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from scheduler.booking.models import AppointmentState
from scheduler.reminders.models import Reply
from scheduler.reminders.replies import handle, inbound
from tests.builders.world import ANN, BEN, World, at
from tests.standin import Standin
from tests.standin.message import TextMessage
from tests.stories.replies.talk import state

MINUTE = timedelta(minutes=1)
POISON = "C \N{SNAKE}"


@pytest.fixture
def world(wired: World) -> World:
    """The clinic of these tests."""
    return wired


@pytest.fixture
def asked(world: World) -> dict[str, int]:
    """A course of each phone, whose first session was asked about."""
    courses = {
        phone: world.book(world.enrol("Ann Archer", phone), at(11, hour))
        for phone, hour in ((ANN, 10), (BEN, 11))
    }
    for moment in (at(4), at(10), at(10, 11)):
        world.clock.at = moment
        world.worker.tick()
    return courses


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Until it is undone, the program fails on one kind of text."""
    fail_on(monkeypatch, handle, "read", lambda session, number: _body(session, number) == POISON)
    return monkeypatch


def fail_on(
    patch: pytest.MonkeyPatch, module: Any, name: str, bad: Callable[[Session, Any], bool]
) -> None:
    sound = getattr(module, name)

    def brittle(session: Session, what: Any, **more: Any) -> Any:
        if bad(session, what):
            raise ZeroDivisionError
        return sound(session, what, **more)

    patch.setattr(module, name, brittle)


def _body(session: Session, reply_id: int) -> str:
    return session.get_one(Reply, reply_id).body


def kept(world: World) -> list[tuple[str, str, bool, bool]]:
    """The stored replies: the words, how they were read, whether staff see them, whether urgent."""
    with world.database.transaction(write=False) as session:
        rows = session.exec(select(Reply).order_by(col(Reply.id)))
        return [(row.body, row.meaning, row.for_staff, row.urgent) for row in rows]


def work(world: World, minutes: int) -> None:
    """Let the worker look every minute."""
    for _ in range(minutes):
        world.clock.at += MINUTE
        world.worker.tick()


@pytest.mark.both_databases
def test_one_that_fails_neither_stops_the_others_nor_is_lost(
    world: World, carrier: Standin, asked: dict[str, int], poisoned: pytest.MonkeyPatch
) -> None:
    carrier.hear(sender=ANN, body=POISON)
    carrier.hear(sender=BEN, body="C")

    work(world, 10)

    assert state(world, asked[BEN]) == AppointmentState.CONFIRMED
    assert kept(world) == [(POISON, "unread", True, True), ("C", "confirm", False, False)]

    poisoned.undo()
    work(world, 15)
    assert kept(world)[0] == (POISON, "confirm", False, False)
    assert state(world, asked[ANN]) == AppointmentState.CONFIRMED


def test_after_five_tries_it_is_left_to_people(
    world: World, carrier: Standin, asked: dict[str, int], poisoned: pytest.MonkeyPatch
) -> None:
    carrier.hear(sender=ANN, body=POISON)

    work(world, 120)
    poisoned.undo()
    work(world, 120)

    assert kept(world) == [(POISON, "unread", True, True)]
    with world.database.transaction(write=False) as session:
        [reply] = session.exec(select(Reply)).all()
        assert (reply.tries, reply.clinic_id, reply.reason) == (5, world.clinic_id, inbound.FAILED)


def test_what_cannot_even_be_kept_holds_the_mark_of_the_look_up(
    world: World, carrier: Standin, asked: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier.hear(sender=ANN, body=POISON)
    carrier.hear(sender=BEN, body="C")
    with monkeypatch.context() as patch:
        sound = inbound.store

        def brittle(session: Session, *, body: str, **more: Any) -> int | None:
            if body == POISON:
                raise ZeroDivisionError
            return sound(session, body=body, **more)

        patch.setattr(inbound, "store", brittle)
        work(world, 90)
    assert [body for body, *_ in kept(world)] == ["C"]

    work(world, 10)
    assert [body for body, *_ in kept(world)] == ["C", POISON]


@pytest.mark.both_databases
def test_whoever_dies_after_keeping_it_leaves_it_to_the_next(
    world: World, asked: dict[str, int]
) -> None:
    with world.database.transaction() as session:
        inbound.store(
            session, carrier_id="SM" + "a" * 32, phone=ANN, body="STOP", now=world.clock.at
        )
    assert kept(world) == [("STOP", "unread", False, False)]

    world.worker.read()
    assert kept(world) == [("STOP", "unread", False, False)]

    world.clock.at += inbound.READ_WITHIN
    world.worker.read()
    assert kept(world) == [("STOP", "stop", True, False)]  # who has sessions to come


@pytest.mark.parametrize(
    ("odd", "body"),
    [({"date_sent": "soon", "date_created": None}, "C"), ({"body": "C\0 \ud83d"}, "C ?")],
)
def test_what_is_odd_on_the_list_is_kept_all_the_same(
    world: World,
    carrier: Standin,
    monkeypatch: pytest.MonkeyPatch,
    odd: dict[str, Any],
    body: str,
) -> None:
    world.worker.tick()  # from here on the list is ours
    message = carrier.hear(sender=ANN, body="C")
    monkeypatch.setattr(message, "as_json", lambda: {**TextMessage.as_json(message), **odd})

    work(world, 10)

    assert [words for words, *_ in kept(world)] == [body]


def test_a_sender_with_a_name_is_passed_over(
    world: World, carrier: Standin, asked: dict[str, int]
) -> None:
    carrier.hear(sender="BANK", body="Your code is 123")
    carrier.hear(sender=ANN, body="C")

    work(world, 10)

    assert [body for body, *_ in kept(world)] == ["C"]
