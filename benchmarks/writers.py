"""Sixteen threads write to one SQLite file: in the program's queue, or with busy timeouts."""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session, func, select

from benchmarks.clinic import NOW
from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import OPERATOR, AuditEntry
from scheduler.infra.errors import Unavailable
from scheduler.storage import migrations
from scheduler.storage.database import Busy, Database

THREADS = 16
SECONDS = 2.0
ROUNDS = 3

Way = Callable[[], AbstractContextManager[Session]]


def main() -> int:
    """Print a row for each way; return 1 if a committed row is missing."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'writers.db'}", pool_size=THREADS)
        migrations.upgrade(database)
        ways: dict[str, Way] = {
            "in line": database.transaction,
            "waiting on busy": lambda: database.unit(write=True),
        }
        results = {name: Result() for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                rush(way, results[name])
        with database.transaction(write=False) as session:
            there = session.exec(select(func.count()).select_from(AuditEntry)).one()
        database.close()
    for name, result in results.items():
        waits = sorted(result.waits)
        rate = len(waits) / SECONDS / ROUNDS
        print(
            f"SQLite     {THREADS} threads, {name:<15}   {rate:5.0f} a second"
            f"   p50 {waits[len(waits) // 2]:5.0f} ms   p99 {waits[-len(waits) // 100]:6.0f} ms"
            f"   longest {waits[-1]:6.0f} ms   refused {result.refused}"
        )
    written = sum(len(result.waits) for result in results.values())
    if there != written:
        print(f"{there} entries are there, {written} were written", file=sys.stderr)
        return 1
    return 0


@dataclass
class Result:
    """The wait for each commit in milliseconds, and the number of refusals."""

    waits: list[float] = field(default_factory=list)
    refused: int = 0


def rush(way: Way, result: Result) -> None:
    """Let all threads write continuously until the time is over."""
    until = time.monotonic() + SECONDS

    def write() -> None:
        while (came := time.monotonic()) < until:
            try:
                with way() as session:
                    audit_trail.record(
                        session, OPERATOR, Action.CHANGED, "clinic", None, clinic_id=None, now=NOW
                    )
            except (Busy, Unavailable):
                result.refused += 1
            else:
                result.waits.append((time.monotonic() - came) * 1000)

    threads = [threading.Thread(target=write) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
