"""PostgreSQL disconnects during a commit: a repeated request with the same key gets the truth."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy.engine import make_url
from sqlmodel import Session, func, select

from scheduler.booking.models import Appointment, Course
from scheduler.storage.database import Database
from tests.api.conftest import Desk
from tests.builders.cast import MONDAY, Cast

DEED = b"INSERT INTO courses"
COMMIT, COMMITTED = b"COMMIT", b"COMMIT\0"


@dataclass
class Line:
    """Sits between the program and the database, and cuts the connection once at the commit.

    `swallow` COMMIT: before the database receives it. COMMITTED: after it has answered.
    """

    address: str
    swallow: bytes = b""
    cuts: int = 0
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Refuse all new connections."""
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._door.accept()
                database = socket.socket(socket.AF_UNIX)
                database.connect(self.address)
                call = _Call(self, caller, database)
                threading.Thread(target=call.forth, daemon=True).start()
                threading.Thread(target=call.back, daemon=True).start()


@dataclass
class _Call:
    line: Line
    caller: socket.socket
    database: socket.socket
    did_it: bool = False

    def forth(self) -> None:
        """Forwards the program's bytes."""
        with suppress(OSError):
            while said := self.caller.recv(65536):
                self.did_it = self.did_it or DEED in said
                if self.line.swallow == COMMIT and self._now(COMMIT, said):
                    break
                self.database.sendall(said)
        self._hang_up()

    def back(self) -> None:
        """Forwards the database's bytes."""
        with suppress(OSError):
            while said := self.database.recv(65536):
                if self.line.swallow == COMMITTED and self._now(COMMITTED, said):
                    break
                self.caller.sendall(said)
        self._hang_up()

    def _now(self, word: bytes, said: bytes) -> bool:
        if not (self.did_it and word in said and not self.line.cuts):
            return False
        self.line.cuts += 1
        return True

    def _hang_up(self) -> None:
        for end in (self.caller, self.database):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def line(postgresql_url: str) -> Iterator[Line]:
    query = make_url(postgresql_url).query
    line = Line(f"{query['host']}/.s.PGSQL.{query['port']}")
    yield line
    line.close()


@pytest.fixture
def database_url(postgresql_url: str, line: Line) -> str:
    through = make_url(postgresql_url).set(query={"host": "127.0.0.1", "port": str(line.port)})
    return through.render_as_string(hide_password=False)


def stored(database: Database) -> tuple[int, int]:
    with database.transaction(write=False) as session:
        return _count(session, Course), _count(session, Appointment)


def _count(session: Session, table: type[Course] | type[Appointment]) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


@pytest.mark.parametrize("swallow", [COMMITTED, COMMIT], ids=["done", "not done"])
def test_a_course_whose_commit_was_not_heard_of_is_booked_once_when_it_is_sent_again(
    desk: Desk, database: Database, cast: Cast, line: Line, swallow: bytes
) -> None:
    done = int(swallow == COMMITTED)
    body = {
        "treatment_id": cast.back,
        "patient_id": cast.ann,
        "sessions": [{"starts_at": MONDAY.isoformat()}],
    }

    line.swallow = swallow
    lost = desk.post("/courses", body, idempotency_key="once")
    assert line.cuts == 1
    assert (lost.status_code, lost.headers["Retry-After"]) == (503, "2")
    assert stored(database) == (done, done)

    again = desk.post("/courses", body, idempotency_key="once")
    and_again = desk.post("/courses", body, idempotency_key="once")

    assert (again.status_code, and_again.status_code) == (201, 201)
    assert again.json() == and_again.json()
    assert again.headers.get("Idempotency-Replayed") == ("true" if done else None)
    assert stored(database) == (1, 1)
