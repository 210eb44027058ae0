"""Workers whose clocks differ, and machines that sleep: still one text, not two."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from scheduler.infra import crash_points
from scheduler.reminders.models import Attempt, Message
from scheduler.reminders.sending import claims
from scheduler.sms.sender import Accepted
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.clock import FrozenClock
from tests.builders.world import ANN, MONDAY, SECRETS, Paper, World, found

pytestmark = pytest.mark.both_databases


@pytest.fixture
def world(database: Database) -> World:
    world = found(database)
    world.book(world.enrol(), MONDAY + timedelta(days=7))
    return world


class Slow(Paper):
    """A slow carrier: something else happens during its call."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def send(self, **call: object) -> Accepted:
        self.meanwhile()
        return super().send(**call)  # type: ignore[arg-type]


@pytest.mark.parametrize("ahead", [3, 10, 600])
def test_a_worker_whose_clock_is_ahead_does_not_send_what_another_is_just_sending(
    world: World, ahead: int
) -> None:
    other = Worker(
        world.database,
        world.carrier,
        FrozenClock(MONDAY + timedelta(minutes=ahead)),
        key=SECRETS.key,
        public_url=SECRETS.public_url,
    )
    slow = Slow(world.clock, texts=world.carrier.texts)
    worker = world.colleague(slow)

    def meanwhile() -> None:
        for _ in range(3):
            other.send()
            other.look_up()

    slow.meanwhile = meanwhile
    worker.tick()

    assert len(world.carrier.texts) == 1
    assert [message.state for message in world.messages(kind="confirmation")] == ["sent"]


def test_a_machine_that_was_suspended_since_its_claim_does_not_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = [claims.LEASE.total_seconds()]
    real, slept = time.time, [0.0]

    def point(name: str) -> None:
        if name == "after-intent" and naps:
            slept[0] += naps.pop()

    monkeypatch.setattr(crash_points, "crash_point", point)
    monkeypatch.setattr(time, "time", lambda: real() + slept[0])
    world.worker.sweep()

    world.worker.send()

    assert world.carrier.texts == [(ANN, world.messages(kind="confirmation")[0].text)]
    with world.database.transaction(write=False) as session:
        outcomes = session.exec(select(Attempt.outcome).order_by(col(Attempt.id))).all()
    assert outcomes == ["lapsed", "accepted"]


def test_a_retry_from_before_the_clock_was_set_back_is_due(world: World) -> None:
    world.worker.sweep()
    with world.database.transaction() as session:
        session.exec(update(Message).values(next_look_at=MONDAY + timedelta(hours=2)))

    world.worker.send()

    assert [to for to, _ in world.carrier.texts] == [ANN]


def test_a_lease_from_before_the_clock_was_set_back_is_over(world: World) -> None:
    world.worker.sweep()
    ahead = MONDAY + timedelta(hours=2)
    with world.database.transaction() as session:
        assert len(claims.claim(session, worker="dead", now=ahead, limit=9)) == 1

    world.worker.send()

    assert [to for to, _ in world.carrier.texts] == [ANN]
