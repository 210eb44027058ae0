"""Checks an installation. A finding says what is wrong, then how to fix it."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal
from sqlmodel import select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.clinic import zone_rules
from scheduler.infra.errors import Problem
from scheduler.infra.settings import Settings
from scheduler.maintenance import rezone
from scheduler.reminders.models import Message, MessageState
from scheduler.reminders.outbox import bulk_holds
from scheduler.reminders.staff import attention
from scheduler.reminders.texts import default_texts
from scheduler.sms.sender import Refused, Sender, TryLater
from scheduler.storage import installation, migrations, sqlite_file
from scheduler.storage.database import Busy, Database

MAX_CLOCK_DIFFERENCE = timedelta(seconds=60)
OVERDUE = timedelta(minutes=5)

NO_MESSAGE = "SM" + "0" * 32
"""An id that no message has. The carrier's answer shows whether it accepts our credentials."""


@dataclass(frozen=True)
class Finding:
    """The result of one check. `remedy` is empty if nothing needs to be done."""

    subject: str
    sentence: str
    remedy: str = ""
    is_warning: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether the installation should not be used before this is fixed."""
        return bool(self.remedy) and not self.is_warning


def examine(
    settings: Settings, database: Database, *, carrier: Sender | None, now: datetime
) -> Iterator[Finding]:
    """Run all checks. A check that fails gives a finding too.

    `carrier`: the sender of texts; None if texts are printed.
    """
    yield _configuration(settings)
    database_finding = _guarded("database", lambda: _database(database))
    yield database_finding
    if not database_finding.is_wrong:
        yield _guarded("clock", lambda: _clock(database, now))
        migrations_finding = _guarded("migrations", lambda: _migrations(database))
        yield migrations_finding
        if not migrations_finding.is_wrong:  # then the tables exist that these checks read
            yield _guarded("texts", lambda: _overdue(database, now))
            yield _guarded("zones", lambda: _zones(database, now))
            yield _guarded("origin", lambda: _origin(settings, database))
    yield _carrier(carrier)


def _configuration(settings: Settings) -> Finding:
    if settings.sms == "twilio" and not settings.public_url.startswith("https://"):
        return Finding(
            "configuration",
            f"PUBLIC_URL is {settings.public_url}, so links in texts would not be private.",
            "Set PUBLIC_URL to the https address that patients and Twilio see.",
        )
    if len(settings.public_url) > default_texts.LONGEST_ADDRESS:
        return Finding(
            "configuration",
            f"PUBLIC_URL has {len(settings.public_url)} characters, so some texts with a link take"
            " two segments and cost twice as much.",
            f"Use an address of at most {default_texts.LONGEST_ADDRESS} characters, or shorten the"
            " texts.",
            is_warning=True,
        )
    return Finding("configuration", f"The address for patients is {settings.public_url}.")


def _database(database: Database) -> Finding:
    with database.transaction(write=False) as session:
        session.exec(select(literal(1))).one()
    database.check_whole()
    if database.is_sqlite and sqlite_file.has_reset_fault(sqlite3.sqlite_version_info):
        return Finding(
            "database",
            f"The file is not damaged. SQLite {sqlite3.sqlite_version} can lose a commit if another"
            " program truncates the log during a write (fixed in 3.51.3).",
            "Let no other program write to the file, or use PostgreSQL. This program's own"
            " processes take turns.",
            is_warning=True,
        )
    return Finding("database", "The database answers.")


def _migrations(database: Database) -> Finding:
    with database.transaction(write=False) as session:
        version = migrations.present(session)
    if version == migrations.newest():
        return Finding("migrations", f"The database has version {version}, which is right.")
    return Finding(
        "migrations",
        f"The database has version {version or 'none'}; this program needs {migrations.newest()}.",
        "Run `scheduler migrate`.",
    )


def _clock(database: Database, now: datetime) -> Finding:
    if database.is_sqlite:
        return Finding("clock", f"It is {now:%Y-%m-%d %H:%M} UTC.")
    with database.transaction(write=False) as session:
        database_now = session.exec(select(func.clock_timestamp())).one()
    difference = abs(database_now.astimezone(UTC) - datetime.now(UTC))
    if difference > MAX_CLOCK_DIFFERENCE:
        return Finding(
            "clock",
            "The clocks of this machine and the database differ by"
            f" {difference.total_seconds():.0f} seconds.",
            "Synchronize both with NTP.",
        )
    return Finding("clock", f"It is {now:%Y-%m-%d %H:%M} UTC here and in the database.")


def _overdue(database: Database, now: datetime) -> Finding:
    with database.transaction(write=False) as session:
        overdue = session.exec(
            select(func.count())
            .select_from(Message)
            .where(Message.state == MessageState.OWED, Message.due_at < now - OVERDUE)
            .where(Message.expires_at > now, ~bulk_holds.holds_back())
        ).one()
        held = attention.news_held(session)
    if overdue:
        return Finding(
            "texts",
            f"{overdue} texts have been due for more than five minutes.",
            "Start a worker: `scheduler worker`, or `scheduler serve` without --no-worker.",
        )
    if held:
        return Finding(
            "texts",
            held,
            "See GET /api/v1/mass-texts?state=held, then confirm or stop each of them.",
            is_warning=True,
        )
    return Finding("texts", "No text is overdue.")


def _zones(database: Database, now: datetime) -> Finding:
    version = zone_rules.packaged_version()
    with database.transaction(write=False) as session:
        names = zone_rules.zones_of_clinics(session)
        objection = zone_rules.objection(session, version)
    if objection:
        sentence, _, remedy = objection.partition(". ")
        return Finding("zones", f"{sentence}.", remedy)
    for name in names:
        ZoneInfo(name)
    outlook = rezone.run(database, OPERATOR, now=now, version=version, dry_run=True).outlook
    if outlook.shifts or outlook.clashes:
        return Finding(
            "zones",
            f"With zone data {version}, {len(outlook.shifts) + len(outlook.clashes)} sessions or"
            " absences are not at the wall time that was agreed.",
            "Run `scheduler rezone`. It lists those that it cannot move: give them another time.",
        )
    return Finding("zones", f"Zone data {version} has the zone of every clinic.")


def _origin(settings: Settings, database: Database) -> Finding:
    if settings.sms == "console":
        return Finding("origin", "This installation sends no texts, so the database may be a copy.")
    with database.transaction(write=False) as session:
        objection = installation.foreign_origin(session, settings.public_url)
    if objection:
        sentence, _, remedy = objection.partition(". ")
        return Finding("origin", f"{sentence}.", remedy)
    return Finding("origin", f"The database sends texts for {settings.public_url}.")


def _carrier(carrier: Sender | None) -> Finding:
    if carrier is None:
        return Finding("carrier", "Texts are printed here and not sent (SMS=console).")
    try:
        carrier.fetch(NO_MESSAGE)
    except (Refused, TryLater) as problem:
        return Finding(
            "carrier", problem.sentence, "Check the TWILIO_* settings and Twilio's console."
        )
    return Finding("carrier", "The carrier answers and accepts our credentials.")


def _guarded(subject: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Busy:
        return Finding(subject, "The database is busy.", "Try again in a moment.")
    except Problem as problem:
        return Finding(subject, problem.sentence, "Check DATABASE_URL and the database.")
