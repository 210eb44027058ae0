"""An appointment is moved before it takes place, with any practitioner."""

from datetime import datetime, timedelta

import pytest

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import appointments, courses, rescheduling
from scheduler.booking.courses.appointments import TooEarly
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.states import NotPossible
from scheduler.clinic.models import Practitioner, Treatment
from scheduler.infra.errors import Invalid
from scheduler.patients.models import Patient
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import DAY, MONDAY, NEW_YORK, NOW, Cast, wanted

pytestmark = pytest.mark.both_databases


def book(database: Database, cast: Cast, *starts: datetime, who: int | None = None) -> int:
    with database.transaction() as session:
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, cast.ann),
            wanted=wanted(*starts, practitioner_id=who),
            now=NOW,
        )
        return stored_id(course.id)


def sessions(database: Database, course_id: int) -> list[Appointment]:
    with database.transaction(write=False) as session:
        return courses.appointments_of(session, session.get_one(Course, course_id))


def move(
    database: Database,
    course_id: int,
    starts_at: datetime,
    *,
    who: int | None = None,
    now: datetime = NOW,
) -> Appointment:
    with database.transaction() as session:
        first = courses.appointments_of(session, session.get_one(Course, course_id))[0]
        return appointments.move(
            session, OPERATOR, first, starts_at=starts_at, practitioner_id=who, now=now
        )


def shift(database: Database, course_id: int, by_days: int, *, now: datetime = NOW) -> None:
    with database.transaction() as session:
        course = session.get_one(Course, course_id)
        rescheduling.shift_rest(session, OPERATOR, course, from_number=1, by_days=by_days, now=now)


def arrive(database: Database, course_id: int, *, now: datetime) -> None:
    with database.transaction() as session:
        first = courses.appointments_of(session, session.get_one(Course, course_id))[0]
        appointments.arrive(session, OPERATOR, first, now=now)


def retire(database: Database, practitioner_id: int) -> None:
    with database.transaction() as session:
        session.get_one(Practitioner, practitioner_id).active = False


def test_the_sessions_of_one_who_retired_are_given_by_another(
    database: Database, cast: Cast
) -> None:
    course_id = book(database, cast, MONDAY, MONDAY + 3 * DAY, who=cast.ben)
    retire(database, cast.ben)

    moved = move(database, course_id, MONDAY + DAY)
    assert moved.practitioner_id == cast.ana

    shift(database, course_id, 7)
    assert {appointment.practitioner_id for appointment in sessions(database, course_id)} == {
        cast.ana
    }


def test_nobody_is_moved_to_one_who_does_not_give_the_treatment(
    database: Database, cast: Cast
) -> None:
    course_id = book(database, cast, MONDAY, who=cast.ana)
    retire(database, cast.ben)

    with pytest.raises(Invalid, match="does not give this treatment") as refusal:
        move(database, course_id, MONDAY + 3 * DAY, who=cast.ben)

    assert refusal.value.field == "practitioner_id"


def test_a_patient_arrives_on_the_local_day_of_the_session(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, MONDAY)
    midnight = datetime(2027, 2, 22, tzinfo=NEW_YORK)

    with pytest.raises(TooEarly, match="later day"):
        arrive(database, course_id, now=midnight - timedelta(minutes=1))
    arrive(database, course_id, now=midnight)

    assert sessions(database, course_id)[0].state == AppointmentState.ARRIVED


def test_a_session_whose_patient_is_here_stays_where_it_is(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, MONDAY, MONDAY + DAY)
    early = MONDAY - timedelta(hours=1)
    arrive(database, course_id, now=early)

    with pytest.raises(NotPossible, match="under way; it cannot be moved"):
        move(database, course_id, MONDAY + 2 * DAY, now=early)
    shift(database, course_id, 7, now=early)

    starts = [appointment.starts_at for appointment in sessions(database, course_id)]
    assert starts == [MONDAY, MONDAY + 8 * DAY]


def test_a_time_that_cannot_be_is_told_where_it_was_said(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, MONDAY)

    with pytest.raises(Invalid) as refusal:
        move(database, course_id, NOW - DAY)
    assert refusal.value.field == "starts_at"

    with pytest.raises(Invalid) as refusal:
        shift(database, course_id, -300)
    assert refusal.value.field == "by_days"
