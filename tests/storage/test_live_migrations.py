"""The program of before goes on with its work while the database is brought to the next version.

That program is played: it names just the columns that there were, as its models did, and is tried
again like any request that met another writer.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, RowMapping, Table, delete, insert, select, text, update
from sqlmodel import Session

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import courses
from scheduler.clinic.models import Treatment
from scheduler.http.request_gate import TRIES
from scheduler.patients.models import Patient
from scheduler.storage import migrations
from scheduler.storage.database import Busy, Database
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted
from tests.support.databases import ROOT, config_for

pytestmark = pytest.mark.both_databases

STEPS = 4
"""How many of the newest migrations run, one at a time, before the example."""
FIRST_TABLES = "0002"
"""Nothing was running before these migrations, so the test starts after them."""
EXAMPLE = """
import sqlalchemy as sa
from alembic import op

revision = "example"
down_revision = "{newest}"


def upgrade():
    nickname = sa.Column("nickname", sa.String(20), server_default="", nullable=False)
    op.add_column("patients", nickname)
    op.create_index("ix_patients_nickname", "patients", ["nickname"])
    op.create_table("nicknames", sa.Column("id", sa.Integer(), primary_key=True))
"""
"""A migration as there may be many: it runs last, after the real ones."""
CLERKS = 2
MINUTES_OF_A_WEEK = 7 * 24 * 60
PATIENCE = 60.0


class Program:
    """Reads, books, changes and cancels in the tables as they are now."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tables = MetaData()
        self.tables.reflect(database.engine)
        self.weeks = count(1)
        self.done = [0] * CLERKS
        self.ended = threading.Event()
        self.refused: list[BaseException] = []

    def work(self, clerk: int) -> None:
        """Runs turns until it is stopped."""
        while not self.ended.is_set():
            try:
                self.turn(next(self.weeks))
            except BaseException as problem:  # noqa: BLE001 - every error is recorded
                self.refused.append(problem)
            self.done[clerk] += 1

    def turn(self, week: int) -> None:
        """The operations of a day, each in its own transaction."""
        self.do(self.read, write=False)
        booked = self.do(lambda session: self.book(session, week))
        self.do(self.change)
        if week % 2:
            self.do(lambda session: self.cancel(session, booked))

    def do(self, story: Callable[[Session], Any], *, write: bool = True) -> Any:
        for tried in range(1, TRIES + 1):
            try:
                with self.database.transaction(write=write) as session:
                    if not self.database.is_sqlite:
                        session.execute(text("SET LOCAL lock_timeout = '2s'"))
                    return story(session)
            except Busy:
                if tried == TRIES:
                    raise
        return None

    def read(self, session: Session) -> None:
        for table in self.tables.sorted_tables:
            session.execute(select(table).limit(3)).all()

    def book(self, session: Session, week: int) -> int:
        """Another course of one session, some weeks later."""
        visits, entries = self.table("appointments"), self.table("diary")
        course = self.copy(session, self.table("courses"), self.first(session, "courses"))
        visit = self.first(session, "appointments")
        later = timedelta(weeks=week)
        times = {column: visit[column] + later for column in ("starts_at", "ends_at")}
        mine = self.copy(session, visits, visit, course_id=course, **times)
        rows = session.execute(select(entries).where(entries.c.appointment_id == visit["id"]))
        for row in rows.mappings().all():
            later_minutes = week * MINUTES_OF_A_WEEK
            minutes = {
                column: row[column] + later_minutes for column in ("from_minute", "to_minute")
            }
            self.copy(session, entries, row, appointment_id=mine, **minutes)
        return mine

    def change(self, session: Session) -> None:
        """Rewrite whole rows, every column of them."""
        for name in ("clinics", "patients", "treatments", "practitioners"):
            row = dict(self.first(session, name))
            table = self.table(name)
            session.execute(update(table).where(table.c.id == row["id"]).values(row))

    def cancel(self, session: Session, appointment: int) -> None:
        visits, entries = self.table("appointments"), self.table("diary")
        session.execute(delete(entries).where(entries.c.appointment_id == appointment))
        session.execute(update(visits).where(visits.c.id == appointment).values(state="cancelled"))

    def table(self, name: str) -> Table:
        return self.tables.tables[name]

    def first(self, session: Session, name: str) -> RowMapping:
        table = self.table(name)
        return session.execute(select(table).order_by(table.c.id).limit(1)).mappings().one()

    def copy(self, session: Session, table: Table, row: RowMapping, **other: Any) -> int:
        values = {name: value for name, value in {**row, **other}.items() if name != "id"}
        return int(session.execute(insert(table).values(values).returning(table.c.id)).scalar_one())

    @contextmanager
    def at_work(self) -> Any:
        """Clerks work before, during and after the migration."""
        with ThreadPoolExecutor(CLERKS) as threads:
            for clerk in range(CLERKS):
                threads.submit(self.work, clerk)
            try:
                self.wait_for_a_turn()
                yield
                self.wait_for_a_turn()
            finally:
                self.ended.set()

    def wait_for_a_turn(self) -> None:
        """Wait until each clerk has started and finished a turn."""
        before = list(self.done)
        for _ in range(int(PATIENCE / 0.01)):
            if all(now >= then + 2 for now, then in zip(self.done, before, strict=True)):
                return
            threading.Event().wait(0.01)
        raise AssertionError("a clerk is stuck")


