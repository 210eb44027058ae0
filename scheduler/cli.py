"""Commands. Errors are a sentence or two on standard error; 0 done, 1 could not, 2 wrong usage."""

import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from sqlmodel import Session

from scheduler import app as application
from scheduler import demo as demonstration
from scheduler import doctor as examination
from scheduler.audit import audit_trail
from scheduler.audit.audit_trail import OPERATOR, WORKER
from scheduler.clinic import setup, zone_rules
from scheduler.infra import phone as phones
from scheduler.infra import settings as configuration
from scheduler.infra import telemetry
from scheduler.infra.clock import Clock, SystemClock, use_packaged_zones
from scheduler.infra.errors import Misconfigured, Problem, Unavailable
from scheduler.infra.settings import Settings
from scheduler.maintenance import rezone
from scheduler.sms import twilio
from scheduler.sms.console import Console
from scheduler.sms.sender import LeaseLost, Sender, Unknown
from scheduler.staff import accounts
from scheduler.staff.roles import Role
from scheduler.storage import installation, migrations, shared_clock
from scheduler.storage.database import Busy, Database
from scheduler.worker import Worker

TEST_TEXT = "This is a test of our texts. If you did not expect it, please ignore it."
KEEP_ALIVE = 5
GRACE = 20
"""Seconds that requests under way may take when the server is told to end."""

commands = typer.Typer(
    help="Books whole courses of treatment and texts each patient around every session.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
staff = typer.Typer(help="Members of staff and their keys.", no_args_is_help=True)
commands.add_typer(staff, name="staff")

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]


def main() -> None:
    """Run a command; what goes wrong becomes a sentence and an exit code."""
    try:
        commands()
    except Problem as problem:
        _fail(problem.sentence)
    except Busy:
        _fail(Unavailable().sentence)
    except UnicodeError:
        _fail("What was typed is not text in UTF-8.")
    except OSError as problem:
        _fail(f"{problem.strerror or problem}: {problem.filename or 'the system'}")


@commands.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    *,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Send no texts.")] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill the database first, if it is empty.")
    ] = False,
) -> None:
    """Web and worker in one process. Migrates SQLite by itself."""
    _check_free(host, port)
    with _opened(public_url=_here(host, port)) as (settings, database):
        database.check_whole()
        if database.is_sqlite:
            migrations.upgrade(database)
        _check_version(database)
        if demo:
            _fill(database, only_if_empty=True)
        with shared_clock.of(database) as clock:
            worker = None if no_worker else _worker(settings, database, clock)
            here = _here(host, port)
            _say(f"Open {here} to book a course")
            _say(f"Open {here}/docs for the API of staff")
            if settings.sms == "console":
                _say("Texts are printed here, not sent. Ctrl-C ends it.")
            _serve(settings, database, clock, host, port, worker=worker)


