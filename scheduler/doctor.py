"""What an operator wants to know before the clinic opens: what is wrong, and how to mend it."""

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
from scheduler.sms.sender import Refused, Sender, TryLater
from scheduler.storage import installation, migrations, sqlite_file
from scheduler.storage.database import Busy, Database

CLOCKS_MAY_DIFFER = timedelta(seconds=60)
OVERDUE = timedelta(minutes=5)

NO_MESSAGE = "SM" + "0" * 32
"""Nobody's message: the answer to a question about it tells whether our credentials are good."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where all is well."""

    subject: str
    sentence: str
    remedy: str = ""
    is_warning: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether the clinic should not open like this."""
        return bool(self.remedy) and not self.is_warning


def examine(
    settings: Settings, database: Database, *, carrier: Sender | None, now: datetime
) -> Iterator[Finding]:
    """Look at everything in turn; what could not be looked at is a finding too.

    `carrier`: whoever sends our texts; None where they are printed.
    """
    yield _configuration(settings)
    database_finding = _guarded("database", lambda: _database(database))
    yield database_finding
    if not database_finding.is_wrong:
        yield _guarded("clock", lambda: _clock(database, now))
        migrated = _guarded("migrations", lambda: _migrations(database))
        yield migrated
        if not migrated.is_wrong:
            # Their tables are there.
            yield _guarded("texts", lambda: _overdue(database, now))
            yield _guarded("zones", lambda: _zones(database, now))
            yield _guarded("home", lambda: _home(settings, database))
    yield _carrier(carrier)


def _configuration(settings: Settings) -> Finding:
    if settings.sms == "twilio" and not settings.public_url.startswith("https://"):
        return Finding(
            "configuration",
            f"PUBLIC_URL is {settings.public_url}: links in texts would not be private.",
            "Set PUBLIC_URL to the https address that patients and Twilio see.",
        )
    return Finding("configuration", f"Patients find us at {settings.public_url}.")


def _database(database: Database) -> Finding:
    with database.transaction(write=False) as session:
        session.exec(select(literal(1))).one()
    database.check_whole()
    if database.is_sqlite and sqlite_file.has_reset_fault(sqlite3.sqlite_version_info):
        return Finding(
            "database",
            f"SQLite {sqlite3.sqlite_version} answers; the file is whole.",
            "Let no other program write to the file, or take PostgreSQL: before SQLite 3.51.3 one"
            " that clears the log while another writes could lose a commit. Ours take turns.",
            is_warning=True,
        )
    return Finding("database", "It answers.")


def _migrations(database: Database) -> Finding:
    with database.transaction(write=False) as session:
        present = migrations.present(session)
    if present == migrations.newest():
        return Finding("migrations", f"The database has version {present}, as it should.")
    return Finding(
        "migrations",
        f"The database has version {present or 'none'}; this program needs {migrations.newest()}.",
        "Run `scheduler migrate`.",
    )


def _clock(database: Database, now: datetime) -> Finding:
    if database.is_sqlite:
        return Finding("clock", f"It is {now:%Y-%m-%d %H:%M} UTC.")
    with database.transaction(write=False) as session:
        theirs = session.exec(select(func.clock_timestamp())).one()
    apart = abs(theirs.astimezone(UTC) - datetime.now(UTC))
    if apart > CLOCKS_MAY_DIFFER:
        return Finding(
            "clock",
            f"Our clock and the database's are {apart.total_seconds():.0f} seconds apart.",
            "Let both machines keep time by NTP.",
        )
    return Finding("clock", f"It is {now:%Y-%m-%d %H:%M} UTC here and at the database.")


def _overdue(database: Database, now: datetime) -> Finding:
    with database.transaction(write=False) as session:
        waiting = session.exec(
            select(func.count())
            .select_from(Message)
            .where(Message.state == MessageState.OWED, Message.due_at < now - OVERDUE)
            .where(Message.expires_at > now, ~bulk_holds.holds_back())
        ).one()
        held = attention.news_held(session)
    if waiting:
        return Finding(
            "texts",
            f"{waiting} texts are due for more than five minutes.",
            "Is a worker running? `scheduler worker`, or `scheduler serve` without --no-worker.",
        )
    if held:
        return Finding(
            "texts",
            held,
            "Look at GET /api/v1/mass-texts?state=held, then confirm or stop each.",
            is_warning=True,
        )
    return Finding("texts", "None is overdue.")


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
            f"By zone data {version}, {len(outlook.shifts) + len(outlook.clashes)} sessions or"
            " absences are not at the wall time that was agreed.",
            "Run `scheduler rezone`; what it cannot set right it names: give that another time.",
        )
    return Finding("zones", f"Zone data {version} knows the zone of each clinic.")


def _home(settings: Settings, database: Database) -> Finding:
    if settings.sms == "console":
        return Finding("home", "Nothing is sent from here, so a copy can do no harm.")
    with database.transaction(write=False) as session:
        objection = installation.foreign_origin(session, settings.public_url)
    if objection:
        sentence, _, remedy = objection.partition(". ")
        return Finding("home", f"{sentence}.", remedy)
    return Finding("home", f"The database is at home at {settings.public_url}.")


def _carrier(carrier: Sender | None) -> Finding:
    if carrier is None:
        return Finding("carrier", "Texts are printed here and not sent (SMS=console).")
    try:
        carrier.fetch(NO_MESSAGE)
    except (Refused, TryLater) as problem:
        return Finding("carrier", problem.sentence, "Look at TWILIO_* and at Twilio's console.")
    return Finding("carrier", "It answers, and takes our credentials.")


def _guarded(subject: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Busy:
        return Finding(subject, "It is busy.", "Try again in a moment.")
    except Problem as problem:
        return Finding(subject, problem.sentence, "Look at DATABASE_URL and at the database.")
