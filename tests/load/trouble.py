"""Patients and staff use a clinic's server while something is wrong: how long they wait."""

import resource
import socket
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import psycopg
from sqlalchemy.engine import make_url

from tests.builders.cast import Cast
from tests.load import rush
from tests.support.outages import Wire
from tests.support.servers import Servers

GIVES_UP = 40.0
"""No request is waited for longer than this"""
OPENAPI = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Wait:
    """One request: whose, how long it took, and its status; 0 without an answer."""

    role: str
    seconds: float
    status: int


@dataclass(frozen=True)
class Scene:
    """A server, its clinic and its database, and the wire between the two on PostgreSQL."""

    servers: Servers
    cast: Cast
    key: str
    database_url: str
    wire: Wire | None = None
    numbers: Iterator[int] = field(default_factory=count)
    """The next client to book"""

    @property
    def address(self) -> str:
        return self.servers.addresses[0]


@contextmanager
def nothing(_: Scene) -> Iterator[None]:
    yield


@contextmanager
def slow_readers(scene: Scene) -> Iterator[None]:
    """Eight clients with room for little ask for much, and read nothing."""
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(closing(_connect(scene, OPENAPI * 20)))
        yield


@contextmanager
def silent_clients(scene: Scene) -> Iterator[None]:
    """Four hundred clients connect; half of them send half a request."""
    with ExitStack() as stack:
        for number in range(400):
            with suppress(OSError):
                half = b"GET / HTTP/1.1\r\nHo" if number % 2 else b""
                stack.enter_context(closing(_connect(scene, half)))
        yield


@contextmanager
def silent_database(scene: Scene) -> Iterator[None]:
    """Nothing that is sent to the database or by it arrives."""
    assert scene.wire
    scene.wire.cut()
    try:
        yield
    finally:
        scene.wire.mend()


@contextmanager
def held_lock(scene: Scene) -> Iterator[None]:
    """Another program locks the courses, or SQLite's file."""
    url = make_url(scene.database_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    with psycopg.connect(scene.database_url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE courses")
        yield
        other.rollback()


@contextmanager
def full_disk(scene: Scene) -> Iterator[None]:
    """The server's files cannot grow beyond what SQLite has written."""
    log = Path(f"{make_url(scene.database_url).database}-wal")
    server, most = scene.servers.processes[0].pid, log.stat().st_size
    free = resource.prlimit(server, resource.RLIMIT_FSIZE)
    resource.prlimit(server, resource.RLIMIT_FSIZE, (most, free[1]))
    try:
        yield
    finally:
        resource.prlimit(server, resource.RLIMIT_FSIZE, free)


def people(scene: Scene, seconds: float) -> list[Wait]:
    """The waits of two patients, two staff members who read, one who books, and health checks."""
    requests: list[tuple[str, Callable[[httpx.Client], httpx.Response]]] = [
        ("patient", lambda client: client.get("/")),
        ("patient", lambda client: client.get(f"/treatments/{scene.cast.back}")),
        ("staff, reading", lambda client: client.get(f"/api/v1/patients/{scene.cast.ann}")),
        ("staff, reading", lambda client: client.get("/api/v1/courses")),
        ("staff, booking", lambda client: _book(client, scene.cast, next(scene.numbers))),
        ("health", lambda client: client.get("/health/live")),
        ("health", lambda client: client.get("/health/ready")),
    ]
    ends = time.monotonic() + seconds
    with ThreadPoolExecutor(len(requests)) as threads:
        each = threads.map(lambda request: _ask_until(ends, scene, request), requests)
        return [wait for waits in each for wait in waits]


def table(title: str, waits: list[Wait]) -> str:
    """Rows of Markdown: fault, role, requests, answered otherwise than 503, median, worst."""
    lines = []
    for role in dict.fromkeys(wait.role for wait in waits):
        own = [wait for wait in waits if wait.role == role]
        served = sum(wait.status not in {0, 503} for wait in own)
        seconds = [wait.seconds for wait in own]
        lines.append(
            f"| {title} | {role} | {len(own)} | {100 * served // len(own)} % |"
            f" {statistics.median(seconds):.2f} s | {max(seconds):.2f} s |"
        )
    return "\n".join(lines)


def _ask_until(
    ends: float, scene: Scene, request: tuple[str, Callable[[httpx.Client], httpx.Response]]
) -> list[Wait]:
    role, ask = request
    headers = {"Authorization": f"Bearer {scene.key}"}
    waits = []
    with httpx.Client(base_url=scene.address, headers=headers, timeout=GIVES_UP) as client:
        while time.monotonic() < ends:
            began, status = time.monotonic(), 0
            with suppress(httpx.TransportError):
                status = ask(client).status_code
            waits.append(Wait(role, time.monotonic() - began, status))
            threading.Event().wait(0.1)
    return waits


def _book(client: httpx.Client, cast: Cast, number: int) -> httpx.Response:
    week, hour = divmod(number, 30)
    day = rush.monday() + timedelta(weeks=week, days=hour % 5)
    start = rush.at(day, (10 + hour // 5) * 60)
    body = rush.course_of(cast, number, [start])
    body["patient"]["sms_consent"] = True  # so that texts go out
    return client.post("/api/v1/courses", json=body)


def _connect(scene: Scene, sends: bytes) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(10)
    client.connect(("127.0.0.1", httpx.URL(scene.address).port))
    client.sendall(sends)
    return client
