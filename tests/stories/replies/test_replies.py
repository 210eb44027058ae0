"""Clear replies take effect; all others go before staff."""

from datetime import timedelta

import pytest
from sqlmodel import select

from scheduler.booking.models import AppointmentState
from scheduler.clinic.models import Clinic
from scheduler.patients import consent, verification
from scheduler.progress.models import Score
from scheduler.reminders.outbox import immediate
from scheduler.sms.sender import Unknown
from scheduler.storage import links
from scheduler.storage.database import Database
from tests.builders.world import ANN, BEN, KEY, MONDAY, World, at, found, open_clinic
from tests.stories.replies.talk import last, last_reply, move, reply, state

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def asked(world: World) -> int:
    """A course whose first session was asked about: texted the day before."""
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()
    world.tick(at(10))
    return course


def test_c_confirms_the_session_that_was_asked_about(world: World, asked: int) -> None:
    answers = reply(world, "C")

    assert answers == ["Willow: thank you, Mon 11 Jan 10:00 AM is confirmed. To change it reply R."]
    assert state(world, asked, 1) == AppointmentState.CONFIRMED
    assert state(world, asked, 2) == AppointmentState.BOOKED


def test_the_same_reply_brought_twice_is_taken_once(world: World, asked: int) -> None:
    assert len(reply(world, "C", sid=f"SM{9:032x}")) == 1
    assert reply(world, "C", sid=f"SM{9:032x}") == []


def test_c_to_a_time_that_is_no_longer_true_is_asked_again(world: World, asked: int) -> None:
    move(world, asked, at(12, 15))

    [answer] = reply(world, "C")

    assert answer.startswith("Willow: Tue 12 Jan 3:00 PM.")
    assert state(world, asked) == AppointmentState.BOOKED
    assert reply(world, "C") == [
        "Willow: thank you, Tue 12 Jan 3:00 PM is confirmed. To change it reply R."
    ]
    assert state(world, asked) == AppointmentState.CONFIRMED


def test_c_with_two_candidates_asks_which(world: World) -> None:
    first = world.book(world.enrol("Ann Archer"), at(11))
    second = world.book(world.enrol("Bea Archer"), at(11, 15))
    world.tick()
    world.tick(at(10, 15))
    world.tick(at(10, 15))

    [question] = reply(world, "C")

    assert question == (
        "Willow: which session do you mean? Reply with its number."
        " 1: Mon 11 Jan 10:00 AM, 2: Mon 11 Jan 3:00 PM"
    )
    assert state(world, first) == state(world, second) == AppointmentState.BOOKED
    assert reply(world, "2") == [
        "Willow: thank you, Mon 11 Jan 3:00 PM is confirmed. To change it reply R."
    ]
    assert state(world, first) == AppointmentState.BOOKED
    assert state(world, second) == AppointmentState.CONFIRMED


def test_a_second_number_counts_too(world: World) -> None:
    first = world.book(world.enrol("Ann Archer"), at(11))
    second = world.book(world.enrol("Bea Archer"), at(11, 15))
    world.tick()
    world.tick(at(10, 15))
    world.tick(at(10, 15))
    reply(world, "C")

    reply(world, "1")
    assert "Mon 11 Jan 3:00 PM is confirmed" in reply(world, "2")[0]

    assert state(world, first) == state(world, second) == AppointmentState.CONFIRMED


def test_c_confirms_two_children_who_come_at_the_same_time(world: World) -> None:
    courses = [world.book(world.enrol(name), at(11)) for name in ("Ann Archer", "Bea Archer")]
    world.tick()
    world.tick(at(10))

    assert reply(world, "C") == [
        "Willow: thank you, Mon 11 Jan 10:00 AM is confirmed. To change it reply R."
    ]

    assert {state(world, course) for course in courses} == {AppointmentState.CONFIRMED}


def test_two_sessions_of_one_patient_are_two_things_that_c_could_mean(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(12, 8))
    world.tick()
    world.tick(at(10))
    world.carrier.problems = [Unknown("The connection broke.")]
    world.tick(at(11, 8))

    [question] = reply(world, "C")

    assert question.endswith(" 1: Mon 11 Jan 10:00 AM, 2: Tue 12 Jan 8:00 AM")
    assert "Tue 12 Jan 8:00 AM is confirmed" in reply(world, "2")[0]
    assert state(world, course, 1) == AppointmentState.BOOKED
    assert state(world, course, 2) == AppointmentState.CONFIRMED


def test_c_when_nothing_was_asked(world: World) -> None:
    world.book(world.enrol(), at(11))

    world.tick()

    assert reply(world, "C")[0].startswith("Willow: we found no session to confirm.")
    assert last_reply(world).for_staff


def test_r_sends_the_private_link(world: World, asked: int) -> None:
    [answer] = reply(world, "R")

    token = answer.partition("here: https://willow.example/my/")[2].split()[0]
    with world.database.transaction(write=False) as session:
        link = links.follow(session, token, purpose="course", now=world.clock.at)
        assert link.subject_id == asked
        assert token not in str(world.messages(kind="reschedule")[0].text)


