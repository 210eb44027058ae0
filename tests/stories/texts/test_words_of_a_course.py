"""Texts follow the course: its first session, a missed one, a review, its end."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.courses import appointments
from scheduler.clinic.models import Clinic, Treatment
from scheduler.patients.models import Patient
from scheduler.progress.models import Score
from scheduler.reminders.models import MessageState, ReminderRule
from scheduler.reminders.outbox import clinic_rules, previews, rule_editing
from scheduler.reminders.outbox.previews import Setting
from scheduler.storage.database import Database
from tests.builders.world import ANN, SECRETS, World, appointment, at, found
from tests.stories.replies.talk import hear

FUNNY = "{clinic}:\u00a0“session” {number} of {total} – {date},\u202f{time}…\tSee {link}"
TUESDAYS = [at(12), at(19), at(26)]


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def rule_of(session: Session, kind: str) -> ReminderRule:
    return session.exec(select(ReminderRule).where(ReminderRule.kind == kind)).one()


def edit(world: World, kind: str, **changes: object) -> None:
    with world.database.transaction() as session:
        clinic_rules.settle(session, [world.clinic_id], now=world.clock.at)
        rule_editing.change(
            session,
            OPERATOR,
            rule_of(session, kind),
            changes,
            now=world.clock.at,
            public_url=SECRETS.public_url,
        )


def kinds(world: World) -> list[str]:
    """The texts sent to Ann, except the confirmation."""
    sent = (MessageState.SENT, MessageState.DELIVERED)
    return [row.kind for row in world.messages() if row.state in sent][1:]


def test_the_first_session_has_the_fuller_tips_and_the_later_ones_their_number(
    world: World,
) -> None:
    world.book(world.enrol(), *TUESDAYS)
    world.tick()
    world.tick(at(11))
    world.tick(at(18))

    assert world.carrier.texts[1] == (
        ANN,
        "Willow: Tue 12 Jan 10:00 AM. Eat something about 2 hours before, rise slowly after."
        " Reply C to confirm, R to change, STOP to opt out.",
    )
    assert world.carrier.texts[2] == (
        ANN,
        "Willow: session 2 of 3 is Tue 19 Jan 10:00 AM. Eat 2 hours before, rise slowly after."
        " Reply C to confirm, R to change, STOP to opt out.",
    )


def test_whoever_missed_a_session_is_told_so_before_the_next(world: World) -> None:
    course = world.book(world.enrol(), *TUESDAYS)
    world.tick()
    world.clock.at = at(12, 11)
    with world.database.transaction() as session:
        appointments.miss(session, OPERATOR, appointment(session, course, 1), now=world.clock.at)

    texts = world.tick(at(18))

    assert texts[-1] == (
        ANN,
        "Willow: we missed you. Your next time is Tue 19 Jan 10:00 AM. Eat 2 hours before."
        " Reply C to confirm, R to change, STOP to opt out.",
    )


def test_a_spanish_patient_reads_spanish_in_every_case(world: World) -> None:
    patient_id = world.enrol()
    world.book(patient_id, *TUESDAYS)
    with world.database.transaction() as session:
        patient = session.get_one(Patient, patient_id)
        patient.language = "es"
        session.add(patient)
    world.tick()

    assert world.tick(at(18))[-1] == (
        ANN,
        "Willow: cita 2 de 3: mar 19 ene 10:00 AM. Coma 2 horas antes, levántese despacio."
        " Responda C: confirmar, R: cambiar, STOP: baja.".replace("á", "a"),
    )


@pytest.mark.both_databases
def test_a_review_is_asked_when_it_falls_due_and_its_answer_is_marked(world: World) -> None:
    with world.database.transaction() as session:
        treatment = session.get_one(Treatment, world.treatment_id)
        treatment.review_after = [2]
        session.add(treatment)
    course = world.book(world.enrol(), *TUESDAYS)
    world.tick()
    asked = world.tick(at(20, 10, 40))[-1]
    with world.database.transaction() as session:
        hear(session, carrier_id="SM1", phone=ANN, body="3", now=at(20, 12))

    assert asked[1].startswith(
        "Willow: how strong are your symptoms by now? Reply with a number: 0 = none"
    )
    with world.database.transaction(write=False) as session:
        [score] = session.exec(select(Score)).all()
        assert (score.value, score.review) == (3, True)
        assert score.appointment_id == appointment(session, course, 2).id


def test_the_end_of_a_course_is_said_once(world: World) -> None:
    world.book(world.enrol(), *TUESDAYS[:2])
    world.tick()
    for hours in range(0, 24 * 20, 3):
        world.clock.at = at(11) + timedelta(hours=hours)
        world.worker.derive()
        world.worker.send()

    assert kinds(world) == ["day_before", "aftercare", "check_in", "day_before", "closing"]


def test_what_is_sent_is_what_staff_have_seen(world: World) -> None:
    edit(world, "day_before", templates={"en": FUNNY, "es": FUNNY}, cases={})
    first = at(11, 9)
    world.book(world.enrol(), *(first + timedelta(days=7 * week) for week in range(10)))
    with world.database.transaction(write=False) as session:
        clinic = session.get_one(Clinic, world.clinic_id)
        setting = Setting(clinic, world.clock.at, SECRETS.public_url)
        seen = {proof.case: proof.text for proof in previews.of(setting, FUNNY, "en")}

    world.work(at(10, 10))

    sent = world.carrier.texts[-1][1]
    token = sent.rpartition("/")[2]
    assert len(token) == 22
    assert sent.replace(token, previews.TOKEN) == seen["the first session"]
    assert sent.startswith('Willow: "session" 1 of 10 - Mon 11 Jan, 9:00 AM... See https://')


@pytest.mark.both_databases
def test_an_edited_rule_sends_nothing_again_and_nothing_about_the_past(world: World) -> None:
    world.book(world.enrol(), *TUESDAYS)
    world.tick()
    world.tick(at(11))
    world.tick(at(12, 10, 40))
    before = list(world.carrier.texts)

    edit(world, "day_before", templates={"en": "{clinic}: come on {date}, {time}."}, cases={})
    edit(world, "aftercare", which="all", offset_minutes=1, useful_minutes=20 * 1440)
    edit(world, "confirmation", useful_minutes=60 * 1440)
    world.tick(at(12, 12))

    assert world.carrier.texts == before
    assert world.tick(at(18))[-1] == (ANN, "Willow: come on Tue 19 Jan, 10:00 AM.")


@pytest.mark.both_databases
def test_a_rule_that_was_switched_off_is_silent_and_on_again_says_what_is_to_come(
    world: World,
) -> None:
    course = world.book(world.enrol(), *TUESDAYS)
    world.tick()
    edit(world, "day_before", active=False)
    world.tick(at(11))
    withdrawn = [entry for entry in world.timeline(course) if entry.kind == "day_before"]
    edit(world, "day_before", active=True)

    assert {(entry.state, entry.reason) for entry in withdrawn} == {
        (MessageState.WITHDRAWN, "The clinic no longer sends this text.")
    }
    assert [text[1][:30] for text in world.tick(at(11, 12))[1:]] == [
        "Willow: Tue 12 Jan 10:00 AM. E"
    ]


@pytest.mark.both_databases
def test_after_an_outage_one_text_about_a_session_is_caught_up_on(world: World) -> None:
    edit(world, "day_before", useful_minutes=-60)
    edit(world, "same_day", useful_minutes=-60, always=True)
    course = world.book(world.enrol(), at(12, 14))
    world.tick()

    texts = world.tick(at(12, 12, 30))
    world.tick(at(12, 12, 31))

    assert len(texts) == 2
    assert [entry.reason for entry in world.timeline(course) if entry.kind == "same_day"] == [
        "Gave way: it was late, and another text about this session replaced it."
    ]
