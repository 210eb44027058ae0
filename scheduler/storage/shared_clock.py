"""One clock for all processes that share a database: the clock of the database.

A worker whose machine is minutes fast would text early and take over texts that another worker is
still sending; a slow one would text late. So with PostgreSQL, where processes may run on several
machines, each reads the database's clock every few seconds and advances it in between with a
monotonic clock. `now` never waits, even while the database is unreachable. An SQLite file is on one
machine, and all its processes use the clock of that machine.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlmodel import func, select

from scheduler.infra.clock import Clock, SystemClock
from scheduler.infra.errors import Unavailable
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

READ_SECONDS = 5.0
"""Interval between two readings of the database's clock."""
JOIN_SECONDS = 2.0
"""How long a process that ends waits for a reading in progress, because a database may hang."""


@contextmanager
def of(database: Database) -> Iterator[Clock]:
    """The clock to use with a database. Raises Unavailable if the database cannot be reached."""
    if database.is_sqlite:
        yield SystemClock()
        return
    clock = DatabaseClock(database)
    stop = threading.Event()
    reader = threading.Thread(target=_read_regularly, args=(clock, stop), name="clock", daemon=True)
    reader.start()
    try:
        yield clock
    finally:
        stop.set()
        reader.join(JOIN_SECONDS)


class DatabaseClock:
    """PostgreSQL's clock: the last reading plus the time since."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading = self._query()

    def now(self) -> datetime:
        """The aware UTC instant."""
        instant, ticks = self._reading
        return instant + timedelta(seconds=_ticks() - ticks)

    def read(self) -> None:
        """Query the database. If that raises Unavailable, `now` continues from the last reading."""
        self._reading = self._query()

    def _query(self) -> tuple[datetime, float]:
        with self._database.transaction(write=False) as session:
            session.connection()
            before = _ticks()
            instant: datetime = session.exec(select(func.clock_timestamp())).one()
            # The server read its clock between the request and the answer: assume the middle.
            return instant.astimezone(UTC), (before + _ticks()) / 2


def _read_regularly(clock: DatabaseClock, stop: threading.Event) -> None:
    while not stop.wait(READ_SECONDS):
        try:
            clock.read()
        except (Busy, Unavailable):
            LOG.warning("the database's clock cannot be read; continuing from the last reading")
        except Exception:
            LOG.exception("the database's clock could not be read")


def _since_boot() -> Callable[[], float]:
    """Seconds of a monotonic clock; of one that also runs while the machine sleeps, if it can."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boot is None else lambda: time.clock_gettime(boot)


_ticks = _since_boot()
