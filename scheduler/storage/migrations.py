"""Runs the migrations in `alembic/versions` and compares versions."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from scheduler.infra.errors import Misconfigured
from scheduler.storage.database import Database, translated

ROOT = Path(__file__).parents[2]


def upgrade(database: Database) -> None:
    """Migrate to the newest version.

    Raises Unavailable or Busy if the database is not free, and Misconfigured for a version that
    this program does not know.
    """
    database.make_folder()
    config = _config()
    # Alembic interpolates this option, so a percent sign in a password must be doubled.
    url = database.url.render_as_string(hide_password=False).replace("%", "%%")
    config.set_main_option("sqlalchemy.url", url)
    try:
        command.upgrade(config, "head")
    except DBAPIError as problem:
        raise translated(problem) from problem
    except CommandError as problem:
        raise Misconfigured(
            "Another version of this program migrated the database, and this one does not know its"
            f" version ({problem}). Run the version that migrated it, or a newer one."
        ) from problem


def newest() -> str | None:
    """The version that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def knows(version: str | None) -> bool:
    """Whether this program has the version. If not, a newer program migrated the database."""
    try:
        return bool(version and ScriptDirectory.from_config(_config()).get_revision(version))
    except CommandError:
        return False


def present(session: Session) -> str | None:
    """The version that the database has; None before the first migration."""
    try:
        with session.begin_nested():
            return session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError:
        return None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic").replace("%", "%%"))
    return config