@commands.command()
def web(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Only the web, as many processes as wanted."""
    _check_free(host, port)
    with _opened(public_url=_here(host, port)) as (settings, database):
        database.check_whole()
        _check_version(database)
        with shared_clock.of(database) as clock:
            _serve(settings, database, clock, host, port, worker=None)


@commands.command()
def worker() -> None:
    """Only the worker, as many processes as wanted."""
    with _opened() as (settings, database):
        database.check_whole()
        _check_version(database)
        _follow_zones(database)
        with shared_clock.of(database) as clock:
            working = _worker(settings, database, clock)
            stop = _on_signal()
            working.start()
            stop.wait()
            working.stop()


@commands.command()
def migrate() -> None:
    """Bring the database to the newest version."""
    with _opened() as (_, database):
        migrations.upgrade(database)
    _say(f"The database has version {migrations.newest()}.")


@commands.command()
def backup(target: Path) -> None:
    """Copy the SQLite database into a new file, while it is in use, and see that it is whole.

    Of any version: what is to be migrated is copied before.
    """
    with _opened() as (_, database):
        with database.transaction(write=False) as session:
            if migrations.present(session) is None:
                raise Misconfigured("There is nothing to copy where DATABASE_URL says.")
        database.copy(target)
    _say(
        f"{target} is a whole copy. Keep the SECRET_KEY too, elsewhere: links need both. Where"
        " none was set, it is the file secret_key beside the database."
    )


@commands.command("rezone")
def follow_clocks(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would follow, and what could not.")
    ] = False,
) -> None:
    """Let all that is booked keep its wall time by the newest zone data. Done at each start too."""
    with _opened() as (_, database):
        _check_version(database)
        report = rezone.run(
            database,
            OPERATOR,
            now=SystemClock().now(),
            version=zone_rules.packaged_version(),
            dry_run=dry_run,
        )
    for sentence in report.sentences():
        _say(sentence)
    if report.outlook.clashes:
        raise typer.Exit(1)


@commands.command("move-house", hidden=True)  # the name before 0.2.0
@commands.command("set-origin")
def set_origin() -> None:
    """Send texts for PUBLIC_URL from now on, after the clinic's address has changed."""
    with _opened() as (settings, database):
        _check_version(database)
        with database.transaction() as session:
            installation.set_origin(session, settings.public_url)
            audit_trail.record(
                session,
                OPERATOR,
                "moved",
                "installation",
                installation.THE_ONLY_ONE,
                clinic_id=None,
                now=SystemClock().now(),
                public_url=settings.public_url,
            )
    _say(f"Texts go out for {settings.public_url} from now on.")


@commands.command()
def demo(
    *,
    fast: Annotated[
        bool, typer.Option("--fast", help="Show a course's weeks, in a database of its own.")
    ] = False,
    day_seconds: Annotated[
        float, typer.Option(min=5, max=3600, help="How long a day takes with --fast.")
    ] = 60.0,
) -> None:
    """Fill an empty database with a demo clinic."""
    if fast:
        _watch(day_seconds)
        return
    with _opened() as (_, database):
        migrations.upgrade(database)
        _fill(database, only_if_empty=False)
    _say("The demo clinic is open.")


@staff.command("add")
def add_member(
    email: str,
    *,
    name: Annotated[str, typer.Option(help="What they are called.")],
    role: Annotated[Role, typer.Option(help="What they may do.")],
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password, do not ask for it."),
    ] = False,
    clinic: Annotated[
        list[int] | None, typer.Option(help="A clinic they may see; default: all.")
    ] = None,
) -> None:
    """A new member of staff."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif sys.stdin.isatty():
        password = typer.prompt(
            "A password of 12 characters or more", hide_input=True, confirmation_prompt=True
        )
    else:
        raise typer.BadParameter("give --password-stdin and the password on standard input")
    # Bytes that are no text come in as lone surrogates, which no database can keep.
    password.encode()

    def add(session: Session) -> None:
        for clinic_id in clinic or ():
            setup.find_clinic(session, OPERATOR, clinic_id)
        accounts.add(
            session,
            email=email,
            name=name,
            role=role,
            password=password,
            clinic_ids=clinic or None,
            now=SystemClock().now(),
        )

    _in_transaction(add)
    _say(f"{email} may now sign in.")


@staff.command("key")
def make_key(
    email: str, *, label: Annotated[str, typer.Option(help="What the key is for.")]
) -> None:
    """Print a new API key, once."""
    made: list[str] = []

    def make(session: Session) -> None:
        member = accounts.find(session, email)
        made.append(accounts.make_key(session, member, label=label, now=SystemClock().now()))

    _in_transaction(make)
    print(made[0])


@commands.command()
def doctor() -> None:
    """Look at everything that must be right, and say how to mend what is not."""
    wrong = False
    with _opened() as (settings, database):
        carrier = None if settings.sms == "console" else _sender(settings)
        for finding in examination.examine(
            settings, database, carrier=carrier, now=SystemClock().now()
        ):
            mark = "WRONG" if finding.is_wrong else "note" if finding.remedy else "ok"
            print(f"{mark:5} {finding.subject}: {finding.sentence} {finding.remedy}".rstrip())
            wrong = wrong or finding.is_wrong
    if wrong:
        raise typer.Exit(1)


@commands.command("text-me")
def text_me(number: str) -> None:
    """Send one test text."""
    if not number.startswith("+"):
        raise typer.BadParameter("give the number with + and its country code")
    country = phones.country_of(number)
    try:
        with _opened() as (settings, _):
            allowed = settings.countries or {country}
            to = phones.normalise(number, country=country, allowed=allowed)
            _sender(settings).send(to=to, text=TEST_TEXT, receipt_url=None, valid_seconds=600)
    except (Unknown, LeaseLost) as problem:
        _fail(str(problem) or "Nobody knows whether the text went out.")
    _say("The carrier has taken it.")


@contextmanager
def _opened(*, public_url: str | None = None) -> Iterator[tuple[Settings, Database]]:
    """The settings and the database that they name; nothing is asked of it yet.

    `public_url`: where patients find us if the settings do not say.
    """
    use_packaged_zones()
    # What we write, the database above all, is for our own eyes.
    os.umask(0o077)
    settings = configuration.read()
    if public_url is not None and "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": public_url})
    telemetry.set_up(settings.log_format)
    database = Database(settings.database_url)
    database.make_folder()
    try:
        yield settings, database
    finally:
        database.close()


def _here(host: str, port: int) -> str:
    """The address of this machine's own server, as a browser on it would open it."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - named, not bound
    return f"http://{name}:{port}"


