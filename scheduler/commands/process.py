"""What several commands need: settings and database, version check, output, signals."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from sqlmodel import Session

from scheduler.infra import settings as configuration
from scheduler.infra import telemetry
from scheduler.infra.clock import SystemClock, use_packaged_zones
from scheduler.infra.errors import Unavailable
from scheduler.infra.settings import Settings
from scheduler.sms import twilio
from scheduler.sms.console import Console
from scheduler.sms.sender import Sender
from scheduler.storage import migrations
from scheduler.storage.database import Database

PATIENCE = 30.0
"""Seconds that workers and commands wait for the database: no person waits for their answers."""


@contextmanager
def opened(
    *, public_url: str | None = None, for_requests: bool = False
) -> Iterator[tuple[Settings, Database]]:
    """The settings, and the database that they name. No query is made yet.

    `public_url`: the address of the server if the settings do not name one.
    `for_requests`: the database has the patience of requests instead of that of commands.
    """
    use_packaged_zones()
    # Files that we create, above all the database, are readable by their owner only.
    os.umask(0o077)
    settings = configuration.read()
    if public_url is not None and "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": public_url})
    telemetry.set_up(settings.log_format)
    patience = settings.database_timeout if for_requests else PATIENCE
    database = Database(settings.database_url, patience=patience)
    database.make_folder()
    try:
        yield settings, database
    finally:
        database.close()


def in_transaction(action: Callable[[Session], object]) -> None:
    """Run an action in one transaction of the configured database."""
    with opened() as (_, database):
        check_version(database)
        with database.transaction() as session:
            action(session)


def check_version(database: Database) -> None:
    """Raise Unavailable unless the database has the version that this program needs."""
    with database.transaction(write=False) as session:
        version = migrations.present(session)
    if version == migrations.newest():
        return
    if version is None or migrations.knows(version):
        raise Unavailable(
            f"The database has version {version or 'none'}, this program needs"
            f" {migrations.newest()}. Run `scheduler migrate` first."
        )
    raise Unavailable(
        f"The database has version {version}, which this program does not know."
        " Install the newer program."
    )


def sender(settings: Settings) -> Sender:
    """The sender that the settings name: the console or Twilio."""
    if settings.sms == "console":
        return Console(say, lambda: SystemClock().now().astimezone())
    return twilio.connect(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token,
        api_key=settings.twilio_api_key or None,
        api_secret=settings.twilio_api_secret or None,
        messaging_service_sid=settings.twilio_messaging_service_sid or None,
        from_number=settings.twilio_from or None,
        api_url=settings.twilio_api_url or None,
    )


def stop_signal() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def fail(sentence: str) -> NoReturn:
    """End the command with exit code 1 and a sentence on standard error."""
    print(sentence, file=sys.stderr)
    raise SystemExit(1)
