"""Filling forms and forging senders floods no phone and costs the clinic little."""

from datetime import timedelta

import pytest

from scheduler.infra.errors import TooMany
from scheduler.patients import verification
from scheduler.reminders.outbox import immediate
from scheduler.storage.database import Database
from tests.builders.world import ANN, World, at, found
from tests.stories.replies.talk import receive

VICTIM = "+12125550177"


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def ask_for_code(world: World, phone: str, origin: str) -> bool:
    """As the booking form does; whether it is texted."""
    try:
        with world.database.transaction() as session:
            code = verification.begin(
                session,
                clinic_id=world.clinic_id,
                phone=phone,
                origin=origin,
                now=world.clock.at,
            )
            immediate.owe_code(session, code, language="en", now=world.clock.at)
    except TooMany:
        return False
    return True


def test_a_victim_gets_three_texts_a_day_whatever_the_cause(world: World) -> None:
    for number in range(50):
        world.clock.at += timedelta(minutes=15)
        ask_for_code(world, VICTIM, f"198.51.{number}.7")
        receive(world, "who is this?", phone=VICTIM)  # its number is forged
        world.worker.send()

    assert [phone for phone, _ in world.carrier.texts] == [VICTIM] * 3


@pytest.mark.parametrize("hours", [1, 23])
def test_texts_of_both_kinds_count_together(world: World, hours: int) -> None:
    for body in ("hello?", "who is this?", "HELP"):
        receive(world, body, phone=VICTIM)
    world.worker.send()

    world.clock.at += timedelta(hours=hours)
    assert not ask_for_code(world, VICTIM, "198.51.100.7")
    world.clock.at += timedelta(hours=24 - hours)
    assert ask_for_code(world, VICTIM, "198.51.100.7")


def test_a_flood_of_forms_costs_the_budget_and_not_the_reminders(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PER_CLINIC_A_DAY", 20)
    world.book(world.enrol(), at(11))
    world.tick()
    world.tick(at(10, 9))

    asked = [
        ask_for_code(world, f"+1{201 + number}5550100", f"198.{number}.100.7")
        for number in range(60)
    ]
    world.tick(at(10, 10))

    assert sum(asked) == 20
    assert [text for phone, text in world.carrier.texts if phone == ANN][-1].startswith(
        "Willow: Mon 11 Jan 10:00 AM."
    )


@pytest.mark.both_databases
def test_danger_is_answered_even_to_a_flooded_stranger(world: World) -> None:
    for _ in range(4):
        receive(world, "who is this?", phone=VICTIM)

    receive(world, "I cannot breathe", phone=VICTIM)

    assert [message.kind for message in world.messages(phone=VICTIM)].count("emergency") == 1


@pytest.mark.both_databases
def test_a_flood_from_many_addresses_stays_within_the_budget_and_no_reminder_gives_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PER_CLINIC_A_DAY", 20)
    course = world.book(world.enrol(), at(11))
    world.clock.at = at(10, 9, 59)
    asked = [
        ask_for_code(world, f"+1212555{1000 + number}", f"198.{number % 100}.{number}.7")
        for number in range(200)
    ]

    world.worker.send()
    world.work(at(10, 10, 1))

    assert sum(asked) == 20
    codes = [text for _, text in world.carrier.texts if "your code is" in text]
    assert 0 < len(codes) <= 20
    assert all(text.splitlines()[-1].startswith("@willow.example #") for text in codes)
    assert [message.state for message in world.messages(course_id=course, kind="day_before")] == [
        "sent"
    ]
