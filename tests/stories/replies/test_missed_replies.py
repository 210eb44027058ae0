"""Texts sent while the program was down are read from the carrier's list; none is lost."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from scheduler.booking.models import AppointmentState
from scheduler.patients import consent
from scheduler.reminders.models import Reply
from scheduler.reminders.replies import backfill
from scheduler.sms import twilio
from tests.builders.clock import FrozenClock
from tests.builders.world import ANN, World, appointment, at
from tests.standin import Standin
from tests.stories.replies.talk import receive

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(wired: World) -> World:
    """The clinic of these tests."""
    return wired


@pytest.fixture
def asked(world: World) -> int:
    """A course whose first session was asked about: texted the day before."""
    course = world.book(world.enrol(), at(11), at(14))
    for moment in (at(4), at(10)):
        world.clock.at = moment
        world.worker.tick()
    return course


def kept(world: World) -> list[tuple[str, datetime]]:
    with world.database.transaction(write=False) as session:
        return [(row.body, row.at) for row in session.exec(select(Reply))]


def test_a_reply_that_nobody_brought_is_taken_in(
    world: World, carrier: Standin, asked: int
) -> None:
    world.clock.at = at(10, 10, 1)
    carrier.hear(sender=ANN, body="C")

    world.clock.at = at(10, 10, 10)
    for _ in range(3):
        world.worker.tick()

    assert kept(world) == [("C", at(10, 10, 1))]
    with world.database.transaction(write=False) as session:
        assert appointment(session, asked, 1).state == AppointmentState.CONFIRMED
    assert [message.body for message in carrier.messages if "is confirmed" in message.body] == [
        "Willow: thank you, Mon 11 Jan 10:00 AM is confirmed. To change it reply R."
    ]


def test_a_stop_sent_while_we_were_down_for_a_day_is_honoured(
    world: World, carrier: Standin, asked: int
) -> None:
    world.clock.at = at(10, 12)
    carrier.hear(sender=ANN, body="please stop texting me")

    world.clock.at = at(11, 13)
    world.worker.tick()

    with world.database.transaction(write=False) as session:
        assert consent.is_stopped(session, ANN)
    sent = len(carrier.messages)
    world.clock.at = at(13, 11)
    world.worker.tick()
    assert len(carrier.messages) == sent


def test_what_the_carrier_brought_is_not_taken_twice(
    world: World, carrier: Standin, asked: int
) -> None:
    message = carrier.hear(sender=ANN, body="C")
    receive(world, "C", sid=message.sid)

    world.clock.at += 10 * MINUTE
    world.worker.tick()

    assert len(kept(world)) == 1


def test_the_carrier_is_left_two_minutes_to_bring_a_text_itself(
    world: World, carrier: Standin, asked: int
) -> None:
    world.clock.at += 10 * MINUTE
    carrier.hear(sender=ANN, body="C")

    world.clock.at += MINUTE
    world.worker.tick()
    assert kept(world) == []

    world.clock.at += 6 * MINUTE
    world.worker.tick()
    assert [body for body, _ in kept(world)] == ["C"]


def test_what_was_texted_before_the_program_was_there_is_not_for_it(
    world: World, carrier: Standin
) -> None:
    carrier.hear(sender=ANN, body="STOP")

    world.clock.at += timedelta(days=1)
    for _ in range(2):
        world.worker.tick()
        world.clock.at += 6 * MINUTE

    assert kept(world) == []


@pytest.mark.both_databases
def test_while_the_carrier_cannot_be_asked_nothing_counts_as_read(
    world: World, carrier: Standin, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.clock.at += MINUTE
    carrier.hear(sender=ANN, body="C")
    with monkeypatch.context() as patch:
        patch.setattr(carrier, "heard", None)  # it breaks, and hangs up
        for _ in range(3):
            world.clock.at += timedelta(hours=1)
            world.worker.listen()
    assert kept(world) == []

    world.clock.at += 6 * MINUTE
    world.worker.listen()
    assert [body for body, _ in kept(world)] == ["C"]


def test_of_two_workers_one_reads_the_list(world: World) -> None:
    def begin() -> datetime | None:
        with world.database.transaction() as session:
            return backfill.begin_look(session, now=world.clock.at)

    assert [begin(), begin()] == [world.clock.at - backfill.LISTING_OVERLAP, None]
    world.clock.at += backfill.LOOK_EVERY
    assert [begin(), begin()] == [at(4) - backfill.LISTING_OVERLAP, None]


def test_a_position_from_before_the_clock_was_set_back_loses_no_text(world: World) -> None:
    now = world.clock.at
    with world.database.transaction() as session:
        backfill.begin_look(session, now=now + timedelta(hours=2))
        backfill.end_look(session, began_at=now + timedelta(hours=2))

        since = backfill.begin_look(session, now=now)
        backfill.end_look(session, began_at=now)
        next_since = backfill.begin_look(session, now=now + backfill.LOOK_EVERY)

    assert since == now - backfill.AFTER_CLOCK_SET_BACK
    assert next_since == now - backfill.DELIVERY_GRACE - backfill.LISTING_OVERLAP


def test_the_list_is_read_page_by_page_and_only_for_texts_to_us(
    carrier: Standin, sender: twilio.Twilio, clock: FrozenClock
) -> None:
    sender.send(to=ANN, text="ours", receipt_url=None, valid_seconds=60)
    early = carrier.hear(sender=ANN, body="too early")
    clock.at += timedelta(hours=1)
    for number in range(3):
        carrier.hear(sender=ANN, body=str(number), NumMedia=str(number))
        clock.at += MINUTE

    received = sender.received(since=early.created_at + MINUTE)

    assert [(text_received.text, text_received.pictures) for text_received in received] == [
        ("0", 0),
        ("1", 1),
        ("2", 2),
    ]
    assert received[0].sent_at == early.created_at + timedelta(hours=1)
    assert received[0].sent_at.tzinfo is not None
