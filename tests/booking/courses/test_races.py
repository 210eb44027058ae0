"""Rules that change during a booking: two connections to one PostgreSQL.

SQLite has one writer, so nothing can change there between a read and a write.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import closures, displaced, time_off
from scheduler.booking.availability import diary
from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.courses import courses
from scheduler.booking.models import Appointment, DiaryEntry
from scheduler.clinic import rota, setup
from scheduler.clinic.models import Clinic, Closure, Practitioner, Room, Treatment
from scheduler.clinic.shifts import WeeklyBreak
from scheduler.infra.errors import Conflict
from scheduler.patients.models import Patient
from scheduler.storage.database import Database
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted

NOON = (MONDAY + DAY).replace(hour=12)
"""A Tuesday, on which Ana works alone."""

Change = Callable[[Session, Practitioner], object]
Setting = Callable[[Session, Clinic], object]


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    yield database
    database.close()


def book(session: Session, cast: Cast, who: int, start: datetime = NOON) -> None:
    courses.book(
        session,
        OPERATOR,
        treatment=session.get_one(Treatment, cast.back),
        patient=session.get_one(Patient, who),
        wanted=wanted(start),
        now=NOW,
    )


def in_between(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], None]) -> None:
    """Do something once, between the look of the next booking and its write."""
    write = diary.claim
    done: list[bool] = []

    def claim(session: Session, entries: Iterable[diary.Entry]) -> bool:
        if not done:
            done.append(True)
            deed()
        return write(session, entries)

    monkeypatch.setattr(diary, "claim", claim)


def no_hours(session: Session, ana: Practitioner) -> None:
    rota.set_hours(session, OPERATOR, ana, [], now=NOW)


def expired(session: Session, ana: Practitioner) -> None:
    changes = {"license_expires_on": MONDAY.date()}
    setup.change_practitioner(session, OPERATOR, ana, changes, now=NOW)


def lunch(session: Session, ana: Practitioner) -> None:
    stretch = rota.weekly_hours(1, "12:00", "12:30")
    rota.set_breaks(session, OPERATOR, ana, [WeeklyBreak(stretch, None)], now=NOW)


@pytest.mark.parametrize("change", [no_hours, expired, lunch])
def test_who_looked_before_the_rules_changed_does_not_book_by_the_old_ones(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    def meanwhile() -> None:
        with database.transaction() as other:
            change(other, other.get_one(Practitioner, cast.ana))

    in_between(monkeypatch, meanwhile)

    with pytest.raises(SessionsTaken), database.transaction() as session:
        book(session, cast, cast.ann)
    assert booked(database) == 0


@pytest.mark.parametrize("change", [no_hours, expired, lunch])
def test_who_changes_the_rules_while_somebody_books_learns_of_the_booking(
    database: Database, cast: Cast, change: Change
) -> None:
    def alter() -> None:
        with database.transaction() as other:
            ana = other.get_one(Practitioner, cast.ana)
            with displaced.telling(other, ana, keep=False, now=NOW):
                change(other, ana)

    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            book(session, cast, cast.ann)
            changing = threads.submit(alter)
            # It waits for the practitioner's row, which the booking keeps until it is done.
            with pytest.raises(TimeoutError):
                changing.result(timeout=0.5)
        with pytest.raises(time_off.OutsideHours) as refusal:
            changing.result(timeout=10)

    assert [appointment.number for appointment in refusal.value.appointments] == [1]
    assert booked(database) == 1


def one_a_day(session: Session, ana: Practitioner) -> None:
    setup.change_practitioner(session, OPERATOR, ana, {"max_sessions_per_day": 1}, now=NOW)


def floating_lunch(session: Session, ana: Practitioner) -> None:
    # One session leaves 60 minutes of it, the other 62, both 50.
    stretch = rota.weekly_hours(1, "11:00", "12:12")
    rota.set_breaks(session, OPERATOR, ana, [WeeklyBreak(stretch, 55)], now=NOW)


@pytest.mark.parametrize(
    ("limit", "other_start"),
    [(one_a_day, NOON.replace(hour=15)), (floating_lunch, NOON - timedelta(minutes=90))],
)
def test_two_who_book_at_once_do_not_exceed_together_what_neither_exceeds(
    database: Database,
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
    limit: Change,
    other_start: datetime,
) -> None:
    with database.transaction() as session:
        limit(session, session.get_one(Practitioner, cast.ana))

    def meanwhile() -> None:
        with database.transaction() as other:
            book(other, cast, cast.bob, other_start)

    in_between(monkeypatch, meanwhile)

    with pytest.raises(SessionsTaken), database.transaction() as session:
        book(session, cast, cast.ann)
    assert booked(database) == 1


def booked(database: Database) -> int:
    with database.transaction(write=False) as session:
        return len(session.exec(select(Appointment.id).where(col(Appointment.id) > 0)).all())


def add_bed(session: Session, clinic: Clinic) -> None:
    room = setup.add_room(session, OPERATOR, clinic, name="Bed 3", now=NOW)
    closures.extend_closures(session, room, clinic, now=NOW)


def shut(session: Session, clinic: Clinic) -> None:
    closures.close(session, OPERATOR, clinic, day=NOON.date(), now=NOW)


@pytest.mark.parametrize(("first", "second"), [(add_bed, shut), (shut, add_bed)])
def test_a_bed_that_is_added_while_its_clinic_closes_is_closed_too(
    database: Database, cast: Cast, first: Setting, second: Setting
) -> None:
    waiting(database, cast, first, second).result()

    with database.transaction(write=False) as session:
        beds = session.exec(select(col(Room.calendar_id))).all()
        closed = session.exec(
            select(col(DiaryEntry.calendar_id)).where(col(DiaryEntry.closure_id).is_not(None))
        ).all()
        assert sorted(closed) == sorted(beds)
        assert len(beds) == 3


def test_a_day_is_closed_once_by_two_who_close_it_at_once(database: Database, cast: Cast) -> None:
    with pytest.raises(Conflict, match="is already closed on 2027-02-23"):
        waiting(database, cast, shut, shut).result()

    with database.transaction(write=False) as session:
        assert len(session.exec(select(Closure)).all()) == 1


def waiting(database: Database, cast: Cast, first: Setting, second: Setting) -> Future[None]:
    """Do one thing, start another before the commit, and return the outcome of the second."""

    def do() -> None:
        with database.transaction() as other:
            second(other, other.get_one(Clinic, cast.clinic))

    with ThreadPoolExecutor(1) as threads, database.transaction() as session:
        first(session, session.get_one(Clinic, cast.clinic))
        doing = threads.submit(do)
        with pytest.raises(TimeoutError):
            doing.result(timeout=0.5)
    return doing
