"""Check that the migrations create exactly the tables that the models describe.

Runs on SQLite and PostgreSQL. The tests cover triggers and exclusion constraints, which Alembic
does not compare.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from scheduler.maintenance.tables import metadata
from scheduler.storage.database import Database
from workshop import postgres

ROOT = Path(__file__).resolve().parent.parent

GUARDS = {"unseated"}
"""Tables that only SQLite triggers use; they have no model."""


def main() -> int:
    """Print each difference; return 1 if there is one."""
    with tempfile.TemporaryDirectory() as folder, postgres.place() as place:
        urls = [f"sqlite:///{folder}/fresh.db", postgres.start(place)]
        found = [difference for url in urls for difference in differences(url)]
    for difference in found:
        print(difference, file=sys.stderr)
    if not found:
        print("Migrations and models match, on SQLite and PostgreSQL.")
    return 1 if found else 0


def differences(url: str, wanted: MetaData = metadata) -> list[str]:
    """The operations that a new migration would need; empty if migrations and models match."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "include_name": _is_ours}
            )
            steps: list[Any] = compare_metadata(context, wanted)
    finally:
        database.close()
    return [f"{connection.dialect.name}: {step}" for step in steps]


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name in GUARDS)


if __name__ == "__main__":
    sys.exit(main())
