"""The checks in front of every route, tried on a route that behaves as instructed."""

import logging
from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from scheduler.http import request_gate
from scheduler.http.request_gate import RequestGate
from scheduler.infra.errors import Problem
from scheduler.storage.database import Busy
from tests.support.apart import run

HEADERS = [(b"host", b"clinic.example")]


class Door:
    """Returns the body that it got, and raises each given error once."""

    def __init__(self, *raising: Exception) -> None:
        self.raising = list(raising)
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        self.bodies.append(message["body"])
        assert message["more_body"] is False
        if self.raising:
            raise self.raising.pop(0)
        await PlainTextResponse(message["body"])(scope, receive, send)


def answer(_scope: Scope, problem: Exception) -> Response:
    slug = problem.slug if isinstance(problem, Problem) else "internal"
    return PlainTextResponse(slug, 500)


def ask(
    door: Any,
    *,
    parts: list[bytes] | None = None,
    receive: Receive | None = None,
    headers: list[tuple[bytes, bytes]] | None = None,
    public_url: str = "https://clinic.example",
    body_seconds: float = 15.0,
) -> tuple[int, dict[str, str], bytes]:
    """One request through the doorstep: status, headers, body."""
    sent: list[Message] = []
    left = [
        {"type": "http.request", "body": part, "more_body": True} for part in parts or [b"hello"]
    ] + [{"type": "http.request", "body": b"", "more_body": False}]

    async def read() -> Message:
        return left.pop(0)

    async def write(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/my/a-secret-token",
        "headers": HEADERS if headers is None else headers,
    }
    step = RequestGate(door, public_url=public_url, answer=answer, body_seconds=body_seconds)
    run(step, scope, receive or read, write)
    if not sent:
        return 0, {}, b""
    return (
        sent[0]["status"],
        {name.decode(): value.decode() for name, value in sent[0]["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )


def test_a_route_gets_the_whole_body() -> None:
    assert ask(Door(), parts=[b"he", b"l", b"lo"])[2] == b"hello"


def test_a_busy_request_is_retried_with_the_same_body() -> None:
    door = Door(Busy(), Busy())

    status, _, body = ask(door)

    assert (status, body) == (200, b"hello")
    assert door.bodies == [b"hello"] * 3


def test_after_three_tries_it_is_unavailable() -> None:
    door = Door(Busy(), Busy(), Busy(), Busy())

    assert ask(door)[2] == b"unavailable"
    assert len(door.bodies) == 3


def test_a_request_is_not_retried_after_its_response_has_begun() -> None:
    calls = []

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise Busy

    with pytest.raises(Busy):
        ask(door)
    assert calls == [1]


@pytest.mark.parametrize("length", [request_gate.MAX_BODY_BYTES + 1, 10 * 1024 * 1024])
def test_a_body_that_is_too_long_never_reaches_a_route(length: int) -> None:
    door = Door()

    assert ask(door, parts=[b"x" * length])[2] == b"too-long"
    assert door.bodies == []


def test_a_body_that_announces_a_huge_length_is_not_read() -> None:
    async def receive() -> Message:
        raise AssertionError("nobody should read this")

    headers = [*HEADERS, (b"content-length", b"99999999999")]
    assert ask(Door(), headers=headers, receive=receive)[2] == b"too-long"


def test_a_body_that_never_ends_times_out() -> None:
    forever: Any = anyio.sleep_forever

    assert ask(Door(), receive=forever, body_seconds=0.01)[2] == b"too-slow"


def test_a_disconnected_client_gets_no_response() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    assert ask(Door(), receive=receive) == (0, {}, b"")


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"", b"clinic.example.evil", b"evil.example:clinic.example", b"a@b"],
)
def test_an_unknown_host_is_refused(host: bytes) -> None:
    assert ask(Door(), headers=[(b"host", host)])[2] == b"wrong-host"


@pytest.mark.parametrize("host", [b"clinic.example", b"CLINIC.example:443", b"127.0.0.1:8000"])
def test_configured_hosts_are_accepted(host: bytes) -> None:
    assert ask(Door(), headers=[(b"host", host)])[0] == 200


@pytest.mark.parametrize("door", [Door(), Door(ValueError("secret")), Door(Busy(), Busy(), Busy())])
def test_every_response_has_the_security_headers(door: Door) -> None:
    _, headers, _ = ask(door)

    assert {name.lower() for name in request_gate.HEADERS} <= headers.keys()
    assert headers["cache-control"] == "no-store"
    assert headers["strict-transport-security"].startswith("max-age=")
    assert len(headers["x-request-id"]) == 16


def test_only_https_sends_strict_transport_security() -> None:
    assert "strict-transport-security" not in ask(Door(), public_url="http://clinic.example")[1]


def test_the_log_contains_no_tokens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    ask(Door(ValueError("+12025550101")))

    assert [record.message[:9] for record in caplog.records] == ["unexpecte", "POST - 50"]
    assert "a-secret-token" not in caplog.text.split("Traceback")[0]


def test_no_more_requests_run_at_once_than_allowed() -> None:
    inside: list[int] = []
    most: list[int] = []

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        inside.append(1)
        most.append(len(inside))
        await anyio.lowlevel.checkpoint()
        inside.pop()
        await PlainTextResponse("")(scope, receive, send)

    step = RequestGate(door, public_url="http://clinic.example", answer=answer)

    async def one() -> None:
        left: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def read() -> Message:
            return left.pop(0)

        async def write(_: Message) -> None:
            return None

        scope = {"type": "http", "method": "GET", "path": "/", "headers": HEADERS}
        await step(scope, read, write)

    async def many() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(one)

    run(many)
    assert max(most) <= request_gate.CONCURRENT_REQUESTS
    assert len(most) == 50


def test_reading_requests_run_while_writers_wait() -> None:
    answered: list[str] = []

    async def ask_many() -> None:
        turn = anyio.Event()

        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] == "POST":
                await turn.wait()
            answered.append(scope["method"])
            await PlainTextResponse("")(scope, receive, send)

        step = RequestGate(door, public_url="http://clinic.example", answer=answer)

        async def one(method: str) -> None:
            async def read() -> Message:
                return {"type": "http.request", "body": b"", "more_body": False}

            async def write(_: Message) -> None:
                return None

            scope = {"type": "http", "method": method, "path": "/", "headers": HEADERS}
            await step(scope, read, write)

        async with anyio.create_task_group() as group:
            for _ in range(request_gate.CONCURRENT_REQUESTS * 2):
                group.start_soon(one, "POST")
            await anyio.wait_all_tasks_blocked()
            with anyio.move_on_after(5):
                await one("GET")
            turn.set()

    run(ask_many)
    assert answered[0] == "GET"
    assert len(answered) == request_gate.CONCURRENT_REQUESTS * 2 + 1


