"""demo: fill an empty database, or show a course in fast motion."""

import tempfile
from pathlib import Path

from scheduler import demo as demonstration
from scheduler.commands.process import opened, say, stop_signal
from scheduler.infra.clock import SystemClock, use_packaged_zones
from scheduler.storage import migrations
from scheduler.storage.database import Database


def demo() -> None:
    """Migrate an empty database and fill it with the demo clinic."""
    with opened() as (_, database):
        migrations.upgrade(database)
        fill(database, only_if_empty=False)
    say("The demo clinic is ready.")


def fill(database: Database, *, only_if_empty: bool) -> None:
    """Add the demo clinic. For a database with a clinic: do nothing, or raise Conflict."""
    with database.transaction() as session:
        if not only_if_empty or demonstration.is_empty(session):
            demonstration.fill(session, now=SystemClock().now())


def watch(day_seconds: float) -> None:
    """Show a course in fast motion, with a temporary database."""
    use_packaged_zones()
    with tempfile.TemporaryDirectory(prefix="scheduler-demo-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'demo.db'}")
        migrations.upgrade(database)
        demonstration.watch(
            database,
            day_seconds=day_seconds,
            now=SystemClock().now(),
            write=say,
            key="not a secret, because the demo prints every text",
            public_url="http://127.0.0.1:8000",
            stop=stop_signal(),
        )
        database.close()
