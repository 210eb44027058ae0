"""Hostile SQL against both tables at once: every live appointment keeps its diary entries."""

import sqlite3
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from sqlmodel import SQLModel

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import appointments, courses
from scheduler.booking.models import Hold
from scheduler.clinic.models import Closure, TimeOff, Treatment
from scheduler.patients.models import Patient
from scheduler.storage.database import Database
from tests.builders.cast import DAY, MONDAY, NOW, Cast, settle, wanted

pytestmark = pytest.mark.both_databases

REFUSALS = (sqlite3.IntegrityError, psycopg.IntegrityError)

KEPT = [
    column.name
    for column in SQLModel.metadata.tables["appointments"].columns
    if column.name not in {"id", "number"}
]
COPY = (
    f"INSERT INTO appointments (number, {', '.join(KEPT)})"
    f" SELECT 9, {', '.join(KEPT)} FROM appointments WHERE id = 1"
)


@pytest.fixture
def booked(database: Database, cast: Cast) -> None:
    book_three(database, cast)


def book_three(database: Database, cast: Cast) -> None:
    """Ann's sessions 1 and 2, with Ana on Tuesday and Wednesday; her third is cancelled."""
    with database.transaction() as session:
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, cast.ann),
            wanted=wanted(MONDAY + DAY, MONDAY + 2 * DAY, MONDAY + 4 * DAY),
            now=NOW,
        )
        third = courses.appointments_of(session, course)[2]
        appointments.cancel(session, OPERATOR, third, now=NOW)
        # With nothing in the diary yet; each is the first of its kind.
        session.add(Hold(clinic_id=cast.clinic, expires_at=NOW))
        session.add(Closure(clinic_id=cast.clinic, day=MONDAY.date()))
        session.add(
            TimeOff(
                clinic_id=cast.clinic, practitioner_id=cast.ana, starts_at=MONDAY, ends_at=MONDAY
            )
        )


def straight(database: Database, *statements: str) -> None:
    """Say SQL to the driver itself, in one transaction."""
    raw: Any = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        if database.is_sqlite:
            cursor.execute("BEGIN IMMEDIATE")
        for statement in statements:
            cursor.execute(statement)
        # SQLite's driver must leave transactions to us.
        cursor.execute("COMMIT")
    finally:
        raw.invalidate()
        raw.close()


SECOND = "(SELECT starts_at FROM appointments WHERE id = 2)"
ATTACKS = {
    "live without a diary": [COPY],
    "a cancelled one booked again": ["UPDATE appointments SET state = 'booked' WHERE id = 3"],
    "a cancelled one completed": ["UPDATE appointments SET state = 'completed' WHERE id = 3"],
    "its entries deleted": ["DELETE FROM diary WHERE appointment_id = 1"],
    "one of its hands deleted": [
        "DELETE FROM diary WHERE id = (SELECT max(d.id) FROM diary d JOIN practitioners p"
        " ON p.calendar_id = d.calendar_id WHERE d.appointment_id = 1)"
    ],
    "its room's entry deleted": [
        "DELETE FROM diary WHERE id = (SELECT max(d.id) FROM diary d JOIN rooms r"
        " ON r.calendar_id = d.calendar_id WHERE d.appointment_id = 1)"
    ],
    "its patient's entry deleted": [
        "DELETE FROM diary WHERE id = (SELECT max(d.id) FROM diary d JOIN patients p"
        " ON p.calendar_id = d.calendar_id WHERE d.appointment_id = 1)"
    ],
    "the diary moved alone": [
        "UPDATE diary SET from_minute = from_minute + 300, to_minute = to_minute + 300"
        " WHERE appointment_id = 1"
    ],
    "its hands moved alone": [
        "UPDATE diary SET from_minute = from_minute + 300, to_minute = to_minute + 300"
        " WHERE id = (SELECT max(d.id) FROM diary d JOIN practitioners p"
        " ON p.calendar_id = d.calendar_id WHERE d.appointment_id = 1)"
    ],
    "the session moved alone": [
        f"UPDATE appointments SET starts_at = {SECOND},"
        " ends_at = (SELECT ends_at FROM appointments WHERE id = 2) WHERE id = 1"
    ],
    "the session made longer": [
        "UPDATE appointments SET ends_at = (SELECT ends_at FROM appointments WHERE id = 2)"
        " WHERE id = 1"
    ],
    "another practitioner": ["UPDATE appointments SET practitioner_id = 2 WHERE id = 1"],
    "another room": ["UPDATE appointments SET room_id = 3 - room_id WHERE id = 1"],
    "another patient": ["UPDATE appointments SET patient_id = 2 WHERE id = 1"],
    "entries given to another session": [
        "UPDATE diary SET appointment_id = 2 WHERE appointment_id = 1"
    ],
    "other hands claimed": ["UPDATE appointments SET hands = '0:1' WHERE id = 1"],
    "another calendar": [
        "UPDATE diary SET calendar_id = (SELECT calendar_id FROM rooms WHERE id = 2)"
        " WHERE appointment_id = 1 AND calendar_id IN (SELECT calendar_id FROM patients)"
    ],
    "its entries written anew over another's": [
        "DELETE FROM diary WHERE appointment_id = 1",
        "INSERT INTO diary (calendar_id, from_minute, to_minute, appointment_id)"
        " SELECT calendar_id, from_minute, to_minute, 1 FROM diary WHERE appointment_id = 2",
    ],
    "its entries written anew elsewhere": [
        "INSERT INTO diary (calendar_id, from_minute, to_minute, appointment_id)"
        " SELECT calendar_id, from_minute + 300, to_minute + 300, 1 FROM diary"
        " WHERE appointment_id = 1",
        "DELETE FROM diary WHERE appointment_id = 1 AND id IN (SELECT one.id FROM diary one"
        " JOIN diary other ON other.calendar_id = one.calendar_id"
        " AND other.from_minute = one.from_minute + 300)",
    ],
    "the session itself deleted": ["DELETE FROM appointments WHERE id = 1"],
    "an absence of nobody": [
        "INSERT INTO time_off (clinic_id, starts_at, ends_at, reason)"
        " SELECT clinic_id, starts_at, ends_at, reason FROM time_off"
    ],
}
REASONS = ("hold_id", "time_off_id", "closure_id")
OWNERS = ("practitioners", "rooms", "patients")


