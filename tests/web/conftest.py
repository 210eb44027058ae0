"""The patients' door with a clinic behind it, and a visitor who walks through the form."""

import re
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import unescape

import pytest
import uvicorn
from fastapi import FastAPI
from httpx import Response
from sqlmodel import SQLModel, col, func, select

from scheduler import app
from scheduler.booking.models import Appointment
from scheduler.http.context import Context
from scheduler.infra.intervals import minute_of
from scheduler.infra.settings import Settings
from scheduler.patients import screening
from scheduler.patients.models import PhoneCode
from scheduler.storage import links
from scheduler.storage.database import Database
from tests.builders.beginnings import begin
from tests.builders.cast import NOW, Cast
from tests.builders.clock import FrozenClock

with warnings.catch_warnings():
    # Starlette would like another name of the same client, which is not out yet.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

KEY = "a key for tests that is long enough to be one"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
SHUTDOWN = 20
"""Seconds that a server of the tests gives to what is under way when it ends."""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, secret_key=KEY, public_url="http://testserver")


@cache
def _built() -> FastAPI:
    """The application, built once: putting all routes together takes longer than most tests."""
    nowhere = Settings(_env_file=None, secret_key=KEY, public_url="http://testserver")
    return app.create(nowhere, Database("sqlite:///unused"), FrozenClock(NOW), hosts=["testserver"])


@pytest.fixture
def application(database: Database, clock: FrozenClock, settings: Settings) -> FastAPI:
    """The whole application, without a worker, before this test's database."""
    built = _built()
    built.state.context = Context(database, settings, clock)
    return built


@pytest.fixture
def client(application: FastAPI, cast: Cast) -> Iterator[TestClient]:
    with TestClient(application, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def address(application: FastAPI, cast: Cast) -> Iterator[str]:
    """Where the application is served, with the headers that the doorstep gives it."""
    # A visitor who asked and never listens to the answer may not hold up the end of a test.
    config = uvicorn.Config(
        application, port=0, log_level="error", timeout_graceful_shutdown=SHUTDOWN
    )
    server = uvicorn.Server(config)
    listening = server.config.bind_socket()
    # From here on connections wait in line, however long the server takes to begin.
    listening.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(3 * SHUTDOWN)
    assert not thread.is_alive()


@dataclass
class Visitor:
    """A patient who fills in the form and remembers the address."""

    client: TestClient
    database: Database
    cast: Cast
    base: str = ""
    mine: str = ""
    health: dict[str, str] = field(
        default_factory=lambda: {
            **{question.key: "no" for question in screening.QUESTIONS},
            "seen_by_doctor": "yes",
            "pain_since": "chronic",
        }
    )
    wishes: dict[str, object] = field(
        default_factory=lambda: {"start_on": "2027-02-22", "weekdays": ["0", "3"], "hours": "any"}
    )
    details: dict[str, str] = field(
        default_factory=lambda: {
            "name": "Ada Example",
            "phone": "(202) 555-0155",
            "consent": "yes",
        }
    )

    def get(self, path: str) -> Response:
        """A page of the form, or an absolute address."""
        answer: Response = self.client.get(self._address(path))
        return answer

    def post(self, path: str, data: Mapping[str, object] | None = None) -> Response:
        """Send a step of the form, or to an absolute address."""
        fields = dict(data or {})
        answer: Response = self.client.post(self._address(path), data=fields, headers=SAME_ORIGIN)
        return answer

    def begin(self) -> None:
        """Open the form."""
        answer = self.post("/book", {"treatment_id": str(self.cast.back)})
        assert answer.status_code == 303
        self.base = answer.headers["location"].removesuffix("/screening")

    def reach(self, step: str) -> None:
        """Fill the form up to a step."""
        self.begin()
        for name, data in (
            ("screening", self.health),
            ("wishes", self.wishes),
            ("plan", {}),
            ("details", self.details),
        ):
            if name == step:
                return
            answer = self.post(name, dict(data))
            assert answer.status_code == 303, text_of(answer)
        assert step in {"code", "done"}
        if step == "done":
            answer = self.type_code()
            assert answer.headers["location"] == f"{self.base}/done", text_of(answer)

    def begin_at(self, step: str) -> None:
        """The same, from a copy if the same way was played before."""
        context: Context = _built().state.context

        def played() -> str:
            self.reach(step)
            return self.base

        asked = (self.health, self.wishes, self.details, self.client.headers, self.cast)
        key = (step, context.clock.now(), repr(context.settings), repr(asked))
        self.base = begin(self.database, key, played)

    def code(self) -> str:
        """The digits that were texted last."""
        with self.database.transaction(write=False) as session:
            last = session.exec(select(PhoneCode).order_by(col(PhoneCode.id).desc())).first()
            assert last is not None
            return links.code_of(KEY, last.nonce)

    def type_code(self) -> Response:
        """Send the digits that were texted last."""
        return self.post("code", {"code": self.code()})

    def _address(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.base}/{path}"

    def my(self) -> str:
        """The address of the private page, which outlives the form."""
        if not self.mine:
            found = re.search(r'href="(/my/[\w-]+)"', self.get("done").text)
            assert found is not None
            self.mine = found[1]
        return self.mine

    def session(self, number: int) -> str:
        """The address of a session, as the private page has it."""
        with self.database.transaction(write=False) as session:
            starts_at = session.exec(
                select(Appointment.starts_at)
                .where(Appointment.number == number)
                .order_by(col(Appointment.course_id).desc())
            ).first()
        assert starts_at is not None
        return f"{self.my()}/sessions/{minute_of(starts_at)}"


@pytest.fixture
def visitor(client: TestClient, database: Database, cast: Cast) -> Visitor:
    return Visitor(client, database, cast)


def count(database: Database, table: type[SQLModel]) -> int:
    """How many rows a table has."""
    with database.transaction(write=False) as session:
        return session.exec(select(func.count()).select_from(table)).one()


def text_of(answer: Response, *, but: str = r"(?!)") -> str:
    """The text of a page without its markup; `but`: a pattern of text that is left out."""
    body = re.sub(rf"(?s){but}|<head>.*?</head>|<[^>]+>", " ", answer.text)
    return " ".join(unescape(body).split())
