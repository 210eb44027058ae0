"""Answers that a practitioner must see: what the patient reads until then, and after a no."""

import pytest
from sqlmodel import select

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.courses import courses
from scheduler.booking.models import Course, DiaryEntry
from scheduler.storage.database import Database
from tests.builders.cast import NOW
from tests.web.conftest import Visitor, count, text_of


def end(database: Database, actor: Actor) -> None:
    """Cancel the course."""
    with database.transaction() as session:
        courses.cancel(session, actor, session.exec(select(Course)).one(), now=NOW)


@pytest.fixture
def held(visitor: Visitor) -> Visitor:
    """A patient who takes a blood thinner has booked."""
    visitor.health["blood_thinners"] = "yes"
    visitor.begin_at("done")
    visitor.my()
    return visitor


@pytest.mark.slow
def test_times_are_kept_until_a_practitioner_has_looked(held: Visitor, database: Database) -> None:
    assert "We are keeping these times for you" in text_of(held.get("done"))
    assert "A practitioner still has to look at your answers." in text_of(held.get(held.my()))

    with database.transaction() as session:
        courses.clear(session, OPERATOR, session.exec(select(Course)).one(), now=NOW)

    assert "A practitioner still has to look" not in text_of(held.get(held.my()))


def test_after_a_no_the_times_are_free_and_the_patient_is_told(
    held: Visitor, database: Database
) -> None:
    end(database, OPERATOR)

    text = text_of(held.get(held.my()))
    assert "A practitioner has looked at your answers. We cannot keep your times" in text
    assert "Please call us: we tell you why" in text
    assert count(database, DiaryEntry) == 0


def test_who_cancels_is_not_told_that_the_clinic_did(held: Visitor, database: Database) -> None:
    end(database, Actor(kind="patient", clinic_ids=frozenset({held.cast.clinic})))

    text = text_of(held.get(held.my()))
    assert "This course is cancelled." in text
    assert "We cannot keep your times" not in text
