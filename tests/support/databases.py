"""A fresh, migrated database for each test, on SQLite or on a real PostgreSQL.

Tests run on SQLite. Tests marked `both_databases` run on PostgreSQL too: those about constraints,
locks, claims, races, migrations, time and ordering, and for nearly every other statement of the
program one test that executes it. With `--both-databases` every test runs on both.

The migrations run once per run and kind; each test gets a copy. The first test that needs
PostgreSQL starts it; all workers of the run share it, and it ends with the run (workshop.postgres).
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from scheduler.infra.clock import use_packaged_zones
from scheduler.storage.database import Database
from tests.builders.cast import Cast, settle
from workshop import postgres

ROOT = Path(__file__).resolve().parents[2]
PLACE = "SCHEDULER_TESTS_PLACE"
"""The variable that tells the workers of a run where its servers and templates are."""

_run = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--both-databases",
        action="store_true",
        help="run every test that uses a database on SQLite and on PostgreSQL",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Open the place of this run; a worker finds it in its environment."""
    use_packaged_zones()
    if not hasattr(config, "workerinput"):
        os.environ[PLACE] = str(_run.enter_context(postgres.place(postgres.memory())))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close it, and the server with it."""
    if not hasattr(config, "workerinput"):
        os.environ.pop(PLACE, None)
        _run.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say on which databases the tests ran; pytest's closing line follows."""
    used = [f"SQLite {sqlite3.sqlite_version}"]
    if (Path(os.environ[PLACE]) / "version").exists():
        used.append(f"PostgreSQL {(Path(os.environ[PLACE]) / 'version').read_text()}")
    terminalreporter.write_line(f"Databases: {', '.join(used)}")


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh, migrated SQLite file, with the small clinic for tests of `cast`."""
    template = _sqlite_with_clinic() if "cast" in request.fixturenames else _empty_sqlite()
    return f"sqlite:///{shutil.copy(template, tmp_path / 'scheduler.db')}"


def _empty_sqlite() -> Path:
    template = place() / "template.sqlite"
    with postgres.locked(template.with_suffix(".lock")):
        if not template.exists():
            fresh = place() / "fresh.sqlite"
            migrate(f"sqlite:///{fresh}")
            fresh.rename(template)
    return template


def _sqlite_with_clinic() -> Path:
    template = place() / "clinic.sqlite"
    with postgres.locked(template.with_suffix(".lock")):
        if not template.exists():
            fresh = Path(shutil.copy(_empty_sqlite(), place() / "fresh-clinic.sqlite"))
            _open_clinic(f"sqlite:///{fresh}")
            fresh.rename(template)
    return template


def _open_clinic(url: str) -> None:
    """Store the clinic of the `cast` fixture, and its ids beside the templates."""
    database = Database(url)
    with database.transaction() as session:
        clinic = settle(session)
    _cast_file(database.engine.dialect.name).write_text(json.dumps(asdict(clinic)))
    database.close()


@pytest.fixture
def cast(database: Database) -> Cast:
    """The ids of a small clinic, which the database was copied with."""
    ids = json.loads(_cast_file(database.engine.dialect.name).read_text())
    return Cast(**{**ids, "beds": tuple(ids["beds"])})


def _cast_file(dialect: str) -> Path:
    return place() / f"cast-{dialect}"


@pytest.fixture
def postgresql_url(
    request: pytest.FixtureRequest, postgresql_server: psycopg.Connection
) -> Iterator[str]:
    """A fresh, migrated database on PostgreSQL, as `sqlite_url`; other processes may use it."""
    name = f"test_{uuid4().hex}"
    with_clinic = "cast" in request.fixturenames
    template = "postgresql_clinic" if with_clinic else "postgresql_template"
    postgres.copy(postgresql_server, request.getfixturevalue(template), name)
    yield postgres.url_of(postgres.start(place()), name)
    postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on PostgreSQL too where it is marked, unless it names its kinds of database."""
    if "database_kind" not in metafunc.fixturenames:
        return
    marks = metafunc.definition.iter_markers("parametrize")
    if any("database_kind" in mark.args[0] for mark in marks):
        return
    marked = metafunc.definition.get_closest_marker("both_databases")
    if marked or metafunc.config.getoption("both_databases"):
        metafunc.parametrize("database_kind", ["sqlite", "postgresql"])


@pytest.fixture
def database_kind() -> str:
    """`sqlite` or `postgresql`."""
    return "sqlite"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str) -> str:
    """The address of a fresh, migrated database of the kind that the test runs on."""
    url: str = request.getfixturevalue(f"{database_kind}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, open."""
    database = Database(database_url)
    remember_statements(database)
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[psycopg.Connection]:
    """A connection to the server of this run, for making and dropping databases."""
    try:
        url = postgres.start(place())
    except postgres.NoPostgres as problem:
        missing(f"no PostgreSQL: {problem}")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        (place() / "version").write_text(str(connection.info.server_version // 10000))
        yield connection


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: psycopg.Connection) -> str:
    """The name of a migrated database without connections."""
    done = place() / "template_is_made"
    with postgres.locked(done.with_suffix(".lock")):
        if not done.exists():
            postgresql_server.execute("CREATE DATABASE template_clinic")
            migrate(postgres.url_of(postgres.start(place()), "template_clinic"))
            done.touch()
    return "template_clinic"


@pytest.fixture(scope="session")
def postgresql_clinic(postgresql_server: psycopg.Connection, postgresql_template: str) -> str:
    """The name of one with the small clinic in it."""
    name, done = "template_cast", place() / "clinic_is_made"
    with postgres.locked(done.with_suffix(".lock")):
        if not done.exists():
            postgres.copy(postgresql_server, postgresql_template, name)
            _open_clinic(postgres.url_of(postgres.start(place()), name))
            done.touch()
    return name


def migrate(url: str) -> None:
    """Bring the database to the newest version, as an operator would."""
    command.upgrade(config_for(url), "head")


def config_for(url: str) -> Config:
    """Alembic's configuration for a database."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def missing(reason: str) -> NoReturn:
    """Skip the test for want of something on this machine; where all has to be there, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and there is {reason}", pytrace=False)
    pytest.skip(reason)


def place() -> Path:
    """The folder of this run, for servers, templates and locks."""
    return Path(os.environ[PLACE])


_known: dict[str, Any] = {}


def remember_statements(database: Database) -> None:
    """Let all databases of a kind share SQLAlchemy's compiled statements.

    They are the same for all databases, and compiling them is a good part of a test's cost. The
    program has one database and compiles them once.
    """
    engine = database.engine
    first = _known.setdefault(engine.dialect.name, engine)
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
