"""A clinic with ten practitioners and ten beds, 60 % booked for eight weeks, on both databases."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import insert
from sqlmodel import Session

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.models import Hold
from scheduler.clinic import rota, setup
from scheduler.clinic.hours import moment
from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.infra.intervals import Minute
from scheduler.maintenance.tables import metadata
from scheduler.storage import migrations
from scheduler.storage.database import Database, stored_id
from workshop import postgres

NOW = datetime(2027, 1, 1, 12, 0, tzinfo=UTC)
FIRST = date(2027, 1, 4)
LAST = FIRST + timedelta(weeks=8, days=-1)
PEOPLE = 10
SESSION = 40
FULL = 0.6
ZONE = ZoneInfo("America/New_York")
DIARY = metadata.tables["diary"]
BATCH = 5000


@dataclass(frozen=True)
class Place:
    """A seeded clinic and its database."""

    name: str
    database: Database
    treatment_id: int
    entries: int
    """The number of diary entries within the eight weeks."""


@contextmanager
def opened(*, history: int) -> Iterator[list[Place]]:
    """The clinic on SQLite and on PostgreSQL, with this number of past entries in its diary."""
    with tempfile.TemporaryDirectory() as folder, postgres.place() as place:
        server = postgres.start(place)
        with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        urls = {
            "SQLite": f"sqlite:///{Path(folder)}/clinic.db",
            "PostgreSQL": postgres.url_of(server, "bench"),
        }
        places = [_seeded(name, url, history) for name, url in urls.items()]
        yield places
        for seeded in places:
            seeded.database.close()


def _seeded(name: str, url: str, history: int) -> Place:
    database = Database(url)
    migrations.upgrade(database)
    with database.transaction() as session:
        clinic = _clinic(session)
        staff = [_hired(session, clinic, number) for number in range(PEOPLE)]
        beds = [
            setup.add_room(session, OPERATOR, clinic, name=f"Bed {number}", now=NOW)
            for number in range(PEOPLE)
        ]
        treatment = _offered(session, clinic, staff, beds)
        pairs = [
            (practitioner.calendar_id, bed.calendar_id)
            for practitioner, bed in zip(staff, beds, strict=True)
        ]
        booked = list(_booked(pairs))
        _enter(session, clinic, [*booked, *_past(pairs, history)])
        treatment_id = stored_id(treatment.id)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    return Place(name, database, treatment_id, entries=len(booked))


def _clinic(session: Session) -> Clinic:
    return setup.open_clinic(
        session,
        OPERATOR,
        name="Bench Clinic",
        timezone=ZONE.key,
        phone="+12025550100",
        emergency_phone="911",
        country="US",
        now=NOW,
    )


def _hired(session: Session, clinic: Clinic, number: int) -> Practitioner:
    practitioner = setup.hire(
        session,
        OPERATOR,
        clinic,
        name=f"Practitioner {number}",
        license_number=str(number),
        license_expires_on=date(2030, 1, 1),
        now=NOW,
    )
    week = [rota.weekly_hours(weekday, "09:00", "17:00") for weekday in range(5)]
    rota.set_hours(session, OPERATOR, practitioner, week, now=NOW)
    return practitioner


def _offered(
    session: Session, clinic: Clinic, staff: Sequence[Practitioner], beds: Sequence[Room]
) -> Treatment:
    return setup.offer(
        session,
        OPERATOR,
        clinic,
        name="Back course",
        minutes=SESSION,
        phases=[{"sessions": 12, "per_week": 2}],
        practitioner_ids=[stored_id(practitioner.id) for practitioner in staff],
        room_ids=[stored_id(bed.id) for bed in beds],
        now=NOW,
    )


def _booked(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Minute]]:
    """Calendar and start of each booked session: 60 % of the twelve that fit into a day."""
    chance = random.Random(7)
    for ahead in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=ahead)
        if day.weekday() < 5:
            for pair in pairs:
                for start in range(9 * 60, 17 * 60, SESSION):
                    if chance.random() < FULL:
                        yield from ((calendar, moment(day, start, ZONE)) for calendar in pair)


def _past(pairs: Sequence[tuple[int, int]], entries: int) -> Iterator[tuple[int, Minute]]:
    """This number of entries directly before the first day, without gaps."""
    calendars = [calendar for pair in pairs for calendar in pair]
    end = moment(FIRST, 0, ZONE)
    for number in range(entries):
        back, which = divmod(number, len(calendars))
        yield calendars[which], end - SESSION * (back + 1)


def _enter(session: Session, clinic: Clinic, taken: Sequence[tuple[int, Minute]]) -> None:
    # One owner for all, because the search reads only calendars and times.
    owner = Hold(clinic_id=stored_id(clinic.id), expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    session.add(owner)
    session.flush()
    rows = [
        {
            "calendar_id": calendar,
            "from_minute": start,
            "to_minute": start + SESSION,
            "hold_id": owner.id,
        }
        for calendar, start in taken
    ]
    for first in range(0, len(rows), BATCH):
        session.execute(insert(DIARY), rows[first : first + BATCH])
