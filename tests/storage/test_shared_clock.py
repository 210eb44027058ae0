"""Processes that share a database share its clock, whatever their machines show."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import func, select

from scheduler.infra.clock import SystemClock
from scheduler.infra.errors import Unavailable
from scheduler.storage import shared_clock
from scheduler.storage.database import Database
from scheduler.storage.shared_clock import DatabaseClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def postgresql(postgresql_url: str):
    database = Database(postgresql_url)
    yield database
    database.close()


def time_of(database: Database) -> datetime:
    with database.transaction(write=False) as session:
        told: datetime = session.exec(select(func.clock_timestamp())).one()
        return told


@pytest.mark.parametrize("minutes", [-300, -5, 5, 120])
def test_a_machine_with_a_wrong_clock_uses_the_clock_of_the_database(
    postgresql: Database, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = timedelta(minutes=minutes)
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + wrong)

    with shared_clock.of(postgresql) as clock:
        before, now, after = time_of(postgresql), clock.now(), time_of(postgresql)

    assert before - SECOND < now < after + SECOND


def test_with_sqlite_the_clock_of_the_machine_is_used(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    with shared_clock.of(database) as clock:
        assert isinstance(clock, SystemClock)

    database.close()


def test_the_clock_continues_during_an_outage_and_is_corrected_afterwards(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(shared_clock, "_ticks", lambda: seconds[0])
    clock = DatabaseClock(postgresql)
    began = clock.now()
    look: Callable[[DatabaseClock], object] = DatabaseClock._query

    def away(_: DatabaseClock) -> object:
        raise Unavailable

    monkeypatch.setattr(DatabaseClock, "_query", away)
    seconds[0] += 3600
    with pytest.raises(Unavailable):
        clock.read()
    assert clock.now() == began + timedelta(hours=1)

    monkeypatch.setattr(DatabaseClock, "_query", look)
    clock.read()
    assert abs(clock.now() - time_of(postgresql)) < 60 * SECOND


def test_the_clock_is_read_regularly_and_a_hanging_database_does_not_delay_the_end(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_clock, "READ_SECONDS", 0.01)
    monkeypatch.setattr(shared_clock, "JOIN_SECONDS", 0.01)
    reads, twice, goes_on, outwaited = [0], threading.Event(), threading.Event(), threading.Event()

    def read(_: DatabaseClock) -> None:
        reads[0] += 1
        if reads[0] == 2:
            twice.set()
            if not goes_on.wait(5):
                outwaited.set()

    monkeypatch.setattr(DatabaseClock, "read", read)

    with shared_clock.of(postgresql):
        assert twice.wait(10)
    assert not outwaited.is_set()

    goes_on.set()
