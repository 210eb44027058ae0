"""Free slots over eight weeks and a course of twelve, beside the lower limit."""

import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg

from benchmarks import clinic, limit
from benchmarks.clinic import FIRST, LAST, NOW, Place
from scheduler.booking.availability import search
from scheduler.booking.availability.slots import Slot
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import plan_course
from scheduler.clinic.models import Treatment

ROUNDS = 40
LISTED = {
    "SQLite": "group_concat(from_minute)",
    "PostgreSQL": "string_agg(from_minute::text, ',')",
}
"""Aggregates many minutes into one string on each engine, which is faster than rows."""
HISTORY = int(os.environ.get("HISTORY", "200000"))
"""Past entries of the second clinic; `make bench HISTORY=1000000` makes it a million."""


def main() -> int:
    """Print the table; return 1 if the two programs find different slots."""
    for history in (0, HISTORY):
        with clinic.opened(history=history) as places:
            for place in places:
                if not compare(place, history):
                    return 1
    return 0


def compare(place: Place, history: int) -> bool:
    """Measure one database and print its row."""
    with raw(place) as rows:

        def tightest() -> list[tuple[int, int, int]]:
            return limit.search(rows, place.treatment_id, listed=LISTED[place.name])

        if [tuple(slot) for slot in slots(place)] != tightest():
            print(f"{place.name}: the two programs do not find the same slots.", file=sys.stderr)
            return False
        least, ours, plan = measured(tightest, lambda: slots(place), lambda: planned(place))
    print(
        f"{place.name:<10} {place.entries:>5} entries, {history:>7} past   limit {least:5.1f} ms"
        f"   slots {ours:5.1f} ms = {ours / least:4.2f} x   plan of 12 {plan:5.1f} ms"
        f" = {plan / ours:4.1f} searches"
    )
    return True


def slots(place: Place) -> list[Slot]:
    """The free slots of eight weeks, database included."""
    with place.database.transaction(write=False) as session:
        treatment = session.get_one(Treatment, place.treatment_id)
        resources = search.find_resources(session, treatment)
        return search.free_slots(session, resources, first=FIRST, last=LAST, now=NOW)


def planned(place: Place) -> int:
    """The number of sessions of a course planned from the first day on."""
    with place.database.transaction(write=False) as session:
        treatment = session.get_one(Treatment, place.treatment_id)
        return len(
            plan_course.propose(session, treatment, Wishes(start_on=FIRST), now=NOW).sessions
        )


def measured(*programs: Callable[[], object]) -> list[float]:
    """The median time of each in milliseconds, run in turn so that all meet the same load."""
    times: list[list[float]] = [[] for _ in programs]
    for _ in range(ROUNDS):
        for program, spent in zip(programs, times, strict=True):
            began = time.perf_counter()
            program()
            spent.append(1000 * (time.perf_counter() - began))
    return [statistics.median(spent) for spent in times]


@contextmanager
def raw(place: Place) -> Iterator[limit.Rows]:
    """A connection of the bare driver."""
    if place.database.is_sqlite:
        with closing(sqlite3.connect(place.database.url.database or "")) as connection:
            yield lambda query: connection.execute(query).fetchall()
        return
    address = place.database.url.set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        yield lambda query: connection.execute(query).fetchall()


if __name__ == "__main__":
    sys.exit(main())
