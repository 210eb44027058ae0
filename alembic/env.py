"""Bring the database of DATABASE_URL (or of the caller's `sqlalchemy.url`) to a version.

Two processes that migrate at once queue: on PostgreSQL on an advisory lock, on SQLite on the
write lock of the file.
"""

import os

from alembic import context
from sqlalchemy import Connection, text

from scheduler.maintenance.tables import metadata
from scheduler.storage.database import Database

MIGRATION_LOCK = 7_203_417_554_018_221
"""Any number that nothing else in this database locks."""


PATIENCE = 60.0
"""Seconds to wait for another process that migrates the same SQLite file: it may take its time."""


LOCK_SECONDS = 2
"""How long a step may wait for a table that others are using."""


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Our column type is, in the database, a plain timestamp: migrations must not import code."""
    if kind == "type" and type(item).__name__ == "Instant":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(item).__name__ == "AutoString":
        length = getattr(item, "length", None)
        return f"sa.String(length={length})" if length else "sa.String()"
    return False


def migrate(connection: Connection) -> None:
    """Run what is asked for on an open connection, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_server_default=True,
        # Alembic would commit after each step on SQLite, which can do them all in one transaction:
        # between two steps another process found a version that was true for a moment only.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            # A step that waits for a table lets nobody else at it meanwhile: rather give up, whole,
            # and be run again.
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        context.run_migrations()


def run() -> None:
    """Open the database and migrate it."""
    url = context.config.get_main_option("sqlalchemy.url") or os.environ.get("DATABASE_URL")
    database = Database(url or "sqlite:///data/scheduler.db", patience=PATIENCE)
    database.make_folder()
    try:
        with database.alone(PATIENCE), database.engine.connect() as connection:
            migrate(connection)
    finally:
        database.close()


run()
