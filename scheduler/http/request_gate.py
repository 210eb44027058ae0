"""What every request passes before any door: its size, its host, a place in the line, a second try.

A pure ASGI layer. The body is read whole before a door sees it, so that a request that met another
writer can be played again from the start, as long as its answer has not begun.
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

MOST_BYTES = 64 * 1024
DRAINED_BYTES = 16 * 1024 * 1024
"""How much of a body that is too long is read and dropped, so that the sender hears the answer."""
BODY_SECONDS = 15.0
LINE_SECONDS = 15.0
TRIES = 3
PLACES = 8
"""How many requests are answered at once, and how many threads there are for them. A request in a
place has a thread whenever it wants one: it cannot hold a row, or a connection, that others wait
for on all threads, while itself waiting for a thread."""
FOR_READERS = 2
"""Places that are not given to requests that send something: when writers wait, reading goes on."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})


NOBODY = "frame-ancestors 'none'"


def policy(*framed_by: str, scripts: bool = False) -> str:
    """What a page may load and do, and the origins that may show it in a frame; none: nobody.

    `scripts`: it may run files of ours. None may run what stands within the page.
    """
    return (
        "default-src 'none'; "
        + ("script-src 'self'; " if scripts else "")
        + "style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; " + (f"frame-ancestors {' '.join(framed_by)}" if framed_by else NOBODY)
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
"""On every answer, errors too. A door that sets one of them itself keeps its own."""

A_YEAR = "max-age=31536000"


class TooLong(Problem):
    sentence = "What was sent is too long: 64 KiB at most."

    slug = "too-long"


class TooSlow(Problem):
    sentence = "What was sent took too long to arrive."

    slug = "too-slow"


class WrongHost(Problem):
    sentence = "This address is not known here."

    slug = "wrong-host"


class Gone(Exception):
    """Nobody is waiting for the answer any more."""


class RequestGate:
    """Wraps the application. `answer` turns an error into what is sent for it.

    `public_url`: its host is answered to, and https asks browsers to stay with https. `hosts`:
    others that are answered to.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_url: str,
        answer: Callable[[Scope, Exception], Response],
        hosts: Collection[str] = (),
    ) -> None:
        self.app = app
        self._answer = answer
        parts = urlsplit(public_url)
        self._hosts = {parts.hostname or "", "127.0.0.1", "localhost", "[::1]", *hosts}
        self._headers = dict(HEADERS)
        if parts.scheme == "https":
            self._headers["Strict-Transport-Security"] = A_YEAR
        self._places = anyio.Semaphore(PLACES)
        self._writers = anyio.Semaphore(PLACES - FOR_READERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        request_id = secrets.token_hex(8)
        REQUEST_ID.set(request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        letter = _BodyReader(send, {**self._headers, "X-Request-ID": request_id})
        inner: Scope = dict(scope)
        try:
            self._check_host(scope)
            body = await _read(scope, receive)
            inner = await self._answer_in_turn(scope, body, receive, letter)
        except Gone:
            return
        except Exception as problem:  # noqa: BLE001 - the outermost layer: whatever it is, it is answered
            await self._apologise(scope, receive, letter, problem)
        spent = (time.monotonic() - began) * 1000
        LOG.info("%s %s %s %.0f ms", scope["method"], _template(inner), letter.status, spent)

    def _check_host(self, scope: Scope) -> None:
        host = Headers(scope=scope).get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if name.lower() not in self._hosts:
            raise WrongHost

    async def _answer_in_turn(
        self, scope: Scope, body: bytes, receive: Receive, letter: "_BodyReader"
    ) -> Scope:
        """Answer, trying again when somebody else was writing. The scope as the doors left it."""
        for tried in range(1, TRIES + 1):
            # A door writes into its scope; the next try begins with a clean one.
            inner = {**scope, "state": dict(scope["state"])}
            try:
                await self._answer_once(inner, _replay(body, receive), letter)
            except Busy as problem:
                if letter.begun:
                    raise
                if tried == TRIES:
                    raise Unavailable(
                        "Too many are booking at this moment. Nothing was lost; please try again."
                    ) from problem
                await anyio.sleep(random.uniform(0.02, 0.1) * tried)  # noqa: S311 - only to part two
            else:
                return inner
        raise AssertionError  # the last try returns or raises

    async def _answer_once(self, inner: Scope, receive: Receive, letter: "_BodyReader") -> None:
        async with AsyncExitStack() as places:
            try:
                with anyio.fail_after(LINE_SECONDS):
                    if inner["method"] not in READING:
                        await places.enter_async_context(self._writers)
                    await places.enter_async_context(self._places)
            except TimeoutError as problem:
                raise Unavailable from problem
            await self.app(inner, receive, letter.send)

    async def _apologise(
        self, scope: Scope, receive: Receive, letter: "_BodyReader", problem: Exception
    ) -> None:
        if not isinstance(problem, Problem):
            LOG.error("unexpected error", exc_info=problem)
        if letter.begun:
            raise problem
        await self._answer(scope, problem)(scope, receive, letter.send)


class _BodyReader:
    """The answer on its way out: with our headers, and remembered once it has begun."""

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
            if NOBODY not in headers["Content-Security-Policy"]:
                # It can only say yes or no to all, and would say no.
                del headers["X-Frame-Options"]
            message = {**message, "headers": headers.raw}
        await self._send(message)


async def _read(scope: Scope, receive: Receive) -> bytes:
    """The whole body. TooLong, TooSlow, or Gone."""
    announced = Headers(scope=scope).get("content-length", "")
    if announced.isdecimal() and int(announced) > DRAINED_BYTES:
        raise TooLong
    parts, length = [], 0
    try:
        with anyio.fail_after(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                length += len(part)
                if length <= MOST_BYTES:
                    parts.append(part)
                if length > DRAINED_BYTES or not message.get("more_body", False):
                    break
    except TimeoutError as problem:
        raise TooSlow from problem
    if length > MOST_BYTES:
        raise TooLong
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, and then whatever the sender does next."""
    waiting = [body]

    async def again() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _template(scope: Scope) -> str:
    """The path as its route spells it: what stands in for tokens and ids is not logged."""
    return str(getattr(scope.get("route"), "path", None) or "-")
