"""An SQLite file that is locked or removed makes requests fail, and none reports success."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scheduler.infra.errors import Unavailable
from scheduler.storage import database as databases
from scheduler.storage.database import Database
from tests.api.conftest import Desk, TestClient
from tests.builders.cast import Cast


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scheduler.db"


def test_nothing_is_written_to_a_file_that_was_taken_away(
    desk: Desk, client: TestClient, cast: Cast, file: Path
) -> None:
    bed = {"clinic_id": cast.clinic, "name": "Bed 3"}
    elsewhere = file.rename(file.with_suffix(".moved"))

    assert desk.post("/rooms", bed).status_code == 503
    assert client.get("/health/ready").status_code == 503
    assert not file.exists(), "an empty file in its place would look like a database"

    elsewhere.rename(file)
    assert desk.post("/rooms", bed).status_code == 201
    assert client.get("/health/ready").status_code == 200


def test_another_file_in_its_place_is_not_written_either(
    desk: Desk, cast: Cast, file: Path
) -> None:
    file.rename(file.with_suffix(".moved"))
    file.write_bytes(file.with_suffix(".moved").read_bytes())

    assert desk.post("/rooms", {"clinic_id": cast.clinic, "name": "Bed 3"}).status_code == 503


def test_a_file_that_is_locked_from_outside_can_be_read_and_soon_says_that_it_cannot_be_written(
    desk: Desk, database: Database, cast: Cast, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = {"clinic_id": cast.clinic, "name": "Bed 3"}
    assert desk.get("/rooms").status_code == 200, "when a key was last used is written seldom"
    database.patience = 0.2

    with closing(sqlite3.connect(file, isolation_level=None)) as outside:
        outside.execute("BEGIN IMMEDIATE")
        refused = desk.post("/rooms", bed)
        read = desk.get("/rooms")
        health = desk.client.get("/health/ready")

    assert (health.status_code, health.json()["problems"]) == (503, [databases.WAITED])
    assert refused.status_code == 503
    assert refused.json()["detail"] == Unavailable.sentence
    assert read.status_code == 200
    assert desk.post("/rooms", bed).status_code == 201
    monkeypatch.setattr(databases, "DELAY_SECONDS", 0.0)
    assert desk.client.get("/health/ready").status_code == 200
