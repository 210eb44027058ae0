"""A copied beginning equals one that was played."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlmodel import select

from scheduler.clinic.models import Clinic
from scheduler.storage.database import Database
from tests.builders.beginnings import begin
from tests.builders.cast import Cast, settle
from tests.support.databases import place
from workshop import postgres

pytestmark = pytest.mark.both_databases

played: list[tuple[str, str]] = []


def opening(database: Database, name: str = "Birch") -> Callable[[], list[int]]:
    """Opens another clinic and returns the ids of its beds."""

    def play() -> list[int]:
        played.append((database.engine.dialect.name, name))
        with database.transaction() as session:
            return list(settle(session, name=name).beds)

    return play


def names(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        return sorted(session.exec(select(Clinic.name)))


@pytest.fixture
def second(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> Iterator[Database]:
    """The database of another test of the same kind: fresh, with the clinic in it."""
    if database.is_sqlite:
        url = f"sqlite:///{shutil.copy(place() / 'template.sqlite', tmp_path / 'second.db')}"
    else:
        server: psycopg.Connection = request.getfixturevalue("postgresql_server")
        name = f"test_{uuid4().hex}"
        postgres.copy(server, request.getfixturevalue("postgresql_template"), name)
        url = postgres.url_of(postgres.start(place()), name)
    second = Database(url)
    with second.transaction() as session:
        settle(session)
    yield second
    second.close()


def test_each_test_begins_alike_and_spoils_no_other(
    database: Database, cast: Cast, second: Database
) -> None:
    before = len(played)
    for fresh in (database, second):
        beds = begin(fresh, "birch", opening(fresh))

        assert names(fresh) == ["Birch Clinic", "Willow Clinic"]
        assert beds == [3, 4]
        assert len(played) == before + 1

        beds.append(5)
        with fresh.transaction() as session:
            assert settle(session, name="Elm").clinic == 3


def test_where_other_rows_were_before_it_is_played(database: Database, cast: Cast) -> None:
    assert begin(database, "oak", opening(database, "Oak")) == [3, 4]
    before = len(played)

    assert begin(database, "oak", opening(database, "Oak")) == [5, 6]

    assert len(played) == before + 1
    assert names(database) == ["Oak Clinic", "Oak Clinic", "Willow Clinic"]


def test_what_it_goes_by_belongs_to_its_key(database: Database) -> None:
    begin(database, ("elm", "Elm"), opening(database, "Elm"))

    assert names(database) == ["Elm Clinic"]
