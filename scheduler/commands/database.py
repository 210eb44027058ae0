"""migrate, backup, rezone, set-origin: commands that maintain the database."""

from pathlib import Path

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import OPERATOR
from scheduler.clinic import zone_rules
from scheduler.commands.process import check_version, opened, say
from scheduler.infra.clock import SystemClock
from scheduler.infra.errors import Misconfigured
from scheduler.maintenance import rezone as maintenance
from scheduler.storage import installation, migrations


def migrate() -> None:
    """Migrate the database to the newest version."""
    with opened() as (_, database):
        migrations.upgrade(database)
    say(f"The database has version {migrations.newest()}.")


def backup(target: Path) -> None:
    """Copy the SQLite database, of any version, into a new file and check the copy."""
    with opened() as (_, database):
        with database.transaction(write=False) as session:
            if migrations.present(session) is None:
                raise Misconfigured(
                    "DATABASE_URL names a database without tables, so there is nothing to copy."
                    " Correct DATABASE_URL."
                )
        database.copy(target)
    say(
        f"{target} is a complete copy. Keep the SECRET_KEY in another place: private links need"
        " both. If you have not set one, it is in the file secret_key beside the database."
    )


def rezone(*, dry_run: bool) -> bool:
    """Keep the wall time of everything booked. Returns whether all of it could be kept."""
    with opened() as (_, database):
        check_version(database)
        report = maintenance.run(
            database,
            OPERATOR,
            now=SystemClock().now(),
            version=zone_rules.packaged_version(),
            dry_run=dry_run,
        )
    for sentence in report.sentences():
        say(sentence)
    return not report.outlook.clashes


def set_origin() -> None:
    """Store PUBLIC_URL as the address that this database sends texts for."""
    with opened() as (settings, database):
        check_version(database)
        with database.transaction() as session:
            installation.set_origin(session, settings.public_url)
            audit_trail.record(
                session,
                OPERATOR,
                Action.MOVED,
                "installation",
                installation.INSTALLATION_ROW_ID,
                clinic_id=None,
                now=SystemClock().now(),
                public_url=settings.public_url,
            )
    say(f"Texts are now sent for {settings.public_url}.")
