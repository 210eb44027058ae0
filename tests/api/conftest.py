"""The application with two clinics, staff members and a frozen clock."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from typing import cast as as_if

import pytest
from fastapi import FastAPI
from httpx import Response

from scheduler import app as application
from scheduler.http.context import Context
from scheduler.infra.settings import Settings
from scheduler.staff import accounts
from scheduler.staff.roles import Role
from scheduler.storage.database import Database
from tests.builders.cast import NOW, Cast, settle
from tests.builders.clock import FrozenClock

with warnings.catch_warnings():
    # Starlette would like another name of the same client, which is not out yet.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

KEY = "a key for tests that is long enough to be one"
PASSWORD = "correct horse battery staple"
API = "/api/v1"

__all__ = ["API", "KEY", "PASSWORD", "Desk", "FrozenClock", "TestClient", "key_for"]


@dataclass
class Desk:
    """A member of staff with an API key."""

    client: TestClient
    key: str

    def get(self, path: str, **query: Any) -> Response:
        """Ask for something below /api/v1."""
        answer: Response = self.client.get(f"{API}{path}", params=query, headers=self._headers({}))
        return answer

    def post(self, path: str, body: Any = None, **headers: str) -> Response:
        """Send something; `idempotency_key="x"` is the header Idempotency-Key."""
        return self.send("POST", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """The same with another method."""
        answer: Response = self.client.request(
            method, f"{API}{path}", json=body, headers=self._headers(headers)
        )
        return answer

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.key}", **named}


def key_for(
    database: Database, role: Role = Role.ADMIN, clinic_ids: list[int] | None = None
) -> str:
    """A new member of staff's key."""
    with database.transaction() as session:
        member = accounts.add(
            session,
            email=f"{role}.{'.'.join(map(str, clinic_ids)) if clinic_ids else 'all'}@example.org",
            name="Somebody",
            role=role,
            password=PASSWORD,
            clinic_ids=clinic_ids,
            now=NOW,
        )
        return accounts.make_key(session, member, label="tests", now=NOW)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, secret_key=KEY, public_url="http://testserver")


@pytest.fixture(scope="session")
def built() -> FastAPI:
    """The application, built once: its routes are the same for every test."""
    settings = Settings(_env_file=None, secret_key=KEY, public_url="http://testserver")
    return application.create(settings, as_if("Database", None), FrozenClock(NOW))


@pytest.fixture
def app(built: FastAPI, database: Database, clock: FrozenClock, settings: Settings) -> FastAPI:
    """The application with this test's database and clock."""
    built.state.context = Context(database, settings, clock)
    built.state.database, built.state.settings, built.state.clock = database, settings, clock
    return built


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def desk(client: TestClient, database: Database, cast: Cast) -> Desk:
    """An admin of all clinics."""
    return Desk(client, key_for(database))


@pytest.fixture
def other(database: Database) -> Cast:
    """Another clinic."""
    with database.transaction() as session:
        return settle(session, name="Birch")


@pytest.fixture
def local_desk(client: TestClient, database: Database, cast: Cast) -> Desk:
    """An admin of the first clinic only."""
    return Desk(client, key_for(database, clinic_ids=[cast.clinic]))
