"""A government changes its clocks after people have booked: they come at the time they agreed on.

The zone is made for the test, by zic: a clinic on an island that had one time all year round and
then brings in summer time, from the last Sunday of March, 2:00, to the last of October.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR, AuditEntry
from scheduler.booking.absences import closures, time_off
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import courses
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.clinic import zone_rules
from scheduler.clinic.models import Clinic, Practitioner, TimeOff, Treatment, WorkingHours
from scheduler.commands import checks, database
from scheduler.infra.errors import Misconfigured
from scheduler.maintenance import rezone
from scheduler.patients.models import Patient
from scheduler.reminders.kinds import zone_rule_changes
from scheduler.storage.database import Database, stored_id
from tests.builders.world import ANN, BEN, World, appointment, found
from tests.stories.replies.talk import hear
from tests.support.zones import ISLAND, island
from tests.test_cli import SECRET, Run, run

pytestmark = pytest.mark.both_databases

__all__ = ["run"]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WINTER, SUMMER = "+1", "+1 summer"
OLD, NEW = "2026.6", "2026.10"


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """An instant in 2027."""
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """A clinic on the island, open day and night, while its clocks are still left alone."""
    world = found(database)
    with database.transaction() as session:
        session.get_one(Clinic, world.clinic_id).timezone = ISLAND
        for row in session.exec(select(WorkingHours)):
            row.starts = row.ends = "00:00"
    with island(tmp_path / "before", WINTER):
        begin(world, OLD)
        yield world


@contextmanager
def summer_time(tmp_path: Path) -> Iterator[None]:
    """The law has changed, and the zone data with it."""
    with island(tmp_path / "after", SUMMER):
        yield


def begin(world: World, version: str = NEW) -> rezone.Report | None:
    """The step that every process runs at its start."""
    return rezone.at_start(world.database, OPERATOR, now=world.clock.at, version=version)


def sessions(world: World, course_id: int) -> list[Appointment]:
    with world.database.transaction(write=False) as session:
        return courses.appointments_of(session, session.get_one(Course, course_id))


def diary_of(world: World, appointment_id: int | None) -> set[tuple[int, int]]:
    """The minutes (UTC) that an appointment takes on any calendar."""
    with world.database.transaction(write=False) as session:
        rows = session.execute(
            text("SELECT from_minute, to_minute FROM diary WHERE appointment_id = :id"),
            {"id": appointment_id},
        )
        return {(start, end) for start, end in rows}


def deeds(world: World, deed: str) -> list[AuditEntry]:
    with world.database.transaction(write=False) as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.action == deed)))


def minutes(instant: datetime) -> int:
    return int(instant.timestamp()) // 60


def test_wall_times_are_kept_and_instants_follow(world: World, tmp_path: Path) -> None:
    course_id = world.book(world.enrol(), utc(2, 8, 8), utc(3, 29, 8), utc(11, 1, 8))
    before = sessions(world, course_id)

    with summer_time(tmp_path):
        report = begin(world)

    after = sessions(world, course_id)
    assert [visit.starts_at for visit in after] == [utc(2, 8, 8), utc(3, 29, 7), utc(11, 1, 8)]
    assert {visit.ends_at - visit.starts_at for visit in after} == {timedelta(minutes=40)}
    assert [visit.wall_time for visit in after] == [visit.wall_time for visit in before]
    assert [now.version - then.version for now, then in zip(after, before, strict=True)] == [
        0,
        1,
        0,
    ]
    moved = minutes(utc(3, 29, 7))
    assert diary_of(world, after[1].id) == {(moved, moved + 40)}
    [entry] = deeds(world, "followed the clock")
    assert (entry.subject, entry.subject_id) == ("appointment", after[1].id)
    assert entry.details == {
        "agreed": f"2027-03-29 09:00 {ISLAND}",
        "before": "2027-03-29T08:00:00+00:00",
        "after": "2027-03-29T07:00:00+00:00",
    }
    assert report is not None
    assert list(report.sentences()) == [
        f"Session 2 of course {course_id} keeps 2027-03-29 09:00 {ISLAND}:"
        " 2027-03-29 07:00 UTC instead of 2027-03-29 08:00 UTC.",
        f"With zone data {NEW}: 1 moved with the clock, 0 could not.",
    ]


def test_back_to_back_sessions_stay_back_to_back(world: World, tmp_path: Path) -> None:
    with world.database.transaction() as session:
        session.execute(text("DELETE FROM treatment_rooms WHERE room_id > 1"))
        session.execute(text("DELETE FROM treatment_practitioners WHERE practitioner_id > 1"))
    first, second = world.enrol(), world.enrol("Ben Example", BEN)
    times = [utc(6, 7, 8) + timedelta(minutes=40 * place) for place in range(2)]
    ids = [
        world.book(patient, start) for patient, start in zip((first, second), times, strict=True)
    ]

    with summer_time(tmp_path):
        report = begin(world)

    assert report is not None
    assert report.outlook.clashes == []
    assert [sessions(world, row_id)[0].starts_at for row_id in ids] == [
        time - HOUR for time in times[:2]
    ]


def test_a_start_with_the_same_zone_data_does_nothing(world: World, tmp_path: Path) -> None:
    world.book(world.enrol(), utc(3, 29, 8))
    with summer_time(tmp_path):
        begin(world)

        assert begin(world) is None

    assert len(deeds(world, "took zone data")) == 1


def test_two_processes_that_start_at_once_rezone_once(world: World, tmp_path: Path) -> None:
    course_id = world.book(world.enrol(), utc(3, 29, 8))
    together = Barrier(4)

    def start(_: int) -> rezone.Report | None:
        together.wait()
        return begin(world)

    with summer_time(tmp_path), ThreadPoolExecutor(4) as processes:
        list(processes.map(start, range(4)))

    assert [visit.starts_at for visit in sessions(world, course_id)] == [utc(3, 29, 7)]
    assert len(deeds(world, "followed the clock")) == 1
    assert len(deeds(world, "took zone data")) == 1


def test_a_dry_run_reports_and_changes_nothing(world: World, tmp_path: Path) -> None:
    world.book(world.enrol(), utc(3, 29, 8))
    before = everything(world)

    with summer_time(tmp_path):
        report = rezone.run(world.database, OPERATOR, now=world.clock.at, version=NEW, dry_run=True)

    assert [shift.after.start for shift in report.outlook.shifts] == [minutes(utc(3, 29, 7))]
    assert everything(world) == before


def everything(world: World) -> dict[str, list[Any]]:
    tables = ("appointments", "courses", "diary", "time_off", "messages", "zone_rules")
    with world.database.transaction(write=False) as session:
        return {
            table: [
                tuple(row) for row in session.execute(text(f"SELECT * FROM {table} ORDER BY 1"))
            ]
            for table in (*tables, "audit_entries")
        }


def test_a_sent_text_is_not_repeated_and_its_answer_counts(world: World, tmp_path: Path) -> None:
    course_id = world.book(world.enrol(), utc(3, 29, 8))
    sent = list(world.work(utc(3, 28, 9)))
    [asked] = world.messages(kind="day_before")
    assert asked.sent_at is not None

    with summer_time(tmp_path):
        report = begin(world)
        for hour in range(14):
            world.work(utc(3, 28, 9) + hour * HOUR)
        with world.database.transaction() as session:
            hear(session, carrier_id="SM1", phone=ANN, body="C", now=world.clock.at)

    assert report is not None
    assert report.texts_gone == len(sent)
    kinds = Counter(message.kind for message in world.messages() if message.sent_at)
    assert kinds["day_before"] == 1
    [kept] = world.messages(kind="day_before")
    assert (kept.id, kept.about, kept.reason) == (asked.id, utc(3, 29, 7), zone_rule_changes.NOTE)
    assert [(visit.starts_at, visit.state) for visit in sessions(world, course_id)] == [
        (utc(3, 29, 7), AppointmentState.CONFIRMED)
    ]


def test_due_texts_follow_the_clock(world: World, tmp_path: Path) -> None:
    world.book(world.enrol(), utc(3, 29, 8))
    world.work()
    before = {message.kind: message.due_at for message in world.messages(state="owed")}

    with summer_time(tmp_path):
        begin(world)
        world.work(world.clock.at + HOUR)

    after = {message.kind: message.due_at for message in world.messages(state="owed")}
    assert before
    assert after == {kind: due - HOUR for kind, due in before.items()}
    assert all(
        "9:00" in message.text for message in world.messages(kind="day_before", state="owed")
    )


def test_clashes_stay_and_are_reported(world: World, tmp_path: Path) -> None:
    with world.database.transaction() as session:
        session.execute(text("DELETE FROM treatment_rooms WHERE room_id > 2"))
        session.execute(text("DELETE FROM treatment_practitioners WHERE practitioner_id > 2"))
    ann, ben = world.enrol(), world.enrol("Ben Example", BEN)
    # By the new clocks 40 minutes from 1:40 last until 3:20.
    early = book(world, ann, utc(3, 28, 0, 40), practitioner=1)
    late = book(world, ben, utc(3, 28, 2), practitioner=1)
    skipped = book(world, ann, utc(3, 28, 1, 30), practitioner=2)

    with summer_time(tmp_path):
        report = begin(world)

    assert report is not None
    [gap, taken] = report.outlook.clashes
    assert gap.sentence == (
        f"Session 1 of course {skipped}, agreed for 2027-03-28 02:30 {ISLAND},"
        " stays at 2027-03-28 01:30 UTC: clocks skip that time now."
    )
    assert taken.sentence == (
        f"Session 1 of course {late}, agreed for 2027-03-28 03:00 {ISLAND},"
        f" stays at 2027-03-28 02:00 UTC: appointment {sessions(world, early)[0].id}"
        " takes that time."
    )
    assert sessions(world, late)[0].starts_at == utc(3, 28, 2)
    assert diary_of(world, sessions(world, late)[0].id) == {
        (minutes(utc(3, 28, 2)), minutes(utc(3, 28, 2, 40)))
    }
    assert len(deeds(world, "could not follow the clock")) == 2


def book(world: World, patient_id: int, start: datetime, *, practitioner: int) -> int:
    with world.database.transaction() as session:
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, world.treatment_id),
            patient=session.get_one(Patient, patient_id),
            wanted=[RequestedTime(1, start, practitioner)],
            now=world.clock.at,
        )
        return stored_id(course.id)


def test_absences_keep_their_wall_time_too(world: World, tmp_path: Path) -> None:
    with world.database.transaction() as session:
        ines = session.exec(select(Practitioner).order_by(col(Practitioner.id))).first()
        assert ines is not None
        clinic = session.get_one(Clinic, world.clinic_id)
        time_off.take_time_off(
            session,
            OPERATOR,
            ines,
            starts_at=utc(3, 20, 8),
            ends_at=utc(4, 3, 16),
            now=world.clock.at,
        )
        closures.close(session, OPERATOR, clinic, day=date(2027, 6, 1), now=world.clock.at)
        closures.close(session, OPERATOR, clinic, day=date(2027, 3, 28), now=world.clock.at)

    with summer_time(tmp_path):
        begin(world)

        with world.database.transaction(write=False) as session:
            [away] = session.exec(select(TimeOff)).all()
            assert (away.starts_at, away.ends_at) == (utc(3, 20, 8), utc(4, 3, 15))
            assert spans(session, "time_off_id") == {
                (minutes(utc(3, 20, 8)), minutes(utc(4, 3, 15)))
            }
            midnight = [
                datetime(2027, month, day, tzinfo=ZoneInfo(ISLAND))
                for month, day in ((3, 28), (3, 29), (6, 1), (6, 2))
            ]
            assert spans(session, "closure_id") == {
                (minutes(midnight[0]), minutes(midnight[1])),
                (minutes(midnight[2]), minutes(midnight[3])),
            }


def spans(session: Any, column: str) -> set[tuple[int, int]]:
    rows = session.execute(
        text(
            f"SELECT MIN(from_minute), MAX(to_minute) FROM diary WHERE {column} IS NOT NULL"
            f" GROUP BY {column}"
        )
    )
    return {(start, end) for start, end in rows}


def test_a_program_with_older_zone_data_is_refused(world: World) -> None:
    begin(world, NEW)

    with pytest.raises(Misconfigured) as refusal:
        begin(world, OLD)

    assert refusal.value.sentence == (
        f"The times in this database follow zone data {NEW}; this program has {OLD}."
        " Update the program."
    )


def test_the_command_and_the_doctor_report_clashes(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (checks, database):
        monkeypatch.setattr(module, "SystemClock", lambda: world.clock)
    url = world.database.url.render_as_string(hide_password=False)
    # Commands take the packaged zones.
    with world.database.transaction() as session:
        session.get_one(Clinic, world.clinic_id).timezone = "Europe/Berlin"
    fair, skipped = (
        world.book(world.enrol(), utc(6, 7, 7)),
        book(world, world.enrol("Ben Example", BEN), utc(3, 28, 0, 30), practitioner=1),
    )
    with world.database.transaction() as session:
        appointment(session, fair, 1).wall_time = "2027-06-07T10:00"
        appointment(session, skipped, 1).wall_time = "2027-03-28T02:30"

    examined = run("doctor", DATABASE_URL=url, SECRET_KEY=SECRET)
    assert "WRONG zones: With zone data" in examined.output
    assert "2 sessions or absences are not at the wall time that was agreed." in examined.output
    tried = run("rezone", "--dry-run", DATABASE_URL=url, SECRET_KEY=SECRET)
    done = run("rezone", DATABASE_URL=url, SECRET_KEY=SECRET)

    version = zone_rules.packaged_version()
    assert (done.code, done.output) == (tried.code, tried.output)
    assert (done.code, done.output.splitlines()) == (
        1,
        [
            f"CLASH Session 1 of course {skipped}, agreed for 2027-03-28 02:30 Europe/Berlin, stays"
            " at 2027-03-28 00:30 UTC: clocks skip that time now.",
            f"Session 1 of course {fair} keeps 2027-06-07 10:00 Europe/Berlin:"
            " 2027-06-07 08:00 UTC instead of 2027-06-07 07:00 UTC.",
            f"With zone data {version}: 1 moved with the clock, 1 could not.",
        ],
    )
    assert [visit.starts_at for visit in sessions(world, fair)] == [utc(6, 7, 8)]
