"""Patients learn about a change of practitioner at the same time once, while it is true."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, delete, select, update

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.courses import appointments, replanning, undo
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Course
from scheduler.clinic.models import Practitioner
from scheduler.patients.models import Patient
from scheduler.phrases import message_triggers
from scheduler.reminders.models import MassText, MessageState, ReminderRule
from scheduler.reminders.outbox import bulk_holds
from scheduler.reminders.reasons import Reason
from scheduler.reminders.staff import bulk_review
from scheduler.storage.database import Database
from tests.builders.world import MONDAY, SECRETS, World, appointment, at, found, patient_actor

HOUR = timedelta(hours=1)
LINK = "https://willow.example/my/"
INSISTED = ChangePolicy(override_reason="as a test")


def now_with(name: str, when: str = "Mon 11 Jan, 10:00 AM") -> str:
    return f"Willow: {when} is now with {name}. Your times: "


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def course(world: World) -> int:
    """A course on 11, 14 and 21 January, all with Ines 1, whose booking was texted."""
    course = world.book(world.enrol(), at(11), at(14), at(21))
    world.tick()
    with world.database.transaction(write=False) as session:
        assert {name_of(session, course, number) for number in (1, 2, 3)} == {"Ines 1"}
    return course


def name_of(session: Session, course: int, number: int) -> str:
    who = appointment(session, course, number).practitioner_id
    return session.get_one(Practitioner, who).name


def news(world: World, now: datetime | None = None) -> list[str]:
    """The texts after the first one up to an instant, without the link's secret."""
    return [text.partition(LINK)[0] for _, text in world.tick(now)[1:]]


def give(world: World, course: int, name: str, *, first: int = 1, actor: Actor = OPERATOR) -> None:
    """Give the appointments from the first one on to another practitioner, at the same times."""
    with world.database.transaction() as session:
        replanning.change_practitioner(
            session,
            actor,
            session.get_one(Course, course),
            from_number=first,
            practitioner_id=_id(session, name),
            policy=INSISTED,
            now=world.clock.at,
        )


def give_one(world: World, course: int, number: int, name: str, starts_at: datetime) -> None:
    with world.database.transaction() as session:
        appointments.move(
            session,
            OPERATOR,
            appointment(session, course, number),
            starts_at=starts_at,
            practitioner_id=_id(session, name),
            policy=INSISTED,
            now=world.clock.at,
        )


def _id(session: Session, name: str) -> int:
    found_ids = session.exec(select(Practitioner.id).where(Practitioner.name == name)).one()
    assert found_ids is not None
    return found_ids


def test_a_session_that_somebody_else_gives_is_told_at_once_and_once(
    world: World, course: int
) -> None:
    give(world, course, "Ines 2")

    assert news(world, MONDAY + timedelta(minutes=1)) == []
    assert news(world, MONDAY + HOUR) == [now_with("Ines 2")]
    assert news(world, MONDAY + 2 * HOUR) == [now_with("Ines 2")]


@pytest.mark.both_databases
def test_a_patient_who_reads_spanish_is_told_in_spanish(world: World, course: int) -> None:
    with world.database.transaction() as session:
        session.exec(update(Patient).values(language="es", changed_at=MONDAY))
    give(world, course, "Ines 2", first=2)

    assert news(world, MONDAY + HOUR) == [
        "Willow: el jue 14 ene, 10:00 AM le atendera Ines 2. Sus citas: "
    ]


@pytest.mark.both_databases
def test_who_chooses_somebody_else_themselves_knows(world: World, course: int) -> None:
    give(world, course, "Ines 2", actor=patient_actor(world.clinic_id))

    assert news(world, MONDAY + HOUR) == []


def test_where_the_time_changes_too_only_that_is_told(world: World, course: int) -> None:
    give_one(world, course, 2, "Ines 2", at(15))

    assert news(world, MONDAY + HOUR) == [
        "Willow: session 2 is now on Fri 15 Jan, 10:00 AM. All your times: "
    ]


@pytest.mark.both_databases
def test_a_time_that_changes_a_moment_later_leads_to_both(world: World, course: int) -> None:
    give_one(world, course, 2, "Ines 2", at(14))
    world.worker.derive()
    world.clock.at += timedelta(seconds=30)
    give_one(world, course, 2, "Ines 2", at(15))

    assert news(world, MONDAY + HOUR) == [
        "Willow: session 2 is now on Fri 15 Jan, 10:00 AM. All your times: "
    ]


@pytest.mark.parametrize("looked", [True, False])
def test_what_is_put_back_in_time_is_not_told(world: World, course: int, *, looked: bool) -> None:
    """Whether or not the worker has written the text down in between."""
    give(world, course, "Ines 2")
    if looked:
        world.tick()
    world.clock.at += timedelta(seconds=30)
    give(world, course, "Ines 1")

    assert news(world, MONDAY + HOUR) == []
    assert {message.state for message in world.messages(kind="reassigned")} <= {
        MessageState.WITHDRAWN
    }


def test_what_is_put_back_after_it_was_told_is_told_too(world: World, course: int) -> None:
    give(world, course, "Ines 2")
    world.tick(MONDAY + HOUR)
    give(world, course, "Ines 1")
    world.tick(MONDAY + 2 * HOUR)
    give(world, course, "Ines 3")
    world.clock.at += timedelta(seconds=30)
    give(world, course, "Ines 1")

    assert news(world, MONDAY + 3 * HOUR) == [now_with("Ines 2"), now_with("Ines 1")]


