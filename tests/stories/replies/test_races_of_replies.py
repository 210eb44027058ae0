"""A patient's C and a move of the same appointment by staff, at the same moment.

In any order, an appointment is confirmed only at the time that the patient was asked about.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import update
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR, AuditEntry
from scheduler.booking.courses import appointments
from scheduler.booking.models import Appointment, AppointmentState
from scheduler.reminders.models import Message
from scheduler.storage.database import Busy, Database
from tests.builders.world import World, appointment, at, found
from tests.stories.replies.talk import move, receive, state
from tests.support.chaos import examples

RACES = examples(12, 200)


@pytest.fixture
def world(postgresql_url: str) -> Iterator[World]:
    database = Database(postgresql_url)
    yield found(database)
    database.close()


@pytest.fixture
def asked(world: World) -> int:
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()
    world.tick(at(10))
    return course


def ask_anew(world: World, course: int, starts_at: datetime) -> None:
    """As if the session had always been at this time, and had just been asked about."""
    with world.database.transaction() as session:
        visit = appointment(session, course, 1)
        session.execute(
            update(Appointment)
            .where(col(Appointment.id) == visit.id)
            .values(state=AppointmentState.BOOKED)
        )
        session.execute(
            update(Message)
            .where(col(Message.appointment_id) == visit.id, col(Message.kind) == "day_before")
            .values(about=starts_at, state="sent")
        )


def again(deed: object) -> None:
    """Retries as the request gate does after a conflicting write."""
    for _ in range(5):
        try:
            deed()  # type: ignore[operator]
        except (Busy, StaleDataError):
            continue
        return
    raise AssertionError("busy for ever")


def test_a_session_is_never_confirmed_at_a_time_that_nobody_asked_about(
    world: World, asked: int
) -> None:
    times = [at(11), at(11, 12)]
    chance = Random(4)  # noqa: S311 - spreads two threads
    with ThreadPoolExecutor(2) as two:
        for race in range(RACES):
            here, there = times[race % 2], times[(race + 1) % 2]
            ask_anew(world, asked, here)
            pauses = [chance.uniform(0, 0.004), chance.uniform(0, 0.004)]
            start = threading.Barrier(2)

            def patient(pause: float = pauses[0], start: threading.Barrier = start) -> None:
                start.wait()
                threading.Event().wait(pause)
                again(lambda: receive(world, "C"))

            def staff(
                pause: float = pauses[1],
                start: threading.Barrier = start,
                there: datetime = there,
            ) -> None:
                start.wait()
                threading.Event().wait(pause)
                again(lambda: move(world, asked, there))

            for done in [two.submit(patient), two.submit(staff)]:
                done.result()
            assert state(world, asked) == AppointmentState.BOOKED
            world.clock.at += timedelta(seconds=1)

    with world.database.transaction(write=False) as session:
        deeds = session.exec(select(AuditEntry.action)).all()
    assert deeds.count("moved") == RACES
    assert 0 < deeds.count("is confirmed") < RACES  # each was first sometimes


def test_c_waits_for_a_move_that_is_under_way_and_then_sees_it(world: World, asked: int) -> None:
    moving, may_end = threading.Event(), threading.Event()

    def staff() -> None:
        with world.database.transaction() as session:
            visit = appointment(session, asked, 1)
            appointments.move(session, OPERATOR, visit, starts_at=at(12, 15), now=world.clock.at)
            session.flush()
            moving.set()
            assert may_end.wait(10)

    with ThreadPoolExecutor(2) as two:
        mover = two.submit(staff)
        assert moving.wait(10)
        replier = two.submit(lambda: again(lambda: receive(world, "C")))
        may_end.set()
        mover.result()
        replier.result()

    assert state(world, asked) == AppointmentState.BOOKED
    [answer] = [message for message in world.messages() if message.key.startswith("answer:")]
    assert answer.text.startswith("Willow: Tue 12 Jan 3:00 PM.")


def test_a_move_unconfirms_what_was_confirmed_a_moment_before(world: World, asked: int) -> None:
    receive(world, "C")
    assert state(world, asked) == AppointmentState.CONFIRMED

    move(world, asked, at(12, 15))

    assert state(world, asked) == AppointmentState.BOOKED