def _check_free(host: str, port: int) -> None:
    """Misconfigured where somebody listens on the port already."""
    try:
        with socket.create_server((host, port), family=_family(host)):
            return
    except OSError as problem:
        raise Misconfigured(
            f"Port {port} of {host} cannot be had: {problem.strerror}. Choose another with --port."
        ) from problem


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _check_version(database: Database) -> None:
    with database.transaction(write=False) as session:
        present = migrations.present(session)
    if present != migrations.newest():
        raise Unavailable(
            "The database has another version than this program. "
            + (
                "Run `scheduler migrate` first."
                if present is None or migrations.knows(present)
                else "It is newer: install the newer program."
            )
        )


def _follow_zones(database: Database) -> None:
    """What was booked under other zone data keeps its wall time."""
    report = rezone.at_start(
        database, WORKER, now=SystemClock().now(), version=zone_rules.packaged_version()
    )
    if report is not None and (report.outlook.shifts or report.outlook.clashes):
        for sentence in report.sentences():
            _say(sentence)


def _serve(
    settings: Settings,
    database: Database,
    clock: Clock,
    host: str,
    port: int,
    *,
    worker: Worker | None,
) -> None:
    _follow_zones(database)
    created = application.create(settings, database, clock, worker=worker)
    # When it has ended, uvicorn raises the signal that ended it once more. With our own handler in
    # place that says nothing new, and the command ends with 0: what was under way has been done.
    _on_signal()
    uvicorn.run(
        created,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Only then is whoever a proxy says it speaks for believed to be the one who asks.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )


def _worker(settings: Settings, database: Database, clock: Clock) -> Worker:
    if settings.sms == "twilio":
        with database.transaction() as session:
            installation.claim_origin(session, settings.public_url)
    return Worker(
        database,
        _sender(settings),
        clock,
        key=settings.secret_key,
        public_url=settings.public_url,
        per_second=settings.sms_per_second if settings.sms == "twilio" else None,
        concurrency=settings.sms_concurrency,
    )


def _sender(settings: Settings) -> Sender:
    if settings.sms == "console":
        return Console(_say, lambda: SystemClock().now().astimezone())
    return twilio.connect(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token,
        api_key=settings.twilio_api_key or None,
        api_secret=settings.twilio_api_secret or None,
        messaging_service_sid=settings.twilio_messaging_service_sid or None,
        from_number=settings.twilio_from or None,
        api_url=settings.twilio_api_url or None,
    )


def _fill(database: Database, *, only_if_empty: bool) -> None:
    with database.transaction() as session:
        if not only_if_empty or demonstration.is_empty(session):
            demonstration.fill(session, now=SystemClock().now())


def _watch(day_seconds: float) -> None:
    """The demo in fast motion lives in a folder of its own and leaves nothing behind."""
    use_packaged_zones()
    with tempfile.TemporaryDirectory(prefix="scheduler-demo-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'demo.db'}")
        migrations.upgrade(database)
        demonstration.watch(
            database,
            day_seconds=day_seconds,
            now=SystemClock().now(),
            write=_say,
            key="the demo keeps no secrets from those who watch it",
            public_url="http://127.0.0.1:8000",
            stop=_on_signal(),
        )
        database.close()


def _in_transaction(story: Callable[[Session], object]) -> None:
    with _opened() as (_, database):
        _check_version(database)
        with database.transaction() as session:
            story(session)


def _on_signal() -> threading.Event:
    """Set when the process is asked to end."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop


def _say(words: str) -> None:
    print(words, flush=True)


def _fail(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
