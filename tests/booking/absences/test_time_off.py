"""An absence reports exactly the appointments and holds that block it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import closures, time_off
from scheduler.booking.availability import holds
from scheduler.booking.courses import appointments, courses
from scheduler.clinic.models import Clinic, Practitioner, TimeOff, Treatment
from scheduler.patients.models import Patient
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import DAY, MONDAY, NEW_YORK, NOW, Cast, wanted

pytestmark = pytest.mark.both_databases

Absence = Callable[..., None]

TUESDAY = MONDAY + DAY


def hold(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        holds.keep(session, back, wanted(TUESDAY), origin="192.0.2.1", now=NOW)


def leave(database: Database, cast: Cast, *, now: datetime) -> None:
    with database.transaction() as session:
        time_off.take_time_off(
            session,
            OPERATOR,
            session.get_one(Practitioner, cast.ana),
            starts_at=TUESDAY,
            ends_at=TUESDAY + timedelta(hours=4),
            now=now,
        )


def shut(database: Database, cast: Cast, *, now: datetime) -> None:
    with database.transaction() as session:
        clinic = session.get_one(Clinic, cast.clinic)
        closures.close(session, OPERATOR, clinic, day=TUESDAY.date(), now=now)


@pytest.mark.parametrize("absence", [leave, shut])
def test_a_hold_is_in_the_way_of_an_absence_until_it_lapses(
    database: Database, cast: Cast, absence: Absence
) -> None:
    hold(database, cast)

    with pytest.raises(time_off.HeldByForm):
        absence(database, cast, now=NOW + timedelta(minutes=9))
    absence(database, cast, now=NOW + timedelta(minutes=11))


@pytest.mark.parametrize("absence", [leave, shut])
def test_sessions_that_have_been_are_listed_too(
    database: Database, cast: Cast, absence: Absence
) -> None:
    with database.transaction() as session:
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, cast.ann),
            wanted=wanted(TUESDAY),
            now=NOW,
        )
        [appointment] = courses.appointments_of(session, course)
        appointments.complete(session, OPERATOR, appointment, now=TUESDAY)

    with pytest.raises(time_off.BookedInside) as refusal:
        absence(database, cast, now=TUESDAY + DAY)

    [booked] = refusal.value.appointments
    assert booked.appointment_id == stored_id(appointment.id)


def test_of_a_series_only_the_one_in_the_hour_that_clocks_skip_is_left_out(
    database: Database, cast: Cast
) -> None:
    sunday = MONDAY - DAY
    with database.transaction() as session:
        time_off.take_time_off(
            session,
            OPERATOR,
            session.get_one(Practitioner, cast.ana),
            starts_at=sunday.replace(hour=2),
            ends_at=sunday.replace(hour=2, minute=45),
            repeat=time_off.Recurrence(1, sunday.date() + 28 * DAY),
            now=NOW,
        )

    with database.transaction(write=False) as session:
        away = session.exec(select(TimeOff).order_by(col(TimeOff.starts_at))).all()
        # On 14 March clocks in New York go from two straight to three.
        assert [gap.starts_at.astimezone(NEW_YORK).day for gap in away] == [21, 28, 7, 21]
        assert {gap.ends_at - gap.starts_at for gap in away} == {timedelta(minutes=45)}