def upgrade(config: Config, version: str) -> None:
    """Upgrade as an operator does: run it again when a table was locked."""
    for tried in range(1, TRIES + 1):
        try:
            command.upgrade(config, version)
        except Exception:
            if tried == TRIES:
                raise
        else:
            return


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    """The real migrations and one more, the example."""
    example = EXAMPLE.format(newest=migrations.newest())
    (tmp_path / "example.py").write_text(example)
    config = config_for(database_url)
    folders = (ROOT / "alembic" / "versions", tmp_path)
    config.set_main_option("version_locations", os.pathsep.join(map(str, folders)))
    return config


def newest(config: Config) -> list[str]:
    """The version to start from and the newest versions after it, in order."""
    steps = ScriptDirectory.from_config(config).iterate_revisions("heads", FIRST_TABLES)
    versions = [step.revision for step, _ in zip(steps, range(STEPS + 1), strict=False)]
    return [*reversed(versions)] if len(versions) > STEPS else [FIRST_TABLES, *reversed(versions)]


def test_the_previous_program_keeps_working_during_a_migration(
    database: Database, config: Config, cast: Cast
) -> None:
    with database.transaction() as session:
        book(session, cast, cast.ann)
    before, *steps = newest(config)
    database.close()
    command.downgrade(config, before)
    booked = 1

    for version in steps:
        program = Program(database)
        with program.at_work():
            upgrade(config, version)

        assert program.refused == [], version
        booked += sum(program.done)
        with database.transaction() as session:
            found = session.execute(text("SELECT count(*) FROM appointments")).scalar_one()
            assert found == booked, version
            # The calendar is free again for the program of the next version.
            session.execute(text("DELETE FROM diary WHERE appointment_id > 1"))
            session.execute(text("UPDATE appointments SET state = 'cancelled' WHERE id > 1"))

    with database.transaction() as session:
        book(session, cast, cast.bob)


def book(session: Session, cast: Cast, who: int) -> None:
    courses.book(
        session,
        OPERATOR,
        treatment=session.get_one(Treatment, cast.back),
        patient=session.get_one(Patient, who),
        wanted=wanted(MONDAY + DAY if who == cast.ann else MONDAY + 2 * DAY),
        now=NOW,
    )


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_renamed_column_would_be_noticed(database: Database, cast: Cast) -> None:
    """The test's finding about a step that breaks the previous program."""
    with database.transaction() as session:
        book(session, cast, cast.ann)
    program = Program(database)

    with program.at_work(), database.transaction() as session:
        session.execute(text("ALTER TABLE patients RENAME COLUMN name TO called"))

    assert program.refused
