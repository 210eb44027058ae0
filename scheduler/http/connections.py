"""Limits on the connections of clients: time, number and unsent bytes.

uvicorn bounds only the pause between two requests (`timeout_keep_alive`). It waits without limit
for the headers of a request and for a client that does not read. Its `limit_concurrency` counts all
clients together and refuses the health check too.
"""

import logging
import resource
from asyncio import Transport
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from scheduler.http.origins import household
from scheduler.infra.telemetry import Repeats

LOG = logging.getLogger(__name__)
LOG.addFilter(Repeats())

MAX_CONNECTIONS = 2000
MAX_UNSENT_BYTES = 64 * 1024 * 1024
"""The most bytes of responses that wait for clients to read them. Beyond it, the connection that
has been blocked for the longest time is closed."""
BACKLOG = 64
"""How many new connections asyncio accepts in one go."""
OTHER_FILES = 4 * BACKLOG + 64
"""Open files besides the connections that are kept: those being refused, because asyncio accepts up
to four times `BACKLOG` before the first is closed, and the database, logs and calls to Twilio."""


@dataclass(frozen=True)
class ConnectionLimits:
    """`seconds`: to send the headers of a request, and to read a part of the response.

    `per_address`: connections of one IPv4 address or IPv6 /56, except `proxies` and loopback
    addresses, which stand for many clients. `total`: connections of all clients.
    """

    seconds: float
    per_address: int
    total: int = MAX_CONNECTIONS
    proxies: Collection[IPv4Network | IPv6Network] = ()


def most_connections() -> int:
    """How many connections fit into the limit of open files, which is raised if that is allowed."""
    needed = MAX_CONNECTIONS + OTHER_FILES
    soft, hard = (
        needed if limit == resource.RLIM_INFINITY else min(limit, needed)
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    if soft < hard:
        _, unchanged = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, unchanged))
    return max(1, hard - OTHER_FILES)


class LimitedConnection(H11Protocol):
    """One connection. `limited` makes a subclass with `limits`."""

    limits: ConnectionLimits

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.address = ""
        self.waits_since: float | None = None
        """When it began to wait for a request, by the clock of the event loop."""
        self.blocked_since: float | None = None
        """When the client stopped reading."""
        self._is_next_request_held = False
        self._timers: dict[str, Any] = {}

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Accept the connection, or close it at once if there are too many."""
        super().connection_made(transport)
        self.address = self._countable_address()
        self._wait_for_request()
        if self._are_too_many_of_one_address():
            LOG.warning("One address has too many connections. More of them are closed at once.")
            transport.abort()
        elif len(self.connections) > self.limits.total:
            LOG.warning("There are too many connections. The ones that wait longest are closed.")
            self._longest_waiting().transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_waiting()
        self._unblock()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Process what has arrived. With the headers of a request, the wait for it ends."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request. One that has arrived is held until the client reads."""
        self._is_next_request_held = self.flow.write_paused
        if not self._is_next_request_held:
            self._wait_for_request()
            super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read: give it a limited time."""
        super().pause_writing()
        self.blocked_since = self.loop.time()
        self._start_timer("read")
        blocked = [other for other in self._others() if other.blocked_since is not None]
        unsent = sum(other.transport.get_write_buffer_size() for other in blocked)
        if unsent > MAX_UNSENT_BYTES:
            min(blocked, key=lambda other: other.blocked_since or 0.0).transport.abort()

    def resume_writing(self) -> None:
        """The client has read nearly everything."""
        super().resume_writing()
        self._unblock()
        if self._is_next_request_held:
            self.on_response_complete()

    def _wait_for_request(self) -> None:
        self.waits_since = self.loop.time()
        self._start_timer("request")

    def _stop_waiting(self) -> None:
        self.waits_since = None
        self._stop_timer("request")

    def _unblock(self) -> None:
        self.blocked_since = None
        self._stop_timer("read")

    def _start_timer(self, name: str) -> None:
        self._stop_timer(name)
        self._timers[name] = self.loop.call_later(self.limits.seconds, self.transport.abort)

    def _stop_timer(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    def _countable_address(self) -> str:
        """The address to count; empty for a proxy, which has the connections of many clients."""
        host = self.client[0] if self.client else ""
        if not (key := household(host)):
            return ""
        address = ip_address(host)
        return "" if any(address in network for network in self.limits.proxies) else key

    def _are_too_many_of_one_address(self) -> bool:
        if not self.address:
            return False
        same = sum(other.address == self.address for other in self._others())
        return same > self.limits.per_address

    def _longest_waiting(self) -> "LimitedConnection":
        """The connection that has waited for a request for the longest time; this one if none."""
        waiting = [other for other in self._others() if other.waits_since is not None]
        return min(waiting, key=lambda other: other.waits_since or 0.0, default=self)

    def _others(self) -> list["LimitedConnection"]:
        """All connections that are open, this one included."""
        return [
            other
            for other in self.connections
            if isinstance(other, LimitedConnection) and not other.transport.is_closing()
        ]


def limited(limits: ConnectionLimits) -> type[LimitedConnection]:
    """The protocol for `uvicorn.run(http=...)`."""
    return type("Connection", (LimitedConnection,), {"limits": limits})
