"""An SQLite file is locked or taken away from outside: nothing is said to be done that is not."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI

from scheduler.database import Database
from tests.api.conftest import Desk, TestClient
from tests.cast import Cast


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


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
