"""Several workers share the jobs, and an error in one run does not stop the next."""

import logging
import threading
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from scheduler import worker as workers
from scheduler.infra.clock import SystemClock
from scheduler.reminders.models import ReminderRule
from scheduler.reminders.outbox import outbox
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.world import SECRETS, World, at, found

pytestmark = pytest.mark.both_databases


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def colleague(world: World, per_second: float | None = None) -> Worker:
    return Worker(
        world.database,
        world.carrier,
        world.clock,
        key=SECRETS.key,
        public_url=SECRETS.public_url,
        per_second=per_second,
    )


def all_at_once(*chores: object) -> None:
    threads = [threading.Thread(target=chore) for chore in chores]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_workers_that_meet_a_new_clinic_at_once_write_its_rules_once(world: World) -> None:
    world.book(world.enrol(), at(11))

    all_at_once(*(colleague(world).sweep for _ in range(3)))

    with world.database.transaction(write=False) as session:
        kinds = Counter(session.exec(select(ReminderRule.kind)).all())
    assert set(kinds.values()) == {1}
    assert len(world.messages(kind="day_before")) == 1


def test_workers_that_send_at_once_send_each_text_once(world: World) -> None:
    for number in range(8):
        world.book(world.enrol(phone=f"+1212555011{number}"), at(11 + number))
    world.worker.sweep()

    all_at_once(*(colleague(world).send for _ in range(3)))
    world.work()

    assert len(world.carrier.texts) == len(set(world.carrier.texts)) == 8


def test_the_pace_is_kept_and_nothing_is_forgotten(world: World) -> None:
    for number in range(3):
        world.book(world.enrol(phone=f"+1212555011{number}"), at(11 + number))
    world.worker.sweep()

    colleague(world, per_second=50.0).send()

    assert len(world.carrier.texts) == 3


def test_a_started_worker_derives_and_sends_by_itself_until_it_is_stopped(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.carrier.called.clear()

    world.worker.start()
    came = world.carrier.called.wait(20)
    world.worker.stop()

    assert came
    assert len(world.carrier.texts) == 1
    assert world.worker.last_tick == world.clock.at
    assert {message.state for message in world.messages(kind="confirmation")} == {"sent"}


def test_a_clock_that_is_set_back_does_not_stop_the_chores(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WATCH_SECONDS", 0.05)
    world.book(world.enrol(), at(11))
    real = datetime.now(UTC)
    monkeypatch.setattr(SystemClock, "now", lambda _: real + timedelta(hours=1))
    world.worker.start()
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC))

    came = world.carrier.called.wait(20)
    world.worker.stop()

    assert came


@pytest.mark.parametrize("chore", ["derive", "sweep"])
def test_a_phone_that_cannot_be_derived_keeps_no_other_from_its_texts(
    world: World, chore: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        world.book(world.enrol(phone=f"+1212555011{number}"), at(11 + number))
    derive = outbox.derive

    def fail(session: Session, phones: Collection[str], *, now: datetime) -> object:
        if "+12125550111" in phones:
            raise RuntimeError
        return derive(session, phones, now=now)

    monkeypatch.setattr(outbox, "derive", fail)

    getattr(world.worker, chore)()

    phones = {message.phone for message in world.messages()}
    assert phones == {"+12125550110", "+12125550112"}


def test_a_bad_tick_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    def derive() -> None:
        raise RuntimeError

    with caplog.at_level(logging.ERROR):
        workers._run_safely(derive)

    assert "the job derive failed" in caplog.text
