"""Migrate the database of DATABASE_URL (or of the caller's `sqlalchemy.url`) to a version.

Concurrent migrations queue: on PostgreSQL on an advisory lock, on SQLite on the write lock of the
file.
"""

import os

from alembic import context
from sqlalchemy import Connection, text

from scheduler.maintenance.tables import metadata
from scheduler.storage.database import Database

MIGRATION_LOCK = 7_203_417_554_018_221
"""A number that no other code in this database locks."""


PATIENCE = 60.0
"""Seconds to wait for another process that migrates the same SQLite file."""


LOCK_SECONDS = 2
"""Seconds that a step may wait for a table in use."""


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Render our column types as SQLAlchemy types, because migrations must not import code."""
    if kind == "type" and type(item).__name__ == "Instant":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(item).__name__ == "AutoString":
        length = getattr(item, "length", None)
        return f"sa.String(length={length})" if length else "sa.String()"
    return False


def migrate(connection: Connection) -> None:
    """Run the requested migrations on an open connection, in one transaction."""
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
            # A step that waits for a table blocks all others from it, so give up soon, roll back
            # and let the operator retry.
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
