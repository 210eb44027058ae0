"""Tests get the same databases as operators."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import text

from scheduler.storage.database import Database
from tests.support.databases import place
from workshop import postgres

pytestmark = pytest.mark.both_databases

# A run that starts a server, prints its folder, and is then killed.
KILLED_RUN = """
    import os, pathlib
    from workshop import postgres

    with postgres.place() as place:
        postgres.start(place)
        print(place, flush=True)
        os.kill(os.getpid(), 9)
"""


def test_a_database_is_migrated_and_empty(database):
    with database.transaction() as session:
        version = session.connection().scalar(text("SELECT count(*) FROM alembic_version"))
        clinics = session.connection().scalar(text("SELECT count(*) FROM clinics"))

    assert (version, clinics) == (1, 0)


def test_what_one_test_writes_no_other_finds(postgresql_server, postgresql_template):
    names = ["test_first", "test_second"]
    url = postgres.start(place())
    for name in names:
        postgres.copy(postgresql_server, postgresql_template, name)
    first, second = (Database(postgres.url_of(url, name)) for name in names)

    with first.engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (id int)"))
    with second.engine.begin() as connection:
        found = connection.scalar(text("SELECT to_regclass('mine')"))

    assert found is None
    first.close()
    second.close()
    for name in names:
        postgresql_server.execute(f"DROP DATABASE {name}")


def test_postgresql_refuses_overlaps_without_any_extension(postgresql_url):
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as connection:
        connection.execute(
            "CREATE TABLE taken (calendar bigint, since bigint, until bigint, EXCLUDE USING gist"
            " (int8range(calendar, calendar, '[]') WITH &&, int8range(since, until) WITH &&))"
        )
        connection.execute("INSERT INTO taken VALUES (1, 0, 40), (1, 40, 80), (2, 0, 40)")

        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute("INSERT INTO taken VALUES (1, 39, 41)")


def test_no_server_is_left_behind_by_a_run_that_was_killed():
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_RUN)],
        capture_output=True,
        text=True,
        check=False,
    )
    left = Path(killed.stdout.strip())

    assert killed.returncode == -9
    # The keeper holds this lock until it has stopped the server and removed the folder.
    try:
        with postgres.locked(left / "running"):
            pass
    except FileNotFoundError:
        pass
    assert not (left / "data" / "postmaster.pid").exists()


@pytest.mark.parametrize(
    ("free", "flags", "in_memory"),
    [(3 * 2**30, 0, True), (2**30, 0, False), (3 * 2**30, os.ST_NOEXEC, False)],
    ids=["roomy", "scarce", "nothing runs there"],
)
def test_a_server_lives_in_memory_where_there_is_plenty_and_programs_may_run(
    monkeypatch, free, flags, in_memory
):
    about = SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_flag=flags)
    monkeypatch.setattr(os, "statvfs", lambda _: about)
    monkeypatch.setattr(os, "access", lambda *_: True)

    assert (postgres.memory() != postgres.DISK) == in_memory
