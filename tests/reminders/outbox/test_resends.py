"""The effect of a report's error code: resend, flag the phone, opt out, or ask staff."""

from datetime import timedelta
from itertools import permutations

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.sending import carrier_health, delivery_reports
from scheduler.sms import codes
from scheduler.sms.codes import Policy
from scheduler.sms.sender import Found
from scheduler.storage.database import Database
from tests.builders.world import ANN, MONDAY, World, at, found

HOUR = timedelta(hours=1)


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def tell(world: World, phone: str, status: str, code: int | None = None) -> None:
    """The carrier says this of the last text to a phone."""
    with world.database.transaction() as session:
        attempt = session.exec(
            select(Attempt)
            .join(Message, col(Message.id) == Attempt.message_id)
            .where(Message.phone == phone)
            .order_by(col(Attempt.id).desc())
        ).first()
        assert attempt is not None
        said = Found(str(attempt.carrier_id), status, code)
        delivery_reports.note(session, token=attempt.token, report=said, now=world.clock.at)


@pytest.mark.slow
def test_each_code_in_a_receipt_leads_to_what_its_row_says(world: World) -> None:
    rows = [*codes.CODES, 39_999]
    for number, _ in enumerate(rows):
        world.book(
            world.enrol(phone=f"+1212555{number:04}"), at(11 + number % 15, 9 + number // 15)
        )
    world.tick()

    for number, code in enumerate(rows):
        tell(world, f"+1212555{number:04}", "undelivered", code)

    for number, code in enumerate(rows):
        phone, meaning = f"+1212555{number:04}", codes.meaning(code)
        mine = world.messages(phone=phone, kind="confirmation")
        first, *second = sorted(mine, key=lambda message: message.key)
        assert (first.state, first.error_code) == (MessageState.FAILED, str(code))
        assert len(second) == (1 if meaning.tries_again else 0), code
        assert first.for_staff is not meaning.tries_again
        assert first.reason.startswith(meaning.sentence)
        with world.database.transaction(write=False) as session:
            [patient] = session.exec(select(Patient).where(Patient.phone == phone))
            assert bool(patient.phone_trouble) == (meaning.policy is Policy.FLAG)
            assert consent.is_stopped(session, phone) == (meaning.policy is Policy.OPTED_OUT)
    with world.database.transaction(write=False) as session:
        assert carrier_health.trouble(session) != ""


def test_a_phone_that_was_off_is_texted_once_more_and_then_staff_are_told(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.tick()
    tell(world, ANN, "undelivered", 30003)

    world.tick(MONDAY + HOUR - timedelta(seconds=1))
    assert len(world.carrier.texts) == 1
    world.tick(MONDAY + HOUR)
    assert len(world.carrier.texts) == 2
    assert world.carrier.texts[0] == world.carrier.texts[1]
    tell(world, ANN, "undelivered", 30003)
    for hours in (2, 3, 4):
        world.tick(MONDAY + hours * HOUR)

    assert len(world.carrier.texts) == 2
    states = [(message.state, message.for_staff) for message in world.messages(kind="confirmation")]
    assert states == [(MessageState.FAILED, False), (MessageState.FAILED, True)]


@pytest.mark.both_databases
def test_a_text_that_arrived_after_all_is_not_said_again(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.tick()
    tell(world, ANN, "undelivered", 30003)
    tell(world, ANN, "delivered")

    world.tick(MONDAY + HOUR)

    assert len(world.carrier.texts) == 1
    states = {message.state for message in world.messages(kind="confirmation")}
    assert states == {MessageState.DELIVERED, MessageState.WITHDRAWN}


def test_a_second_text_is_not_sent_once_it_is_no_longer_true(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.tick()
    tell(world, ANN, "undelivered", 30003)
    with world.database.transaction() as session:
        [patient] = session.exec(select(Patient)).all()
        consent.withdraw(
            session,
            OPERATOR,
            patient,
            wording="No",
            channel="staff",
            now=world.clock.at,
        )

    world.tick(MONDAY + HOUR)

    assert len(world.carrier.texts) == 1


def test_a_second_text_would_come_too_late(world: World) -> None:
    world.book(world.enrol(), at(4, 12, 10))
    world.tick()
    before = list(world.carrier.texts)
    world.clock.at = at(4, 11, 30)  # it took the carrier an hour and a half to give up
    tell(world, ANN, "undelivered", 30003)

    for minute in (0, 20, 39):
        world.tick(at(4, 11, 30) + timedelta(minutes=minute))

    assert world.carrier.texts == before

    last = world.messages(kind="day_before")[0]
    assert (last.state, last.for_staff) == (MessageState.FAILED, True)


@pytest.mark.slow
def test_all_orders_of_receipts_with_repetitions_come_to_the_same(world: World) -> None:
    told = ["queued", "sending", "sent", "delivered"]
    orders = list(permutations(told))
    for number, _ in enumerate(orders):
        world.book(
            world.enrol(phone=f"+1212555{number:04}"), at(11 + number % 15, 9 + number // 15)
        )
    world.tick()

    for number, order in enumerate(orders):
        again = order[number % 3 :][:2]
        for status in [*order, *again]:
            tell(world, f"+1212555{number:04}", status)

    assert {message.state for message in world.messages(kind="confirmation")} == {
        MessageState.DELIVERED
    }


def test_what_the_carrier_dropped_before_the_night_is_sent_in_the_morning(world: World) -> None:
    world.book(world.enrol(), at(11, 18))
    world.tick()
    world.tick(at(10, 20, 30))
    assert len(world.carrier.texts) == 2
    world.clock.at = at(10, 21)
    tell(world, ANN, "undelivered", 30036)

    world.tick(at(10, 21, 5))
    assert len(world.carrier.texts) == 2
    world.tick(at(11, 8))

    assert world.carrier.texts[2:] == world.carrier.texts[1:2]
    states = [(message.state, message.for_staff) for message in world.messages(kind="day_before")]
    assert states == [(MessageState.FAILED, False), (MessageState.SENT, False)]
