"""Migration 0003 makes course events, changes and notices from the audit trail of before."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import MetaData, update
from sqlmodel import Session, select, text

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import OPERATOR, Actor, AuditEntry
from scheduler.booking.courses import appointments, courses, history, undo
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events import change_notices
from scheduler.booking.events.change_notices import AssignedPractitioner, OpenNotices
from scheduler.booking.events.event_models import EventKind
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.clinic.models import Treatment
from scheduler.patients.models import Patient
from scheduler.phrases import history as phrases
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import ANNS_PHONE, DAY, MONDAY, NOW, Cast, wanted
from tests.support.databases import config_for

pytestmark = pytest.mark.both_databases

PATIENT = Actor(kind="patient", id=1, request_id="of the patient")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def course(database: Database, cast: Cast) -> list[Appointment]:
    """The four appointments of a course, with Ana."""
    with database.transaction() as session:
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, cast.ann),
            wanted=wanted(*(MONDAY + week * 7 * DAY for week in range(4))),
            now=NOW,
        )
        return courses.appointments_of(session, course)


def move(
    session: Session, appointment: Appointment, starts_at: datetime, practitioner: int, at: datetime
) -> None:
    appointments.move(
        session,
        OPERATOR,
        session.get_one(Appointment, appointment.id),
        starts_at=starts_at,
        practitioner_id=practitioner,
        policy=ChangePolicy(override_reason="as asked"),
        now=at,
    )


def write_columns(session: Session, appointment: Appointment, **values: Any) -> None:
    """Write what the program of before kept in columns of appointments."""
    table = MetaData()
    table.reflect(session.connection(), only=["appointments"])
    rows = table.tables["appointments"]
    session.execute(update(rows).where(rows.c.id == appointment.id).values(**values))


def cancel(session: Session, appointment: Appointment, moved_at: datetime, at: datetime) -> None:
    """The rows of the previous version after a patient cancelled an appointment that the clinic
    moved."""
    session.execute(text("DELETE FROM diary WHERE appointment_id = :id"), {"id": appointment.id})
    write_columns(session, appointment, state="cancelled", news_at=None)
    audit_trail.record(
        session,
        PATIENT,
        Action.IS_CANCELLED,
        "appointment",
        appointment.id,
        clinic_id=appointment.clinic_id,
        now=at,
        before="booked",
        number=appointment.number,
        reason="",
        late=False,
        course_before="active",
        news_before={"news_at": moved_at.isoformat()},
    )


def test_history_notices_and_undo_go_on_after_the_migration(
    database: Database, database_url: str, cast: Cast, course: list[Appointment]
) -> None:
    _first, second, third, fourth = course
    with database.transaction() as session:
        move(session, second, second.starts_at + HOUR, cast.ana, NOW + MINUTE)
        move(session, third, third.starts_at, cast.ben, NOW + 2 * MINUTE)
        move(session, fourth, fourth.starts_at + HOUR, cast.ana, NOW + 3 * MINUTE)
    database.close()
    command.downgrade(config_for(database_url), "0002")
    with database.transaction() as session:
        write_columns(session, second, news_at=NOW + MINUTE)
        since = (NOW + 2 * MINUTE).isoformat()
        practitioners = [[cast.ana, None], [cast.ben, since]]
        write_columns(session, third, reassigned_at=NOW + 2 * MINUTE, givers=practitioners)
        cancel(session, fourth, NOW + 3 * MINUTE, NOW + 4 * MINUTE)
    database.close()

    command.upgrade(config_for(database_url), "head")

    with database.transaction() as session:
        row = session.get_one(Course, second.course_id)
        assert [phrases.sentence(entry.fact) for entry in history.of(session, row, limit=50)] == [
            "The course was booked: 4 sessions, the first on Mon 22 Feb 9:00.",
            "Session 2 was moved from Mon 1 Mar 9:00 to Mon 1 Mar 10:00"
            ", although it breaks the pace.",
            "Session 3 on Mon 8 Mar 9:00 stays where it is, with Ben instead of Ana"
            ", although it breaks the pace.",
            "Session 4 was moved from Mon 15 Mar 9:00 to Mon 15 Mar 10:00"
            ", although it breaks the pace.",
            "Session 4 was cancelled.",
        ]
        before = (second.starts_at,)
        held = {
            second.id: OpenNotices(NOW + MINUTE, starts_before=before),
            third.id: reassigned(cast),
        }
        assert notices(session) == held
        change = undo.last(session, row, now=NOW + 5 * MINUTE)
        assert change is not None
        assert undo.take_back(session, PATIENT, row, change.id, now=NOW + 5 * MINUTE)
        assert session.get_one(Appointment, fourth.id).state == AppointmentState.BOOKED
        moved = OpenNotices(NOW + 3 * MINUTE, starts_before=(fourth.starts_at,))
        assert notices(session) == {**held, fourth.id: moved}


def notices(session: Session) -> Mapping[int, OpenNotices]:
    return change_notices.of_phones(session, [ANNS_PHONE])


def reassigned(cast: Cast) -> OpenNotices:
    practitioners = (
        AssignedPractitioner(cast.ana, None),
        AssignedPractitioner(cast.ben, NOW + 2 * MINUTE),
    )
    return OpenNotices(None, practitioners)


def test_a_change_that_was_taken_back_stays_so(
    database: Database, database_url: str, course: list[Appointment]
) -> None:
    with database.transaction() as session:
        row = session.get_one(Course, course[0].course_id)
        courses.cancel(session, PATIENT, row, now=NOW)
        cancelled = session.exec(
            select(AuditEntry.id).where(AuditEntry.action == "cancelled")
        ).one()
    database.close()
    command.downgrade(config_for(database_url), "0002")
    with database.transaction() as session:
        row = session.get_one(Course, course[0].course_id)
        numbers = [appointment.number for appointment in course]
        back = {"of": cancelled, "was": "course cancelled", "sessions": numbers}
        courses.audit(session, PATIENT, EventKind.TAKEN_BACK, row, NOW + MINUTE, **back)
    database.close()

    command.upgrade(config_for(database_url), "head")

    with database.transaction() as session:
        row = session.get_one(Course, course[0].course_id)
        facts = [entry.fact for entry in history.of(session, row, limit=50)]
        assert facts[2:] == [history.TakenBack([], moved=False)]
        assert not undo.take_back(session, PATIENT, row, stored_id(cancelled), now=NOW + 2 * MINUTE)