def test_stop_is_honoured_and_said_once(world: World, asked: int) -> None:
    assert len(reply(world, "please stop texting me")) == 1
    assert reply(world, "stop") == []
    assert world.tick(at(13)) == world.carrier.texts
    assert not any("14 Jan" in text for _, text in world.carrier.texts)


def test_what_the_carrier_has_answered_is_not_answered_again(world: World, asked: int) -> None:
    assert reply(world, "STOP", did="STOP") == []
    with world.database.transaction(write=False) as session:
        assert consent.is_stopped(session, ANN)

    assert reply(world, "START", did="START") == []
    with world.database.transaction(write=False) as session:
        assert not consent.is_stopped(session, ANN)


def test_start_brings_the_texts_back(world: World, asked: int) -> None:
    reply(world, "stop")

    assert "you will get our texts again" in reply(world, "START")[0]
    assert len([text for _, text in world.work(at(13)) if "14 Jan" in text]) == 1


def test_a_number_after_the_check_in_is_a_score(world: World, asked: int) -> None:
    world.work(at(12, 11))

    assert "we have noted 7" in reply(world, "7")[0]
    assert "we have noted 6" in reply(world, "6/10")[0]

    with world.database.transaction(write=False) as session:
        [score] = session.exec(select(Score)).all()
        assert (score.value, score.course_id) == (6, asked)


def test_a_number_out_of_the_blue_goes_to_staff(world: World, asked: int) -> None:
    assert "passed your message on" in reply(world, "7")[0]

    with world.database.transaction(write=False) as session:
        assert session.exec(select(Score)).all() == []
        assert last(session).for_staff


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("I am short of breath and my chest hurts", "Call 911 now"),
        ("C but chset pian", "Call 911 now"),
        ("no puedo respirrar", "Llame ya al 911"),
        ("me duele el pehco", "Llame ya al 911"),
    ],
)
def test_a_warning_sign_is_answered_at_once_and_put_before_staff(
    world: World, asked: int, text: str, begins: str
) -> None:
    world.clock.at = at(10, 23)  # at night too

    [answer] = reply(world, text)

    assert answer.startswith(begins)
    assert "(212) 555-0100" in answer
    assert state(world, asked) == AppointmentState.BOOKED
    assert (last_reply(world).urgent, last_reply(world).for_staff) == (True, True)


def test_a_warning_sign_is_answered_even_to_a_stopped_phone(world: World, asked: int) -> None:
    reply(world, "stop")

    assert reply(world, "I fainted")[0].startswith("Call 911 now")


def test_a_stranger_is_told_nothing_about_anybody(world: World, asked: int) -> None:
    assert reply(world, "C", phone=BEN) == [
        "Willow: we found no session to confirm. Please call (212) 555-0100 if you expected one."
    ]


@pytest.mark.both_databases
def test_a_stranger_to_several_clinics_is_not_answered_but_kept(world: World, asked: int) -> None:
    with world.database.transaction() as session:
        open_clinic(session, "Birch")

    assert reply(world, "hello?", phone=BEN) == []
    assert last_reply(world).for_staff
    assert reply(world, "chest pain", phone=BEN)[0].startswith("Call 911 now")


def test_two_machines_do_not_talk_for_ever(world: World, asked: int) -> None:
    answers = [reply(world, "who is this") for _ in range(6)]

    assert [len(answer) for answer in answers] == [1, 1, 1, 1, 1, 0]
    assert last_reply(world).for_staff


def test_strange_bodies_are_kept_as_they_can_be(world: World, asked: int) -> None:
    for body in ("", "\0\0", "'; DROP TABLE replies", "🦄" * 900, "\u202e{link} {code}"):
        world.clock.at += 11 * MINUTE
        assert "passed your message on" in reply(world, body)[0]


def test_a_code_is_texted_at_once_and_never_stored(world: World) -> None:
    with world.database.transaction() as session:
        code = verification.begin(
            session, clinic_id=world.clinic_id, phone=BEN, origin="", now=MONDAY
        )
        immediate.owe_code(session, code, language="en", now=MONDAY)
        digits = links.code_of(KEY, code.nonce)
        assert session.get_one(Clinic, world.clinic_id).name == "Willow Clinic"

    [(phone, text)] = world.tick()

    assert (phone, digits in text) == (BEN, True)
    assert "{code}" in world.messages(kind="code")[0].text


def test_thoughts_of_suicide_are_answered_with_the_crisis_line(world: World, asked: int) -> None:
    [answer] = reply(world, "I want to die")

    assert answer.startswith("Please call 988 now, or 911 if you are in danger.")
    assert last_reply(world).urgent


def test_a_reply_that_is_not_understood_is_answered_with_the_emergency_number(
    world: World, asked: int
) -> None:
    assert reply(world, "quite odd since noon")[0].endswith("In an emergency: 911")
