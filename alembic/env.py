"""Migrate the database of DATABASE_URL, or of `sqlalchemy.url` where the caller set it.

Two processes that migrate at the same time queue: on PostgreSQL for an advisory lock, on SQLite for
the write lock of the file.
"""

import os
from collections.abc import Mapping

from alembic import context
from sqlalchemy import Connection, inspect, text

from scheduler.maintenance.tables import metadata
from scheduler.storage.database import Database

MIGRATION_LOCK = 7_203_417_554_018_221
"""Key of the advisory lock. Nothing else in this database uses that number."""

SQLITE_WAIT_SECONDS = 60.0
"""How long to wait for another process that migrates the same SQLite file."""

TABLE_WAIT_SECONDS = 2
"""How long a migration waits for a table that another transaction uses."""

TABLES_WITHOUT_MODELS = {"unseated"}
"""Tables that only SQLite triggers write to (migration 0002)."""

RETIRED_COLUMNS = {"news_at", "reassigned_at", "givers"}
"""Columns of appointments that migration 0003 left for older processes. A later one drops them."""


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write our column types as plain SQLAlchemy types: a migration must not import the program."""
    if kind == "type" and type(item).__name__ == "Instant":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(item).__name__ == "AutoString":
        length = getattr(item, "length", None)
        return f"sa.String(length={length})" if length else "sa.String()"
    return False


def include_name(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
    """Whether Alembic compares this table, column or index with the models."""
    if kind == "column" and parents.get("table_name") == "appointments":
        return name not in RETIRED_COLUMNS
    return not (kind == "table" and name in TABLES_WITHOUT_MODELS)


def migrate(connection: Connection) -> None:
    """Run the command that Alembic was called with, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        include_name=include_name,
        render_as_batch=connection.dialect.name == "sqlite",
        # On SQLite Alembic would commit after each migration, and other processes would see
        # versions in between. SQLite can change tables in a transaction, so run all in one.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            # While a migration waits for a table, all later queries of that table wait behind it.
            # Give up soon and roll back everything; the operator can run it again.
            connection.execute(text(f"SET LOCAL lock_timeout = '{TABLE_WAIT_SECONDS}s'"))
        adopt_squashed_version(connection)
        context.run_migrations()
        if connection.dialect.name == "sqlite" and (
            lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        ):
            raise RuntimeError(f"A row of {lost[0]} refers to a row that does not exist.")


def adopt_squashed_version(connection: Connection) -> None:
    """Rename the last version before the first 27 migrations became two; its schema is the same."""
    if inspect(connection).has_table("alembic_version"):
        connection.execute(
            text("UPDATE alembic_version SET version_num = '0002' WHERE version_num = '0027'")
        )


def run() -> None:
    """Open the database and migrate it."""
    url = context.config.get_main_option("sqlalchemy.url") or os.environ.get("DATABASE_URL")
    database = Database(
        url or "sqlite:///data/scheduler.db",
        patience=SQLITE_WAIT_SECONDS,
        endless_statements=True,
    )
    database.make_folder()
    try:
        with (
            database.alone(SQLITE_WAIT_SECONDS),
            database.engine.connect() as connection,
        ):
            if database.is_sqlite:
                # Not possible inside the transaction. A migration that creates a table again drops
                # the old one, which would delete the rows that refer to it.
                connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
            migrate(connection)
    finally:
        database.close()


run()
