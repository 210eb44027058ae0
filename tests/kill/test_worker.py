"""A worker is killed outright, wherever it is. Started again: one text, not two, not none."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from scheduler.infra import crash_points
from scheduler.reminders.models import MessageState
from scheduler.storage.database import Database
from tests.builders.clock import FrozenClock
from tests.builders.world import MONDAY, World, at, found
from tests.standin import Standin

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(MONDAY)


@pytest.fixture
def carrier(clock: FrozenClock) -> Iterator[Standin]:
    with Standin(now=clock.now) as standin:
        yield standin


@pytest.fixture
def world(database: Database, clock: FrozenClock) -> World:
    world = found(database)
    world.clock = clock
    world.book(world.enrol(), at(11))
    return world


def run(
    database_url: str, carrier: Standin, instants: list[datetime], *, crash_at: str = ""
) -> int:
    """Let a worker of its own tick at these instants; its exit code."""
    arguments = [database_url, carrier.url, *(instant.isoformat() for instant in instants)]
    return subprocess.run(
        [sys.executable, "-m", "tests.kill.worker", *arguments],
        env={**os.environ, "CRASH_AT": crash_at},
        cwd=ROOT,
        check=False,
        timeout=60,
    ).returncode


@pytest.mark.parametrize(
    ("database_kind", "place", "sent_before"),
    [
        ("postgresql", "after-claim", 0),
        ("sqlite", "after-intent", 0),
        ("postgresql", "after-answer", 1),
        pytest.param("sqlite", "after-claim", 0, marks=pytest.mark.chaos),
        pytest.param("postgresql", "after-intent", 0, marks=pytest.mark.chaos),
        pytest.param("sqlite", "after-answer", 1, marks=pytest.mark.chaos),
    ],
)
def test_a_killed_worker_loses_nothing_and_sends_nothing_twice(
    world: World, carrier: Standin, database_url: str, place: str, sent_before: int
) -> None:
    restarts = [MONDAY + timedelta(minutes=minutes) for minutes in (0, 1, 3, 4)]

    assert run(database_url, carrier, [MONDAY], crash_at=place) == crash_points.KILLED
    assert len(carrier.messages) == sent_before
    assert run(database_url, carrier, restarts) == 0

    assert (len(carrier.messages), carrier.posts) == (1, 1)
    [message] = world.messages(kind="confirmation")
    assert message.state == MessageState.SENT
    assert message.carrier_id == carrier.messages[0].sid
