"""Migrations that are run by several at once, or killed on the way, end as one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from scheduler import migrations
from scheduler.database import Database

SECRET = "a secret for tests that is long enough"
ROOT = Path(__file__).parent.parent


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    url: str = request.getfixturevalue("postgresql_url")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


def begin(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scheduler.cli", "migrate"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url, "SECRET_KEY": SECRET},
    )


def version(url: str) -> str | None:
    database = Database(url)
    with database.transaction(write=False) as session:
        present = migrations.present(session)
    database.close()
    return present


def test_four_that_migrate_at_once_queue(empty_url: str) -> None:
    crowd = [begin(empty_url) for _ in range(4)]

    ended = [(each.communicate(timeout=120)[1], each.returncode) for each in crowd]

    assert ended == [("", 0)] * 4
    assert version(empty_url) == migrations.newest()


def test_one_that_was_killed_on_the_way_leaves_nothing_half_done(empty_url: str) -> None:
    for wait in (0.6, 0.9, 1.2, 1.5):
        killed = begin(empty_url)
        try:
            killed.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=30)
        assert version(empty_url) in {None, migrations.newest()}

    last = begin(empty_url)

    assert (last.communicate(timeout=120)[1], last.returncode) == ("", 0)
    assert version(empty_url) == migrations.newest()
