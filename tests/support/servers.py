"""Real server processes on loopback, for tests that must cross a process or a kill."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from types import TracebackType

import httpx

from scheduler.infra.clock import SystemClock
from scheduler.staff import accounts
from scheduler.staff.roles import Role
from scheduler.storage.database import Database

SECRET = "a secret for tests that is long enough"
STARTS_WITHIN = 90


@dataclass
class Servers:
    """Some processes of `scheduler web` on one database, each on a port of its own."""

    database_url: str
    count: int = 1
    command: str = "web"
    environment: dict[str, str] = field(default_factory=dict)
    log: int | None = None
    """Where what they log goes; nothing: where ours goes"""
    files: int | None = None
    """The most files and connections that each may have open; nothing: as many as we may"""
    addresses: list[str] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> "Servers":
        try:
            for _ in range(self.count):
                port = free_port()
                self.addresses.append(f"http://127.0.0.1:{port}")
                self.processes.append(self._start(port))
            for address, process in zip(self.addresses, self.processes, strict=True):
                _wait_for(address, process)
        except BaseException:
            # A client that does not get in would retry forever, so it is stopped here.
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        limit = f"ulimit -n {self.files} && " if self.files else ""
        program = [sys.executable, "-m", "scheduler.cli", self.command, "--port", str(port)]
        return subprocess.Popen(
            ["/bin/sh", "-c", f'{limit}exec "$@"', "sh", *program],
            env={
                **os.environ,
                "DATABASE_URL": self.database_url,
                "SECRET_KEY": SECRET,
                "PUBLIC_URL": f"http://127.0.0.1:{port}",
                **self.environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=self.log,
        )


def free_port() -> int:
    """A port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def api_key(database: Database, *, clinic_ids: list[int] | None = None) -> str:
    """A key of an admin for some clinics, or for all."""
    now = SystemClock().now()
    with database.transaction() as session:
        member = accounts.add(
            session,
            email="admin@example.org",
            name="Admin",
            role=Role.ADMIN,
            password="correct horse battery staple",
            clinic_ids=clinic_ids,
            now=now,
        )
        return accounts.make_key(session, member, label="tests", now=now)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it served")
        try:
            if httpx.get(f"{address}/health/live", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start in time")
