"""The database itself refuses overlaps, whatever SQL is thrown at it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from scheduler.booking.availability import diary
from scheduler.booking.availability.diary import Entry
from scheduler.booking.models import Hold
from scheduler.clinic.models import Closure, Room, TimeOff
from scheduler.infra.intervals import Interval
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import NOW, Cast

pytestmark = pytest.mark.both_databases

NINE = 29_900_000
TEN = NINE + 60


def calendar_of(database: Database, cast: Cast) -> int:
    with database.transaction() as session:
        return session.get_one(Room, cast.beds[0]).calendar_id


def hold(database: Database, cast: Cast) -> int:
    with database.transaction() as session:
        kept = Hold(clinic_id=cast.clinic, expires_at=NOW)
        session.add(kept)
        session.flush()
        return stored_id(kept.id)


def occupy(database: Database, calendar_id: int, start: int, end: int, hold_id: int) -> bool:
    with database.transaction() as session:
        return diary.claim(session, [Entry(calendar_id, Interval(start, end), hold_id=hold_id)])


@pytest.mark.parametrize(
    ("start", "end", "taken"),
    [
        (NINE, TEN, True),
        (NINE + 59, TEN + 59, True),
        (NINE - 59, NINE + 1, True),
        (NINE + 10, NINE + 20, True),
        (NINE - 10, TEN + 10, True),
        (TEN, TEN + 60, False),
        (NINE - 60, NINE, False),
    ],
)
def test_a_shared_minute_is_refused_and_touching_is_not(
    database: Database, cast: Cast, start: int, end: int, taken: bool
) -> None:
    calendar_id, hold_id = calendar_of(database, cast), hold(database, cast)
    assert occupy(database, calendar_id, NINE, TEN, hold_id)

    assert occupy(database, calendar_id, start, end, hold_id) is not taken


def test_all_entries_are_written_or_none(database: Database, cast: Cast) -> None:
    calendar_id, hold_id = calendar_of(database, cast), hold(database, cast)
    occupy(database, calendar_id, NINE, TEN, hold_id)

    with database.transaction() as session:
        spans = [Interval(TEN, TEN + 60), Interval(NINE + 30, TEN)]
        claimed = diary.claim(
            session, [Entry(calendar_id, span, hold_id=hold_id) for span in spans]
        )

    assert not claimed
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM diary")).scalar() == 1


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO diary (calendar_id, from_minute, to_minute, hold_id)"
        f" SELECT calendar_id, from_minute + 5, to_minute + 5, hold_id FROM diary"
        f" WHERE from_minute = {NINE}",
        f"UPDATE diary SET from_minute = {NINE + 10} WHERE from_minute = {TEN}",
        f"UPDATE diary SET from_minute = {NINE + 10}, to_minute = {NINE + 20}"
        f" WHERE from_minute = {TEN}",
        f"UPDATE diary SET to_minute = {TEN + 30} WHERE from_minute = {NINE}",
        f"UPDATE diary SET to_minute = from_minute - 1 WHERE from_minute = {NINE}",
        f"UPDATE diary SET to_minute = from_minute + 100000 WHERE from_minute = {TEN}",
        f"UPDATE diary SET hold_id = NULL WHERE from_minute = {NINE}",
    ],
)
def test_hostile_sql_makes_no_overlap(database: Database, cast: Cast, attack: str) -> None:
    calendar_id, hold_id = calendar_of(database, cast), hold(database, cast)
    occupy(database, calendar_id, NINE, TEN, hold_id)
    occupy(database, calendar_id, TEN, TEN + 60, hold_id)

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(text(attack))


def test_absences_may_overlap_each_other_and_nothing_else(database: Database, cast: Cast) -> None:
    calendar_id, hold_id = calendar_of(database, cast), hold(database, cast)
    with database.transaction() as session:
        closure = Closure(clinic_id=cast.clinic, day=NOW.date())
        time_off = TimeOff(
            clinic_id=cast.clinic, practitioner_id=cast.ana, starts_at=NOW, ends_at=NOW
        )
        session.add_all([closure, time_off])
        session.flush()
        closed = Entry(calendar_id, Interval(NINE, TEN), closure_id=closure.id)
        away = Entry(calendar_id, Interval(NINE, TEN), time_off_id=time_off.id)
        assert diary.claim(session, [closed])
        assert diary.claim(session, [away])

    assert not occupy(database, calendar_id, NINE + 30, TEN + 30, hold_id)


def test_an_absence_longer_than_a_day_takes_all_of_it(database: Database, cast: Cast) -> None:
    calendar_id, hold_id = calendar_of(database, cast), hold(database, cast)
    with database.transaction() as session:
        time_off = TimeOff(
            clinic_id=cast.clinic, practitioner_id=cast.ana, starts_at=NOW, ends_at=NOW
        )
        session.add(time_off)
        session.flush()
        week = Interval(NINE, NINE + 7 * 1440)
        assert diary.claim(session, [Entry(calendar_id, week, time_off_id=time_off.id)])

    middle = NINE + 3 * 1440
    assert not occupy(database, calendar_id, middle, middle + 40, hold_id)
    assert occupy(database, calendar_id, week.end, week.end + 40, hold_id)
