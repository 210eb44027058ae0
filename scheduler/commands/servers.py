"""serve, web, worker: the processes that run until they are stopped."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from scheduler import app as application
from scheduler.audit.audit_trail import WORKER
from scheduler.clinic import zone_rules
from scheduler.commands import demo
from scheduler.commands.process import (
    PATIENCE,
    check_version,
    opened,
    say,
    sender,
    stop_signal,
)
from scheduler.http.connections import BACKLOG, ConnectionLimits, limited, most_connections
from scheduler.infra.clock import Clock, SystemClock
from scheduler.infra.errors import Misconfigured
from scheduler.infra.settings import Settings
from scheduler.maintenance import rezone
from scheduler.storage import installation, migrations, shared_clock
from scheduler.storage.database import Database
from scheduler.worker import Worker

KEEP_ALIVE_SECONDS = 5
SHUTDOWN_SECONDS = 20
"""How long requests in progress may take when the server stops."""


def serve(host: str, port: int, *, with_worker: bool, with_demo: bool) -> None:
    """Run the web server and, unless `with_worker` is false, the worker in this process."""
    _check_port(host, port)
    url = _local_url(host, port)
    with opened(public_url=url, for_requests=True) as (settings, database):
        database.check_whole()
        if database.is_sqlite:
            migrations.upgrade(database)
        check_version(database)
        if with_demo:
            demo.fill(database, only_if_empty=True)
        with shared_clock.of(database) as clock, _patient(database) as patient:
            worker = _worker(settings, patient, clock) if with_worker else None
            say(f"Open {url} to book a course")
            say(f"Open {url}/docs for the staff API")
            if settings.sms == "console":
                say("Texts are printed here and not sent. Press Ctrl-C to stop.")
            _serve(settings, database, clock, host, port, worker=worker)


def web(host: str, port: int) -> None:
    """Run the web server only."""
    _check_port(host, port)
    with opened(public_url=_local_url(host, port), for_requests=True) as (settings, database):
        database.check_whole()
        check_version(database)
        with shared_clock.of(database) as clock:
            _serve(settings, database, clock, host, port, worker=None)


def worker() -> None:
    """Run the worker only."""
    with opened() as (settings, database):
        database.check_whole()
        check_version(database)
        _follow_zones(database)
        with shared_clock.of(database) as clock:
            process = _worker(settings, database, clock)
            stop = stop_signal()
            process.start()
            stop.wait()
            process.stop()


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
    limits = ConnectionLimits(
        seconds=settings.client_timeout,
        per_address=settings.connections_per_address,
        total=most_connections(),
        proxies=settings.proxies,
    )
    app = application.create(settings, database, clock, worker=worker)
    # After a graceful shutdown, uvicorn raises the signal again. Our handler ignores it, so that
    # the command ends with exit code 0.
    stop_signal()
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=limited(limits),
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        # Believe a proxy about the client's address only if the settings trust that proxy.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _worker(settings: Settings, database: Database, clock: Clock) -> Worker:
    if settings.sms == "twilio":
        with database.transaction() as session:
            installation.claim_origin(session, settings.public_url)
    return Worker(
        database,
        sender(settings),
        clock,
        key=settings.secret_key,
        public_url=settings.public_url,
        per_second=settings.sms_per_second if settings.sms == "twilio" else None,
        concurrency=settings.sms_concurrency,
    )


@contextmanager
def _patient(database: Database) -> Iterator[Database]:
    """The same database for work that no request waits for.

    On SQLite it is the same object, because both share the turn to write.
    """
    if database.is_sqlite:
        yield database
        return
    url = database.url.render_as_string(hide_password=False)
    patient = Database(url, patience=PATIENCE)
    try:
        yield patient
    finally:
        patient.close()


def _follow_zones(database: Database) -> None:
    """Keep the wall time of everything that was booked under older zone data."""
    report = rezone.at_start(
        database, WORKER, now=SystemClock().now(), version=zone_rules.packaged_version()
    )
    if report is not None and (report.outlook.shifts or report.outlook.clashes):
        for sentence in report.sentences():
            say(sentence)


def _local_url(host: str, port: int) -> str:
    """The URL of the server for a browser on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - named, not bound
    return f"http://{name}:{port}"


def _check_port(host: str, port: int) -> None:
    """Raise Misconfigured if the server could not listen on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return
    except OSError as problem:
        raise Misconfigured(
            f"The server cannot listen on port {port} of {host}: {os.strerror(problem.errno or 0)}."
            " Choose another port with --port."
        ) from problem
