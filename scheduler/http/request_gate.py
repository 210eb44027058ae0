"""ASGI middleware in front of every route: body size, host, concurrency limit, retries, headers.

It reads the whole body before a route sees it, so that a request that conflicts with another
transaction (Busy) can run again from the start, unless its response has begun.
"""

import logging
import random
import secrets
import time
from collections.abc import Callable, Collection, MutableMapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scheduler.infra.errors import Problem, Unavailable
from scheduler.infra.telemetry import REQUEST_ID
from scheduler.storage.database import Busy

LOG = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
DRAINED_BYTES = 16 * 1024 * 1024
"""How much of a body that is too long is read and dropped, because clients read the response only
after they have sent the body."""
QUEUE_SECONDS = 15.0
"""How long a request waits until it may run."""
TROUBLED_QUEUE_SECONDS = 1.5
"""The same while the database does not answer, so that clients get a 503 within 5 seconds."""
TROUBLE_SECONDS = 5.0
"""How long a 503 of a route counts as a sign of that."""
RETRY_SECONDS = 1.5
"""A request that has run longer is not run again."""
TRIES = 3
CONCURRENT_REQUESTS = 8
"""How many requests run at once, and how many threads there are. With fewer threads than requests,
a request could hold a lock and wait for a thread while all threads wait for that lock."""
RESERVED_FOR_READS = 2
"""How many of these only reading requests may use, so that pages load while writers wait."""
HEALTH = "/health/"
"""Requests below this path never wait for others."""
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


NO_FRAMES = "frame-ancestors 'none'"


def policy(*framed_by: str, scripts: bool = False) -> str:
    """The Content-Security-Policy of a page. Only origins in `framed_by` may frame it.

    `scripts`: allows our script files. Inline scripts are never allowed.
    """
    return (
        "default-src 'none'; "
        + ("script-src 'self'; " if scripts else "")
        + "style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; "
        + (f"frame-ancestors {' '.join(framed_by)}" if framed_by else NO_FRAMES)
    )


HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""On every response, including errors. A header that a route sets takes precedence."""

HTTPS_FOR_A_YEAR = "max-age=31536000"


class TooLong(Problem):
    sentence = "The request is too long. Send at most 64 KiB."

    slug = "too-long"


class TooSlow(Problem):
    sentence = "The request took too long to arrive. Please send it again."

    slug = "too-slow"


class WrongHost(Problem):
    sentence = "This server does not answer to this host name. Check the address."

    slug = "wrong-host"


class Gone(Exception):
    """The client has disconnected."""


class RequestGate:
    """Wraps the application. `answer` turns an error into a response.

    Requests for other hosts than that of `public_url`, this machine and `hosts` are refused. With
    an https `public_url`, responses instruct browsers to use only https.

    `body_seconds`: how long the body of a request may take to arrive.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_url: str,
        answer: Callable[[Scope, Exception], Response],
        hosts: Collection[str] = (),
        body_seconds: float = 15.0,
    ) -> None:
        self.app = app
        self._body_seconds = body_seconds
        self._answer = answer
        parts = urlsplit(public_url)
        self._hosts = {parts.hostname or "", "127.0.0.1", "localhost", "[::1]", *hosts}
        self._headers = dict(HEADERS)
        if parts.scheme == "https":
            self._headers["Strict-Transport-Security"] = HTTPS_FOR_A_YEAR
        self._requests = anyio.Semaphore(CONCURRENT_REQUESTS)
        self._writers = anyio.Semaphore(CONCURRENT_REQUESTS - RESERVED_FOR_READS)
        self._waiting: dict[anyio.CancelScope, float] = {}
        """When each request that waits has arrived, by the clock of the event loop."""
        self._troubled_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        request_id = secrets.token_hex(8)
        REQUEST_ID.set(request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        response = _Response(send, {**self._headers, "X-Request-ID": request_id})
        inner: Scope = dict(scope)
        try:
            self._check_host(scope)
            body = await _read(scope, receive, self._body_seconds)
            inner = await self._run_with_retries(scope, body, receive, response)
        except Gone:
            return
        except Exception as problem:  # noqa: BLE001 - the outermost layer answers every error
            await self._answer_error(scope, receive, response, problem)
        spent = (time.monotonic() - began) * 1000
        LOG.info("%s %s %s %.0f ms", scope["method"], _template(inner), response.status, spent)

    def _check_host(self, scope: Scope) -> None:
        host = Headers(scope=scope).get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if name.lower() not in self._hosts:
            raise WrongHost

    async def _run_with_retries(
        self, scope: Scope, body: bytes, receive: Receive, response: "_Response"
    ) -> Scope:
        """Run the application, again while it raises Busy. Returns the scope as it left it."""
        for attempt in range(1, TRIES + 1):
            began = time.monotonic()
            # Routes write into the scope, so each attempt starts with a fresh copy.
            inner = {**scope, "state": dict(scope["state"])}
            try:
                await self._run(inner, _replay(body, receive), response)
            except Busy as problem:
                if response.begun:
                    raise
                if attempt == TRIES or time.monotonic() - began > RETRY_SECONDS:
                    raise Unavailable(
                        "Too many are booking at this moment. Nothing was lost; please try again."
                    ) from problem
                await anyio.sleep(random.uniform(0.02, 0.1) * attempt)  # noqa: S311 - not a secret
            else:
                return inner
        raise AssertionError  # the last attempt returns or raises

    async def _run(self, inner: Scope, receive: Receive, response: "_Response") -> None:
        if inner["path"].startswith(HEALTH):
            await self.app(inner, receive, response.send)
            return
        async with AsyncExitStack() as permits:
            await self._wait(inner["method"], permits)

            async def send(message: Message) -> None:
                # The route has finished. A client that reads slowly must not keep others waiting.
                await permits.aclose()
                if message.get("status") == 503:
                    self._hurry()
                await response.send(message)

            await self.app(inner, receive, send)

    async def _wait(self, method: str, permits: AsyncExitStack) -> None:
        """Wait until the request may run. Raises Unavailable after `QUEUE_SECONDS`."""
        arrived = anyio.current_time()
        troubled = arrived < self._troubled_until
        with anyio.move_on_after(TROUBLED_QUEUE_SECONDS if troubled else QUEUE_SECONDS) as scope:
            self._waiting[scope] = arrived
            try:
                if method not in READ_METHODS:
                    await permits.enter_async_context(self._writers)
                await permits.enter_async_context(self._requests)
            finally:
                del self._waiting[scope]
        if scope.cancelled_caught:
            raise Unavailable

    def _hurry(self) -> None:
        """The database does not answer: shorten all waits."""
        self._troubled_until = anyio.current_time() + TROUBLE_SECONDS
        for scope, arrived in self._waiting.items():
            scope.deadline = min(scope.deadline, arrived + TROUBLED_QUEUE_SECONDS)

    async def _answer_error(
        self, scope: Scope, receive: Receive, response: "_Response", problem: Exception
    ) -> None:
        if not isinstance(problem, Problem):
            LOG.error("unexpected error", exc_info=problem)
        if response.begun:
            raise problem
        await self._answer(scope, problem)(scope, receive, response.send)


class _Response:
    """The response while it is sent: adds our headers and records its status."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    @property
    def begun(self) -> bool:
        return self.status > 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if NO_FRAMES not in headers["Content-Security-Policy"]:
                # X-Frame-Options cannot list origins, and DENY would block the allowed ones.
                del headers["X-Frame-Options"]
            message = {**message, "headers": headers.raw}
        await self._send(message)


async def _read(scope: Scope, receive: Receive, seconds: float) -> bytes:
    """The whole body. Raises TooLong, TooSlow or Gone."""
    announced = Headers(scope=scope).get("content-length", "")
    if announced.isdecimal() and int(announced) > DRAINED_BYTES:
        raise TooLong
    parts, length = [], 0
    try:
        with anyio.fail_after(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                length += len(part)
                if length <= MAX_BODY_BYTES:
                    parts.append(part)
                if length > DRAINED_BYTES or not message.get("more_body", False):
                    break
    except TimeoutError as problem:
        raise TooSlow from problem
    if length > MAX_BODY_BYTES:
        raise TooLong
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then the client's next events."""
    unread = [body]

    async def receive_again() -> MutableMapping[str, Any]:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return receive_again


def _template(scope: Scope) -> str:
    """The path template of the route, so that tokens and ids are not logged."""
    return str(getattr(scope.get("route"), "path", None) or "-")
