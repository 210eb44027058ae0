"""How many connections are kept, and which are closed when there are too many."""

import asyncio
import resource
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from uvicorn import Config
from uvicorn.server import ServerState

from scheduler.http import connections
from scheduler.http.connections import ConnectionLimits, LimitedConnection, limited
from tests.support.apart import run

LIMITS = ConnectionLimits(seconds=60, per_address=2, total=5, proxies=[ip_network("10.0.0.0/8")])
LARGE = 1000
"""Bytes that a client must begin to read before more is sent to it"""
REQUEST = b"GET / HTTP/1.1\r\nHost: clinic.example\r\n\r\n"


class Wire:
    """A transport whose client reads nothing; remembers what happened."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.closed = False
        self.unsent = 0
        self.paused = False
        self.connection: LimitedConnection

    def get_extra_info(self, name: str) -> Any:
        return (self.address, 1234) if name == "peername" else None

    def abort(self) -> None:
        self.closed = True

    close = abort

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.unsent += len(data)
        if self.unsent > LARGE and not self.paused:
            self.paused = True
            self.connection.pause_writing()

    def read(self) -> None:
        """The client reads everything."""
        self.unsent, self.paused = 0, False
        self.connection.resume_writing()

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Server:
    """Connections of one server."""

    def __init__(self) -> None:
        self.requests = 0
        self._kind = limited(LIMITS)
        self._config = Config(self._answer, lifespan="off", log_config=None, interface="asgi3")
        self._config.load()
        self._state = ServerState()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests += 1
        await PlainTextResponse("x" * LARGE)(scope, receive, send)

    def connect(self, address: str) -> tuple[LimitedConnection, Wire]:
        """A new connection from this address."""
        connection, wire = self._kind(self._config, self._state, {}), Wire(address)
        wire.connection = connection
        connection.connection_made(wire)  # type: ignore[arg-type]
        return connection, wire


def serve(story: Callable[[Server], Awaitable[None]]) -> None:
    async def begin() -> None:
        await story(Server())

    run(begin)


@pytest.mark.parametrize(
    ("addresses", "kept"),
    [
        (["192.0.2.1"] * 3, [True, True, False]),
        (["192.0.2.1", "192.0.2.1", "192.0.2.2"], [True] * 3),
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:ff::3"], [True, True, False]),
        (["127.0.0.1"] * 4, [True] * 4),
        (["10.1.2.3"] * 4, [True] * 4),
    ],
)
def test_one_address_has_few_connections_and_a_proxy_has_many(
    addresses: list[str], kept: list[bool]
) -> None:
    async def story(server: Server) -> None:
        wires = [server.connect(address)[1] for address in addresses]

        assert [not wire.closed for wire in wires] == kept

    serve(story)


def test_a_new_connection_takes_the_place_of_the_one_that_has_been_silent_longest() -> None:
    async def story(server: Server) -> None:
        wires = []
        for number in range(6):
            wires.append(server.connect(f"192.0.2.{number}")[1])
            await asyncio.sleep(0)

        assert [wire.closed for wire in wires] == [True] + [False] * 5

    serve(story)


def test_a_client_gets_its_next_answer_when_it_has_read_the_one_before() -> None:
    async def story(server: Server) -> None:
        connection, wire = server.connect("192.0.2.1")
        connection.data_received(REQUEST * 3)
        await asyncio.sleep(0.01)
        blocked = server.requests
        wire.read()
        await asyncio.sleep(0.01)

        assert (blocked, server.requests) == (1, 2)
        assert not wire.closed

    serve(story)


def test_what_waits_to_be_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_UNSENT_BYTES", 5 * LARGE)

    async def story(server: Server) -> None:
        pairs = [server.connect(f"192.0.2.{number}") for number in range(3)]
        for _, wire in pairs:
            wire.write(b"x" * 2 * LARGE)
            await asyncio.sleep(0.001)

        assert [wire.closed for _, wire in pairs] == [True, False, False]

    serve(story)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ((256, resource.RLIM_INFINITY), (2320, resource.RLIM_INFINITY), 2000),
        ((1024, 4096), (2320, 4096), 2000),
        ((400, 400), (400, 400), 80),
        ((20, 20), (20, 20), 1),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (-1, -1), 2000),
        ((100_000, 100_000), (100_000, 100_000), 2000),
    ],
)
def test_there_are_as_many_connections_as_the_system_has_files_for(
    monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], after: tuple[int, int], kept: int
) -> None:
    limits = [before]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))

    assert connections.most_connections() == kept
    assert limits[-1] == after
