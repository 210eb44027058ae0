"""Migrations that are run by several at once, or killed on the way, end as one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select, text

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import time_off
from scheduler.booking.courses import appointments, courses
from scheduler.booking.models import Course
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.infra.errors import Conflict, Misconfigured
from scheduler.patients import verification
from scheduler.patients.models import Patient
from scheduler.reminders.models import Message, Reply
from scheduler.reminders.outbox import immediate
from scheduler.storage import migrations
from scheduler.storage.database import Database
from tests.builders.cast import ANNS_PHONE, DAY, MONDAY, NOW, Cast, wanted
from tests.support.databases import config_for

pytestmark = pytest.mark.both_databases

SECRET = "a secret for tests that is long enough"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    url: str = request.getfixturevalue("postgresql_url")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


def begin(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scheduler.cli", "migrate"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url, "SECRET_KEY": SECRET},
    )


def version(url: str) -> str | None:
    database = Database(url)
    with database.transaction(write=False) as session:
        present = migrations.present(session)
    database.close()
    return present


def test_four_simultaneous_migrations_queue(empty_url: str) -> None:
    crowd = [begin(empty_url) for _ in range(4)]

    ended = [(person.communicate(timeout=120)[1], person.returncode) for person in crowd]

    assert ended == [("", 0)] * 4
    assert version(empty_url) == migrations.newest()


def test_a_killed_migration_leaves_nothing_half_done(empty_url: str) -> None:
    for wait in (0.6, 0.9, 1.2, 1.5):
        killed = begin(empty_url)
        try:
            killed.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=30)
        assert version(empty_url) in {None, migrations.newest()}

    last = begin(empty_url)

    assert (last.communicate(timeout=120)[1], last.returncode) == ("", 0)
    assert version(empty_url) == migrations.newest()


def stamp(url: str, version_num: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{version_num}'"))
    engine.dispose()


def test_the_last_version_before_the_squash_goes_on(empty_url: str) -> None:
    command.upgrade(config_for(empty_url), "0002")
    stamp(empty_url, "0027")

    migrations.upgrade(Database(empty_url))

    assert version(empty_url) == migrations.newest()


def test_an_unknown_version_is_refused_in_a_sentence(empty_url: str) -> None:
    command.upgrade(config_for(empty_url), "head")
    stamp(empty_url, "9999")

    with pytest.raises(Misconfigured, match="a newer one"):
        migrations.upgrade(Database(empty_url))


def test_all_migrations_can_be_reverted(empty_url: str) -> None:
    command.upgrade(config_for(empty_url), "head")

    command.downgrade(config_for(empty_url), "base")

    engine = create_engine(empty_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


FIRST = "0001"
KEPT_COLUMNS = {
    "appointments": "id, course_id, patient_id, practitioner_id, room_id, number, state, starts_at"
    ", ends_at, wall_time",
    "courses": "id, patient_id, treatment_id, state",
    "diary": "calendar_id, from_minute, to_minute, appointment_id, time_off_id",
    "messages": "id, kind, state, phone, due_at",
    "patients": "id, name, phone, language",
    "time_off": "id, clinic_id, practitioner_id, starts_at, ends_at",
}


def rows(database: Database) -> dict[str, list[str]]:
    with database.transaction(write=False) as session:
        return {
            table: sorted(str(tuple(row)) for row in _all(session, f"SELECT {names} FROM {table}"))
            for table, names in KEPT_COLUMNS.items()
        }


def _all(session: Session, statement: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in session.execute(text(statement))]


def test_bookings_survive_a_downgrade_and_an_upgrade(
    database: Database, database_url: str, cast: Cast
) -> None:
    with database.transaction() as session:
        course = book(session, cast, cast.ann)
        second = courses.appointments_of(session, course)[1]
        appointments.cancel(session, OPERATOR, second, now=NOW)
        ben, away = session.get_one(Practitioner, cast.ben), MONDAY + 2 * DAY
        time_off.take_time_off(
            session, OPERATOR, ben, starts_at=away, ends_at=away + 2 * DAY, now=NOW
        )
        code = verification.begin(
            session, clinic_id=cast.clinic, phone=ANNS_PHONE, origin="192.0.2.1", now=NOW
        )
        immediate.owe_code(session, code, language="en", now=NOW)
    before = rows(database)
    assert before["messages"], "texts are owed"
    database.close()

    command.downgrade(config_for(database_url), FIRST)
    command.upgrade(config_for(database_url), "head")

    assert rows(database) == before
    with pytest.raises(DBAPIError), database.transaction() as session:
        session.execute(text("DELETE FROM diary WHERE appointment_id = 1"))
    with pytest.raises(Conflict), database.transaction() as session:
        book(session, cast, cast.ann)  # no double booking
    with database.transaction() as session:
        moved = courses.appointments_of(session, session.get_one(Course, 1))[0]
        appointments.move(session, OPERATOR, moved, starts_at=MONDAY.replace(hour=11), now=NOW)


def test_a_migration_finds_the_reply_that_a_message_answers(
    database: Database, database_url: str, cast: Cast
) -> None:
    with database.transaction() as session:
        for number in range(12):  # so that ids have one and two digits
            session.add(
                Reply(carrier_id=f"SM{number}", phone=ANNS_PHONE, body="?", meaning="help", at=NOW)
            )
        session.flush()
        for reply_id in (3, 12):
            immediate.owe_answer(
                session,
                session.get_one(Clinic, cast.clinic),
                "help",
                reply_id=reply_id,
                phone=ANNS_PHONE,
                language="en",
                now=NOW,
                useful=DAY,
            )
    database.close()

    command.downgrade(config_for(database_url), "0003")
    command.upgrade(config_for(database_url), "head")

    with database.transaction(write=False) as session:
        assert session.exec(select(Message.reply_id).order_by(col(Message.id))).all() == [3, 12]


def test_messages_that_gave_way_keep_what_they_gave_way_to(
    database: Database, database_url: str, cast: Cast
) -> None:
    gave_way_to = {
        "Gave way: no more than 1 text a day to one phone.": "daily_cap",
        "Gave way: no more than 3 texts in 7 days to one phone.": "weekly_cap",
        "Gave way: it was late, and another text about this session replaced it.": "other_text",
        "The session was moved.": "",
    }
    with database.transaction() as session:
        for number, sentence in enumerate(gave_way_to):
            message = Message(
                clinic_id=cast.clinic,
                key=f"code:{number}",
                kind="code",
                phone=ANNS_PHONE,
                text="",
                state="withdrawn",
                reason=sentence,
                due_at=NOW,
                expires_at=NOW,
                created_at=NOW,
            )
            session.add(message)
    database.close()

    command.downgrade(config_for(database_url), "0004")
    command.upgrade(config_for(database_url), "head")

    with database.transaction(write=False) as session:
        rows = session.exec(select(Message.reason, Message.gave_way_to)).all()
        assert dict(rows) == gave_way_to


def book(session: Session, cast: Cast, who: int) -> Course:
    return courses.book(
        session,
        OPERATOR,
        treatment=session.get_one(Treatment, cast.back),
        patient=session.get_one(Patient, who),
        wanted=wanted(*(MONDAY + 7 * DAY * number for number in range(3))),
        now=NOW,
    )


def test_a_migration_gives_up_on_a_locked_table_and_changes_nothing(
    postgresql_url: str,
) -> None:
    command.downgrade(config_for(postgresql_url), FIRST)
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as other:
        other.execute("SELECT 1 FROM diary")  # and the transaction stays open

        answer = begin(postgresql_url)

        assert "Traceback" not in answer.communicate(timeout=60)[1]
        assert answer.returncode == 1
    assert version(postgresql_url) == FIRST
    last = begin(postgresql_url)
    assert (last.communicate(timeout=120)[1], last.returncode) == ("", 0)
    assert version(postgresql_url) == migrations.newest()
