"""One clock for all processes that share a database: the database's own.

A worker whose machine is minutes ahead would text early, and would take what a colleague is just
sending for left behind; one that is behind would leave texts lying. So where processes may run on
several machines, their clocks are not asked at all: the database's is read every few seconds, and
carried on in between by one that nobody can set. It answers at once, also while the database is
away. An SQLite file lies on one machine, and that machine's clock is the one clock.
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

EVERY_SECONDS = 5.0
END_SECONDS = 2.0
"""How long the end waits for a look that is under way: a database that hangs must not hold it."""


@contextmanager
def of(database: Database) -> Iterator[Clock]:
    """The clock to go by with a database, for as long as it is used. Unavailable if it is away."""
    if database.is_sqlite:
        yield SystemClock()
        return
    clock = DatabaseClock(database)
    stop = threading.Event()
    reading = threading.Thread(target=_keep_right, args=(clock, stop), name="clock", daemon=True)
    reading.start()
    try:
        yield clock
    finally:
        stop.set()
        reading.join(END_SECONDS)


class DatabaseClock:
    """PostgreSQL's clock, as it was when it was last read and what has passed since."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen = self._look()

    def now(self) -> datetime:
        """The aware UTC instant."""
        then, ticks = self._seen
        return then + timedelta(seconds=_ticks() - ticks)

    def read(self) -> None:
        """Set it right. Unavailable if the database is away: then it goes on as it went."""
        self._seen = self._look()

    def _look(self) -> tuple[datetime, float]:
        with self._database.transaction(write=False) as session:
            session.connection()
            before = _ticks()
            theirs: datetime = session.exec(select(func.clock_timestamp())).one()
            # It was read at some moment of the way there and back.
            return theirs.astimezone(UTC), (before + _ticks()) / 2


def _keep_right(clock: DatabaseClock, stop: threading.Event) -> None:
    while not stop.wait(EVERY_SECONDS):
        try:
            clock.read()
        except (Busy, Unavailable):
            LOG.warning("the database's clock cannot be read; it is carried on by our own")
        except Exception:
            LOG.exception("the database's clock could not be read")


def _since_boot() -> Callable[[], float]:
    """Seconds of a clock that nobody sets and that, where there is one, runs while we sleep."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boot is None else lambda: time.clock_gettime(boot)


_ticks = _since_boot()