def over(owner: str) -> str:
    """The entries of session 1 on the calendars of one kind."""
    return f"appointment_id = 1 AND calendar_id IN (SELECT calendar_id FROM {owner})"


for reason in REASONS:
    for owner in OWNERS:
        ATTACKS[f"{reason} over it, {owner}"] = [
            f"INSERT INTO diary (calendar_id, from_minute, to_minute, {reason})"
            f" SELECT calendar_id, from_minute + 5, to_minute + 5, 1 FROM diary"
            f" WHERE {over(owner)}"
        ]
        ATTACKS[f"{reason} moved over it, {owner}"] = [
            f"INSERT INTO diary (calendar_id, from_minute, to_minute, {reason})"
            f" SELECT calendar_id, from_minute + 600, to_minute + 600, 1 FROM diary"
            f" WHERE {over(owner)}",
            "UPDATE diary SET from_minute = from_minute - 600, to_minute = to_minute - 600"
            f" WHERE {reason} = 1",
        ]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_hostile_sql_leaves_every_session_its_time(
    database: Database, booked: None, attack: list[str]
) -> None:
    before = picture(database)

    with pytest.raises(REFUSALS):
        straight(database, *attack)

    assert picture(database) == before


@pytest.mark.parametrize("how", ["OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK"])
@pytest.mark.parametrize(
    "attack",
    [
        "INSERT {how} INTO diary (id, calendar_id, from_minute, to_minute, hold_id)"
        " SELECT id, calendar_id, from_minute + 5, to_minute + 5, 1 FROM diary"
        " WHERE appointment_id = 1",
        "INSERT {how} INTO diary (calendar_id, from_minute, to_minute, hold_id)"
        " SELECT calendar_id, from_minute + 5, to_minute + 5, 1 FROM diary"
        " WHERE appointment_id = 1",
        "UPDATE {how} diary SET id = (SELECT min(id) FROM diary WHERE appointment_id = 2)"
        " WHERE id = (SELECT min(id) FROM diary WHERE appointment_id = 1)",
        "UPDATE {how} appointments SET state = 'booked' WHERE id = 3",
    ],
)
def test_no_manner_of_conflict_of_sqlite_leads_past_the_guard(
    sqlite_url: str, how: str, attack: str
) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        cast = settle(session)
    book_three(database, cast)
    before = picture(database)

    # Some are refused, others pass over what they cannot do.
    with suppress(*REFUSALS, sqlite3.OperationalError):
        straight(database, attack.format(how=how))

    assert picture(database) == before
    database.close()


@pytest.mark.parametrize(
    "deed",
    [
        [
            "DELETE FROM diary WHERE appointment_id = 1",
            "UPDATE appointments SET state = 'cancelled' WHERE id = 1",
        ],
        ["UPDATE appointments SET state = 'completed' WHERE id = 1"],
        [
            "UPDATE diary SET from_minute = from_minute + 1440, to_minute = to_minute + 1440"
            " WHERE appointment_id = 2",
            "UPDATE appointments SET starts_at = {later_start}, ends_at = {later_end} WHERE id = 2",
        ],
    ],
)
def test_what_leaves_both_tables_in_step_is_allowed(
    database: Database, booked: None, deed: list[str]
) -> None:
    def later(column: str) -> str:
        if database.is_sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '+1 day')"
        return f"{column} + interval '1 day'"

    before = picture(database)
    straight(
        database,
        *(
            entry.format(later_start=later("starts_at"), later_end=later("ends_at"))
            for entry in deed
        ),
    )

    assert picture(database) != before


def test_a_file_opened_without_foreign_keys_takes_no_sessions(
    sqlite_url: str, tmp_path: object
) -> None:
    raw = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))

    with pytest.raises(sqlite3.IntegrityError, match="foreign keys are off"):
        raw.execute(
            "INSERT INTO diary (calendar_id, from_minute, to_minute, appointment_id)"
            " VALUES (1, 0, 10, 1)"
        )
    raw.close()


def picture(database: Database) -> tuple[list[Any], ...]:
    """All that is in both tables."""
    raw: Any = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        rows: list[list[Any]] = []
        for query in (
            "SELECT * FROM appointments ORDER BY id",
            "SELECT * FROM diary ORDER BY id",
        ):
            cursor.execute(query)
            rows.append([tuple(row) for row in cursor.fetchall()])
        return tuple(rows)
    finally:
        raw.close()
