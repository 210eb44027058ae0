"""A beginning that is copied is the one that is played."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from scheduler.clinic.models import Clinic
from scheduler.database import Database
from tests.beginnings import begin
from tests.cast import Cast, settle

pytestmark = pytest.mark.xdist_group("beginnings")  # what is kept is kept by one worker

played: list[tuple[str, str]] = []


def opening(database: Database, name: str = "Birch") -> Callable[[], list[int]]:
    """Opens another clinic; the ids of its beds."""

    def play() -> list[int]:
        played.append((database.engine.dialect.name, name))
        with database.transaction() as session:
            return list(settle(session, name=name).beds)

    return play


def names(database: Database) -> list[str]:
    with database.transaction(write=False) as session:
        return sorted(session.exec(select(Clinic.name)))


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_begins_alike_and_spoils_no_other(
    database: Database, cast: Cast, time: str
) -> None:
    beds = begin(database, "birch", opening(database))

    assert names(database) == ["Birch Clinic", "Willow Clinic"]
    assert beds == [3, 4]
    assert played.count((database.engine.dialect.name, "Birch")) == 1

    beds.append(5)
    with database.transaction() as session:
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
