"""Clients that send nothing, send slowly or read nothing: real sockets to a real server."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from scheduler.storage.database import Database
from tests.builders.cast import settle
from tests.support.servers import Servers, api_key
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

PROMISED = 5.0
"""Other clients get an answer within this many seconds."""
OPENAPI = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def connect(address: str, sends: bytes = b"") -> socket.socket:
    """A connection with room for little of the response, that has sent something."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(10)
    client.connect(("127.0.0.1", httpx.URL(address).port))
    client.sendall(sends)
    return client


def connected(server: Servers) -> int:
    """How many clients the server holds."""
    connections = psutil.Process(server.processes[0].pid).net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED for one in connections)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_clients_who_read_nothing_keep_nobody_waiting(sqlite_url: str, stack: ExitStack) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        cast = settle(session)
    headers = {"Authorization": f"Bearer {api_key(database)}"}
    database.close()
    server = stack.enter_context(Servers(sqlite_url))
    client = stack.enter_context(
        httpx.Client(base_url=server.addresses[0], headers=headers, timeout=PROMISED)
    )
    for _ in range(8):
        stack.enter_context(connect(server.addresses[0], OPENAPI * 20))
    assert wait_until(lambda: connected(server) >= 8, 5)

    answers = [client.get(path) for path in ("/health/live", "/health/ready", "/")]
    for number in range(5):
        room = {"clinic_id": cast.clinic, "name": f"Bed {number + 3}"}
        answers.append(client.post("/api/v1/rooms", json=room))

    assert [answer.status_code for answer in answers] == [200] * 3 + [201] * 5


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A server without a database that gives its clients half a second."""
    url = f"sqlite:///{tmp_path_factory.mktemp('impatient')}/scheduler.db"
    with Servers(url, command="serve", environment={"CLIENT_TIMEOUT": "0.5"}) as server:
        yield server


@pytest.mark.parametrize(
    "sends",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127",
        b"\r\n",
        b"POST /book HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nhalf",
        OPENAPI,
        OPENAPI * 20,
        OPENAPI[:-2] + b"Connection: close\r\n\r\n",
        OPENAPI + b"GET / HT",
    ],
)
def test_a_client_who_stops_is_let_go(impatient: Servers, stack: ExitStack, sends: bytes) -> None:
    for _ in range(4):
        stack.enter_context(connect(impatient.addresses[0], sends))

    assert wait_until(lambda: connected(impatient) == 0, 4)


@pytest.mark.parametrize(
    "begins",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Endless: ",
        # The route answers before it has the body; the rest of it goes on arriving.
        b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999\r\n\r\n",
    ],
)
def test_a_client_who_sends_a_byte_now_and_then_is_let_go(
    impatient: Servers, stack: ExitStack, begins: bytes
) -> None:
    client = stack.enter_context(connect(impatient.addresses[0], begins))

    def trickle() -> bool:
        try:
            client.send(b"x")
        except OSError:
            return True
        return False

    assert wait_until(trickle, 4)


def test_a_client_who_reads_slowly_gets_everything(impatient: Servers, stack: ExitStack) -> None:
    whole = httpx.get(f"{impatient.addresses[0]}/openapi.json").content
    client = stack.enter_context(connect(impatient.addresses[0], OPENAPI.replace(b"1.1", b"1.0")))

    received = b"".join(iter(lambda: client.recv(8192), b""))

    assert received.endswith(whole)


def test_more_connections_than_files_cost_one_line_and_no_answer(
    sqlite_url: str, tmp_path: Path, stack: ExitStack
) -> None:
    log = tmp_path / "log"
    with log.open("w") as file:
        server = stack.enter_context(Servers(sqlite_url, files=400, log=file.fileno()))
    for _ in range(600):
        with suppress(OSError):  # turned away
            stack.enter_context(connect(server.addresses[0]))

    answers = [httpx.get(f"{server.addresses[0]}/health/live", timeout=5) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    warnings = [line for line in log.read_text().splitlines() if " INFO " not in line]
    assert len(warnings) == 1
