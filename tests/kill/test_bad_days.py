"""A day on which we were away, a change of mind in the very moment, a text to many that is wrong.

Small by default; with CHAOS=full as large as the promise: `make chaos`.
"""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import appointments
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.reminders.models import MassText, Message, MessageState
from scheduler.reminders.sending import carrier_health
from scheduler.reminders.sending.attempts import SendAttempt
from scheduler.reminders.sending.claims import Claim
from scheduler.reminders.staff import bulk_review
from scheduler.sms import twilio
from scheduler.storage.database import Database, stored_id
from tests.builders.world import MONDAY, World, appointment, at, found
from tests.standin import ACCOUNT, SERVICE, TOKEN, Fault, Standin
from tests.support.chaos import FULL, only_in_chaos

MONTH = timedelta(days=28)
AT_ONCE = 4


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def starts(first: int) -> Iterator[datetime]:
    """Two beside each other every hour."""
    for day in range(first, first + 12):
        for hour in range(9, 19):
            yield from (at(day, hour), at(day, hour))


def people(world: World, number: int, *, first: int = 18) -> list[int]:
    """Courses of one session, each for another patient."""
    return [
        world.book(world.enrol("Ann Archer", f"+1212555{each:04d}"), start)
        for each, start in zip(range(130, 130 + number), starts(first), strict=False)
    ]


def test_after_a_day_away_nothing_stale_goes_out_and_the_rest_at_the_usual_pace(
    world: World,
) -> None:
    """Down from Monday 10:05 for 26 hours: messages due at 13:00 are too late by then."""
    for each, hour in enumerate([13, 15, 16, 17] * 3):
        world.book(world.enrol("Ann Archer", f"+1212555{each:04d}"), at(5, hour))
    world.tick()
    world.carrier.texts.clear()

    world.clock.at = MONDAY + timedelta(hours=26)
    per_second = 4.0
    back = world.colleague(concurrency=AT_ONCE, per_second=per_second)
    back.sweep()
    with world.database.transaction() as session:
        began = carrier_health.seconds_of(session)
    back.send()
    with world.database.transaction() as session:
        took = carrier_health.seconds_of(session) - began

    stale = world.messages(kind="day_before", state=MessageState.EXPIRED)
    sent = world.messages(kind="day_before", state=MessageState.SENT)
    phones = {f"+1212555{number:04d}" for number in range(12)}
    assert {text_sent.phone for text_sent in sent} == {to for to, _ in world.carrier.texts}
    assert len(world.carrier.texts) == len(sent) == 9
    assert {message.phone for message in stale} == phones - {text_sent.phone for text_sent in sent}
    # Staff find in `/messages?for_staff=true` the patients to call instead.
    assert {(message.for_staff, message.reason[:9]) for message in stale} == {(True, "Too late:")}
    assert not any(text_sent.for_staff for text_sent in sent)
    assert len(sent) <= per_second + took * per_second


@pytest.mark.parametrize("database_kind", ["postgresql", *only_in_chaos("sqlite")])
@pytest.mark.parametrize("change", ["cancel", "move"])
@pytest.mark.parametrize("again", range(9 if FULL else 1))
def test_what_was_changed_before_a_text_was_looked_at_last_is_not_told_as_it_was(
    world: World, change: str, again: int
) -> None:
    """Send confirmations of bookings while their appointments are cancelled or moved.

    Every third one changes right between its claim and the last check, the others at any time.
    """
    number = 30
    ids = people(world, number)
    world.worker.sweep()
    worker = world.colleague(concurrency=AT_ONCE)
    place = {
        stored_id(message.id): ids.index(message.course_id)
        for message in world.messages(kind="confirmation")
        if message.course_id
    }
    changed = [threading.Event() for _ in ids]
    claimed = [threading.Event() for _ in ids]
    late: dict[int, bool] = {}
    intend = worker._dispatcher._begin

    def watched(claim: Claim) -> SendAttempt | None:
        each = place[claim.message_id]
        claimed[each].set()
        if each % 3 == again % 3:
            assert changed[each].wait(60)
        late[each] = changed[each].is_set()
        return intend(claim)

    worker._dispatcher._begin = watched  # type: ignore[method-assign]

    def change_all() -> None:
        for each, course in enumerate(ids):
            if each % 3 == again % 3:
                assert claimed[each].wait(60)
            with world.database.transaction() as session:
                chosen = appointment(session, course, 1)
                if change == "cancel":
                    appointments.cancel(session, OPERATOR, chosen, now=world.clock.at)
                else:
                    appointments.move(
                        session,
                        OPERATOR,
                        chosen,
                        starts_at=chosen.starts_at + MONTH,
                        policy=ChangePolicy(override_reason="a test"),
                        now=world.clock.at,
                    )
            changed[each].set()

    changing = threading.Thread(target=change_all)
    changing.start()
    worker.send()
    changing.join()
    worker.send()

    texts = {world_phone(to): text for to, text in world.carrier.texts}
    assert len(texts) == len(world.carrier.texts)
    was = {each: start for each, start in enumerate(starts(18)) if each < number}
    for each, start in was.items():
        if not late[each]:
            continue
        if change == "cancel":
            assert each not in texts
        else:
            assert f" {local_date(start)}," not in texts[each]
            assert f" {local_date(start + MONTH)}," in texts[each]
    assert sum(late.values()) >= number // 3


def world_phone(phone: str) -> int:
    return int(phone[-4:]) - 130


def local_date(start: datetime) -> str:
    return f"{start:%a} {start.day} {start:%b}"  # by day, so that the zone is no matter


def test_a_text_to_many_that_is_stopped_goes_to_nobody_else(world: World) -> None:
    """Counted at the carrier: what it gets after the stop was on its way to it already."""
    ids = people(world, 60)
    world.tick()
    for course in ids:
        with world.database.transaction() as session:
            appointments.cancel(
                session, OPERATOR, appointment(session, course, 1), now=world.clock.at
            )
    world.tick(MONDAY + timedelta(minutes=3))
    with world.database.transaction() as session:
        [batch] = session.exec(select(MassText)).all()
        bulk_review.confirm(session, OPERATOR, batch, people=60, now=world.clock.at)
    with Standin(now=world.clock.now) as carrier:
        carrier.fail_next(*[Fault.slow(0.25)] * 60)
        sender = twilio.connect(
            account_sid=ACCOUNT,
            auth_token=TOKEN,
            messaging_service_sid=SERVICE,
            api_url=carrier.url,
        )
        worker = world.colleague(sender, concurrency=AT_ONCE, per_second=20.0)
        sending = threading.Thread(target=worker.send)
        sending.start()
        while len(carrier.messages) < 8:
            assert sending.is_alive()
        with world.database.transaction() as session:
            [batch] = session.exec(select(MassText)).all()
            bulk_review.stop(session, OPERATOR, batch, now=world.clock.at)
        before = len(carrier.messages)
        sending.join()
        world.clock.at += timedelta(hours=1)
        worker.sweep()
        worker.send()

        went = len(carrier.messages)
    assert 8 <= before <= went <= before + AT_ONCE < 60
    with world.database.transaction(write=False) as session:
        states = session.exec(
            select(Message.state).where(Message.kind == "cancelled").order_by(col(Message.state))
        ).all()
    assert states == ["sent"] * went + ["withdrawn"] * (60 - went)
