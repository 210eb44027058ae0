"""Fifty clients book courses that share their times, through real servers."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import psycopg

from scheduler.storage import migrations
from scheduler.storage.database import Database
from tests.load import rush
from tests.load.rush import Answer
from tests.support.servers import Servers, api_key
from workshop import postgres

CLIENTS = 50
ATTEMPTS = 400
SESSIONS = 12
PAIRS = ((0, 2), (1, 3), (2, 4), (0, 3), (1, 4))
"""The two weekdays of a course; any two courses may share days."""
PROCESSES = {"SQLite": 1, "PostgreSQL": 2}


def main() -> int:
    """Print a row for each database; return 1 if a course is partial or a time booked twice."""
    with databases() as opened:
        return 0 if all(measured(*database) for database in opened) else 1


def measured(name: str, database: Database) -> bool:
    """Print the row of one database. Whether its contents match the responses."""
    cast = rush.settle_with_one_practitioner(database)
    bodies = [rush.course_of(cast, number, course(number)) for number in range(ATTEMPTS)]
    key = api_key(database)
    url = database.url.render_as_string(hide_password=False)
    with Servers(url, count=PROCESSES[name], log=subprocess.DEVNULL) as servers:
        began = time.perf_counter()
        answers = rush.book_at_once(servers.addresses, key, bodies, clients=CLIENTS)
        spent = time.perf_counter() - began
    print_row(name, answers, spent)
    statuses = rush.statuses(answers)
    is_whole = rush.outcome(database) == rush.whole(answers, SESSIONS)
    if is_whole and statuses.keys() <= {201, 409, 503}:
        return True
    print(f"{name}: {rush.outcome(database)} after {statuses}", file=sys.stderr)
    return False


def course(number: int) -> list[datetime]:
    """Twelve sessions, two a week, at a full hour, starting in one of twelve weeks."""
    chance = Random(number)
    first = rush.monday() + timedelta(weeks=chance.randrange(12))
    minute = chance.randrange(9, 17) * 60
    pair = chance.choice(PAIRS)
    days = [first + timedelta(weeks=week, days=day) for week in range(6) for day in pair]
    return [rush.at(day, minute) for day in days]


def print_row(name: str, answers: Sequence[Answer], spent: float) -> None:
    """The times that clients measured, including the wait for their turn."""
    statuses = rush.statuses(answers)
    waits = statistics.quantiles((1000 * answer.seconds for answer in answers), n=100)
    print(
        f"{name:<10} {PROCESSES[name]} process(es), {CLIENTS} clients, {len(answers)} attempts"
        f"   {len(answers) / spent:5.1f} a second"
        f"   p50 {waits[49]:5.0f} ms   p99 {waits[98]:5.0f} ms"
        f"   201: {statuses[201]}  409: {statuses[409]}  503: {statuses[503]}"
    )


@contextmanager
def databases() -> Iterator[list[tuple[str, Database]]]:
    """An empty database of each kind."""
    with tempfile.TemporaryDirectory() as folder, postgres.place() as place:
        server = postgres.start(place)
        with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE load")
        urls = {
            "SQLite": f"sqlite:///{Path(folder)}/clinic.db",
            "PostgreSQL": postgres.url_of(server, "load"),
        }
        opened = [(name, Database(url)) for name, url in urls.items()]
        for _, database in opened:
            migrations.upgrade(database)
        yield opened
        for _, database in opened:
            database.close()


if __name__ == "__main__":
    sys.exit(main())