async def through(step: RequestGate, path: str, write: Send) -> None:
    """A GET of this path, whose response goes to `write`."""

    async def read() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    await step({"type": "http", "method": "GET", "path": path, "headers": HEADERS}, read, write)


def test_clients_who_read_slowly_leave_room_for_others() -> None:
    answered: list[str] = []

    async def slow(_: Message) -> None:
        await anyio.sleep_forever()

    async def quick(message: Message) -> None:
        answered.append(message["type"])

    async def many() -> None:
        step = RequestGate(Door(), public_url="http://clinic.example", answer=answer)
        async with anyio.create_task_group() as group:
            for _ in range(request_gate.CONCURRENT_REQUESTS * 2):
                group.start_soon(through, step, "/", slow)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(5):
                await through(step, "/", quick)
            group.cancel_scope.cancel()

    run(many)
    assert answered == ["http.response.start", "http.response.body"]


def test_health_is_answered_while_all_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_gate, "QUEUE_SECONDS", 0.05)
    answered: list[tuple[str, int]] = []

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/health"):
            await anyio.sleep_forever()
        await PlainTextResponse("")(scope, receive, send)

    async def many() -> None:
        step = RequestGate(door, public_url="http://clinic.example", answer=answer)

        async def ask_for(path: str) -> None:
            async def write(message: Message) -> None:
                if "status" in message:
                    answered.append((path, message["status"]))

            await through(step, path, write)

        async with anyio.create_task_group() as group:
            for _ in range(request_gate.CONCURRENT_REQUESTS):
                group.start_soon(ask_for, "/stuck")
            await anyio.wait_all_tasks_blocked()
            await ask_for("/health/live")
            await ask_for("/")
            group.cancel_scope.cancel()

    run(many)
    assert answered == [("/health/live", 200), ("/", 500)]


def test_nobody_waits_long_while_the_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_gate, "TROUBLED_QUEUE_SECONDS", 0.05)
    statuses: list[int] = []

    async def many() -> None:
        failed, begun = anyio.Event(), 0

        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal begun
            begun += 1
            if begun == 1:
                await failed.wait()
                await PlainTextResponse("", 503)(scope, receive, send)
            await anyio.sleep_forever()

        async def write(message: Message) -> None:
            if "status" in message:
                statuses.append(message["status"])

        step = RequestGate(door, public_url="http://clinic.example", answer=answer)
        async with anyio.create_task_group() as group:
            for _ in range(request_gate.CONCURRENT_REQUESTS + 3):
                group.start_soon(through, step, "/", write)
            await anyio.wait_all_tasks_blocked()
            failed.set()
            with anyio.fail_after(5):
                await through(step, "/", write)
            group.cancel_scope.cancel()

    run(many)
    assert statuses == [503, 500, 500, 500], "one of the four that waited got the place"