def test_of_two_changes_within_two_minutes_the_last_is_told(world: World, course: int) -> None:
    give(world, course, "Ines 2")
    world.tick()
    world.clock.at += timedelta(seconds=30)
    give(world, course, "Ines 3")

    assert news(world, MONDAY + HOUR) == [now_with("Ines 3")]


def test_a_session_that_was_cancelled_meanwhile_is_only_told_as_that(
    world: World, course: int
) -> None:
    give(world, course, "Ines 2", first=3)
    world.tick()
    world.clock.at += timedelta(seconds=30)
    with world.database.transaction() as session:
        appointments.cancel(session, OPERATOR, appointment(session, course, 3), now=world.clock.at)

    assert news(world, MONDAY + HOUR) == [
        "Willow: Thu 21 Jan, 10:00 AM is cancelled, please do not come. Your times: "
    ]


@pytest.mark.both_databases
def test_what_is_changed_at_night_is_told_in_the_morning(world: World, course: int) -> None:
    world.clock.at = at(4, 23)
    give(world, course, "Ines 2")

    assert news(world, at(5, 7)) == []
    assert news(world, at(5, 8, 1)) == [now_with("Ines 2")]


@pytest.mark.both_databases
def test_a_clinic_from_before_there_was_such_a_text_is_given_it(world: World, course: int) -> None:
    with world.database.transaction() as session:
        session.exec(delete(ReminderRule).where(col(ReminderRule.which) == "reassigned"))
        kinds = session.exec(select(ReminderRule.kind)).all()
    give(world, course, "Ines 2")

    assert news(world, MONDAY + HOUR) == [now_with("Ines 2")]
    with world.database.transaction(write=False) as session:
        assert sorted(session.exec(select(ReminderRule.kind))) == sorted([*kinds, "reassigned"])


@pytest.mark.both_databases
def test_a_clinic_that_does_not_want_it_switches_it_off(world: World, course: int) -> None:
    with world.database.transaction() as session:
        session.exec(
            update(ReminderRule)
            .where(col(ReminderRule.kind) == "reassigned")
            .values(active=False, changed_at=MONDAY)
        )
    give(world, course, "Ines 2")

    assert news(world, MONDAY + HOUR) == []


def test_a_long_name_is_shortened_and_one_in_other_letters_left_to_the_page(
    world: World, course: int
) -> None:
    with world.database.transaction() as session:
        for name, new in (("Ines 2", "Dr. Zoë Featherstonehaugh"), ("Ines 3", "王 芳")):
            row = session.get_one(Practitioner, _id(session, name))
            row.name = new
            session.add(row)
    give(world, course, "Dr. Zoë Featherstonehaugh")
    world.tick(MONDAY + HOUR)
    give(world, course, "王 芳")

    assert news(world, MONDAY + 2 * HOUR) == [
        now_with("Dr. Z. Featherstoneh"),
        now_with("a colleague"),
    ]


def test_the_timeline_says_what_it_is_about(world: World, course: int) -> None:
    give(world, course, "Ines 2")

    [entry] = [entry for entry in world.timeline(course) if entry.kind == "reassigned"]

    assert (message_triggers.describe(entry), entry.state) == (
        "when the clinic changes the practitioner",
        MessageState.OWED,
    )


def test_the_same_for_very_many_people_waits_until_it_is_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_holds, "MAX_RECIPIENTS", 5)
    starts = (at(day, hour) for day in range(18, 30) for hour in range(9, 19))
    booked = [
        world.book(world.enrol("Ann Archer", f"+1212555{number:04d}"), start)
        for number, start in zip(range(130, 137), starts, strict=False)
    ]
    world.tick()
    world.carrier.texts.clear()
    for course in booked:
        give(world, course, "Ines 2")

    assert world.tick(MONDAY + HOUR) == []
    assert {message.reason for message in world.messages(kind="reassigned")} == {
        Reason.HELD_FOR_REVIEW
    }
    with world.database.transaction() as session:
        [batch] = session.exec(select(MassText)).all()
        preview = bulk_review.preview(
            session, batch, public_url=SECRETS.public_url, now=world.clock.at
        )
        bulk_review.confirm(session, OPERATOR, batch, people=7, now=world.clock.at)
    assert (preview.people, preview.by_kind) == (7, {"reassigned": 7})
    assert len(world.tick(MONDAY + 2 * HOUR)) == 7


@pytest.mark.both_databases
@pytest.mark.parametrize("deed", ["cancelled", "moved"])
def test_what_waited_when_the_patient_changed_it_is_told_once_that_is_taken_back(
    world: World, course: int, deed: str
) -> None:
    patient = patient_actor(world.clinic_id)
    give(world, course, "Ines 2")
    world.tick()
    world.clock.at += timedelta(minutes=1)
    with world.database.transaction() as session:
        first = appointment(session, course, 1)
        if deed == "cancelled":
            appointments.cancel(session, patient, first, now=world.clock.at)
        else:
            appointments.move(session, patient, first, starts_at=at(12), now=world.clock.at)
    with world.database.transaction() as session:
        row = session.get_one(Course, course)
        change = undo.last(session, row, now=world.clock.at)
        assert change is not None
        undo.take_back(session, patient, row, change.id, now=world.clock.at)

    assert news(world, MONDAY + HOUR) == [now_with("Ines 2")]
    assert news(world, MONDAY + 2 * HOUR) == [now_with("Ines 2")]
