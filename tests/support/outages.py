"""A database behind a wire that can go silent."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy.engine import URL, make_url


@dataclass
class Wire:
    """Passes on what a server and its clients send, until it is cut: then nothing, and no end of a
    connection either."""

    server: URL
    address: str = ""
    """The database's address through this wire"""
    _whole: threading.Event = field(default_factory=threading.Event)
    _sockets: list[socket.socket] = field(default_factory=list)

    def cut(self) -> None:
        """Let nothing through from now on."""
        self._whole.clear()

    def mend(self) -> None:
        """Let everything through again, late as it may be."""
        self._whole.set()

    def start(self) -> None:
        """Listen on a port of its own."""
        self.mend()
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._sockets.append(listener)
        port = listener.getsockname()[1]
        through = self.server.set(host="127.0.0.1", port=port, query={})
        self.address = through.render_as_string(hide_password=False)
        self._in_background(self._accept, listener)

    def end(self) -> None:
        """Close everything."""
        self.mend()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            self._whole.wait()
            server = self._connect()
            self._sockets += [client, server]
            self._in_background(self._pass_on, client, server)
            self._in_background(self._pass_on, server, client)

    def _connect(self) -> socket.socket:
        host = str(self.server.query.get("host") or self.server.host or "127.0.0.1")
        port = self.server.port or 5432
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        return socket.create_connection((host, port))

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._whole.wait()
                target.sendall(data)
        finally:
            self._whole.wait()
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)

    def _in_background(self, call: Callable[..., None], *sockets: socket.socket) -> None:
        def run() -> None:
            with suppress(OSError):  # closed
                call(*sockets)

        threading.Thread(target=run, daemon=True).start()


@contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    """A wire to the database of this address."""
    wire = Wire(make_url(url))
    wire.start()
    try:
        yield wire
    finally:
        wire.end()
