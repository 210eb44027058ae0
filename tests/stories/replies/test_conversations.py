"""Ambiguous replies are answered with a question, and no phone is texted without end."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from scheduler.booking.courses import appointments
from scheduler.booking.models import AppointmentState
from scheduler.clinic.models import Clinic
from scheduler.patients import consent
from scheduler.patients.models import OptOut, Patient
from scheduler.progress.models import Score
from scheduler.reminders.intents import Intent
from scheduler.reminders.models import Message, MessageState, ReminderRule, Reply
from scheduler.storage.database import Database, stored_id
from tests.builders.world import ANN, BEN, World, appointment, at, found, open_clinic, patient_actor
from tests.stories.replies.talk import last_reply, move, receive, reply, state

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def asked(world: World) -> int:
    """A course whose first session was asked about: texted the day before."""
    return world.begin(_asked)


def _asked(world: World) -> int:
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()
    world.tick(at(10))
    return course


@pytest.fixture
def family(world: World) -> tuple[int, int]:
    """Two children on one phone, asked about sessions at different times of one day."""
    return world.begin(_family)


def _family(world: World) -> tuple[int, int]:
    courses = (
        world.book(world.enrol("Ann Archer"), at(11)),
        world.book(world.enrol("Bea Archer"), at(11, 15)),
    )
    world.tick()
    world.tick(at(10, 15))
    world.tick(at(10, 15))
    return courses


def test_what_was_offered_holds_for_a_day(world: World, family: tuple[int, int]) -> None:
    reply(world, "C")

    world.clock.at += timedelta(hours=18)
    assert "Mon 11 Jan 10:00 AM is confirmed" in reply(world, "1")[0]


def test_after_a_day_a_number_is_only_a_number(world: World, family: tuple[int, int]) -> None:
    reply(world, "C", phone=ANN)

    world.clock.at = at(11, 15) + timedelta(hours=1)
    reply(world, "2")

    assert [message.kind for message in world.messages(kind="unknown")] == ["unknown"]
    assert last_reply(world).reason == "A number, but no question was open."


def test_a_number_counts_only_from_the_phone_that_was_asked(
    world: World, family: tuple[int, int]
) -> None:
    reply(world, "C")

    reply(world, "1", phone=BEN)

    assert [state(world, course) for course in family] == [AppointmentState.BOOKED] * 2


def test_a_session_moved_since_it_was_offered_is_not_confirmed(
    world: World, family: tuple[int, int]
) -> None:
    reply(world, "C")
    move(world, family[1], at(12, 9))

    [answer] = reply(world, "2")

    assert answer.startswith("Willow: Tue 12 Jan 9:00 AM.")
    assert state(world, family[1]) == AppointmentState.BOOKED


@pytest.mark.parametrize("number", ["3", "0", "1 or 2", "11"])
def test_a_number_that_was_not_offered_is_asked_again(
    world: World, family: tuple[int, int], number: str
) -> None:
    [question] = reply(world, "C")

    assert reply(world, number) == [question]
    assert "3:00 PM is confirmed" in reply(world, "the second one")[0]


def test_yes_to_the_question_which_is_asked_again(world: World, family: tuple[int, int]) -> None:
    [question] = reply(world, "C")

    assert reply(world, "yes") == [question]


@pytest.mark.parametrize("body", ["both", "ambos", "las dos", "all", "todas", "1 and 2", "1 y 2"])
def test_both_confirms_all_that_were_asked_about(
    world: World, family: tuple[int, int], body: str
) -> None:
    reply(world, "C")

    assert reply(world, body) == [
        "Willow: thank you, all are confirmed. To change one reply R."
        " 1: Mon 11 Jan 10:00 AM, 2: Mon 11 Jan 3:00 PM"
    ]
    assert [state(world, course) for course in family] == [AppointmentState.CONFIRMED] * 2
    assert (last_reply(world).meaning, last_reply(world).for_staff) == (Intent.CHOICE, False)


@pytest.mark.both_databases
def test_both_confirms_none_at_a_time_that_was_not_asked_about(
    world: World, family: tuple[int, int]
) -> None:
    reply(world, "C")
    move(world, family[1], at(12, 9))

    # Both go out at once: which is first is the carrier's matter.
    asked, confirmed = sorted(reply(world, "both"))

    assert confirmed.startswith("Willow: thank you, Mon 11 Jan 10:00 AM is confirmed.")
    assert asked.startswith("Willow: Tue 12 Jan 9:00 AM.")
    assert [state(world, course) for course in family] == ["confirmed", "booked"]
    assert last_reply(world).for_staff


@pytest.mark.parametrize("body", ["both", "todas", "1 and 2"])
def test_both_changes_nothing_where_we_asked_which_to_change(
    world: World, family: tuple[int, int], body: str
) -> None:
    [question] = reply(world, "R")

    [answer] = reply(world, body)

    assert answer == question or "passed your message on" in answer
    assert last_reply(world).meaning != Intent.CHOICE
    assert [state(world, course) for course in family] == [AppointmentState.BOOKED] * 2


def test_both_without_a_question_is_for_staff(world: World, family: tuple[int, int]) -> None:
    assert "passed your message on" in reply(world, "both")[0]
    assert last_reply(world).for_staff


def test_las_dos_may_be_two_o_clock(world: World) -> None:
    courses = (
        world.book(world.enrol("Ann Archer"), at(11)),
        world.book(world.enrol("Bea Archer"), at(11, 14)),
    )
    for moment in (None, at(10, 14), at(10, 14)):
        world.tick(moment) if moment else world.tick()
    reply(world, "C")

    assert "passed your message on" in reply(world, "las dos")[0]
    assert [state(world, course) for course in courses] == [AppointmentState.BOOKED] * 2
    assert "all are confirmed" in reply(world, "ambas")[0]


def test_r_of_two_courses_asks_which_and_of_one_does_not(
    world: World, family: tuple[int, int]
) -> None:
    [question] = reply(world, "R")
    [answer] = reply(world, "2")

    assert question.endswith(" 1: Mon 11 Jan 10:00 AM, 2: Mon 11 Jan 3:00 PM")
    assert "nothing is cancelled or changed yet" in answer
    assert last_reply(world).meaning == Intent.CHOICE


def test_children_at_the_same_time_are_told_apart_by_who_treats_them(world: World) -> None:
    for name in ("Ann Archer", "Bea Archer"):
        world.book(world.enrol(name), at(11))
    world.tick()

    [question] = reply(world, "R")

    assert sorted(re.findall(r"10:00 AM (Ines \d)", question)) == ["Ines 1", "Ines 2"]


@pytest.mark.both_databases
def test_ok_is_a_yes_only_right_after_the_question(world: World, asked: int) -> None:
    assert "is confirmed" in reply(world, "ok")[0]

    world.tick(at(11, 11))  # the advice after the session, which asks nothing
    world.tick(at(13, 10))
    with world.database.transaction() as session:
        session.execute(
            update(Message).where(col(Message.kind) == "aftercare").values(sent_at=at(13, 11))
        )
    world.clock.at = at(13, 11) + MINUTE
    assert reply(world, "ok") == []
    assert state(world, asked, 2) == AppointmentState.BOOKED
    assert "14 Jan 10:00 AM is confirmed" in reply(world, "C")[0]


def test_thanks_are_neither_answered_nor_put_before_staff(world: World, asked: int) -> None:
    assert reply(world, "Thank you!") == []
    assert not last_reply(world).for_staff


def test_c_to_another_kind_of_reminder_confirms_what_it_spoke_of(world: World, asked: int) -> None:
    with world.database.transaction() as session:
        session.execute(
            update(Message).where(col(Message.kind) == "day_before").values(kind="three_days")
        )

    assert "Mon 11 Jan 10:00 AM is confirmed" in reply(world, "C")[0]


def scores(world: World) -> list[tuple[int, int]]:
    with world.database.transaction(write=False) as session:
        rows = session.exec(select(Score).order_by(col(Score.id)))
        return [(score.appointment_id, score.value) for score in rows]


def test_seven_or_eight_is_asked_again(world: World, asked: int) -> None:
    world.work(at(12, 11))

    assert reply(world, "7 or 8") == [
        "Willow: please reply with one number from 0 (no complaint) to 10 (the worst you can"
        " imagine)."
    ]
    assert scores(world) == []
    assert "we have noted 8" in reply(world, "about an eight")[0]
    assert [value for _, value in scores(world)] == [8]


@pytest.mark.both_databases
@pytest.mark.parametrize(("kind", "which"), [("review", "first"), ("how_far", "review")])
def test_a_review_is_answered_like_a_check_in(
    world: World, asked: int, kind: str, which: str
) -> None:
    world.work(at(12, 11))
    with world.database.transaction() as session:
        for row in (ReminderRule, Message):
            values = {"kind": kind, "which": which} if row is ReminderRule else {"kind": kind}
            session.execute(update(row).where(col(row.kind) == "check_in").values(**values))

    receive(world, "3/10")

    assert [value for _, value in scores(world)] == [3]
    assert [message.text for message in world.messages(kind="score_thanks")] == [
        "Willow: thank you, we have noted 3. If you are worried, call (212) 555-0100"
    ]


@pytest.mark.both_databases
def test_a_score_of_one_of_two_children_is_asked_about(world: World) -> None:
    with world.database.transaction() as session:
        clinic = session.get_one(Clinic, world.clinic_id)
        clinic.texts_per_day = clinic.texts_per_week = 20
    for name, hour in (("Ann Archer", 10), ("Bea Archer", 15)):
        world.book(world.enrol(name), at(11, hour))
    for moment in (at(4), at(11, 16), at(12, 11), at(12, 16)):
        world.tick(moment)
    ids = [message.appointment_id for message in world.messages(kind="check_in")]

    [question] = reply(world, "7")

    assert question.endswith(" 1: Mon 11 Jan 10:00 AM, 2: Mon 11 Jan 3:00 PM")
    assert scores(world) == []
    assert "we have noted 7" in reply(world, "2")[0]
    assert scores(world) == [(ids[1], 7)]


def test_a_number_that_could_be_a_score_or_a_session_is_asked_about(
    world: World, family: tuple[int, int]
) -> None:
    reply(world, "C")
    with world.database.transaction() as session:
        first = appointment(session, family[0], 1)
        session.add(
            Message(
                clinic_id=world.clinic_id,
                key="check",
                kind="check_in",
                phone=ANN,
                text="How are you?",
                appointment_id=first.id,
                state=MessageState.SENT,
                sent_at=world.clock.at + MINUTE,
                due_at=world.clock.at,
                expires_at=world.clock.at,
                created_at=world.clock.at,
            )
        )
    world.clock.at += 2 * MINUTE

    assert reply(world, "2") == [
        "Willow: is 2 how you are, or a session? Reply 2/10 for how you are, SESSION 2 for the"
        " session."
    ]
    assert "3:00 PM is confirmed" in reply(world, "session 2")[0]
    assert "we have noted 2" in reply(world, "2/10")[0]
    assert "we have noted 9" in reply(world, "9")[0]


def test_a_stranger_is_answered_three_times_a_day_and_no_more(world: World, asked: int) -> None:
    answers = [len(reply(world, "who is this?", phone=BEN)) for _ in range(8)]
    world.clock.at += timedelta(hours=12)
    answers += [len(reply(world, "hello?", phone=BEN)) for _ in range(2)]

    assert answers == [1, 1, 1] + [0] * 7


def test_a_patient_gets_twenty_answers_a_day_at_most(world: World, asked: int) -> None:
    for _ in range(25):
        world.clock.at += timedelta(minutes=3)
        receive(world, "HELP")

    assert len(world.messages(kind="help")) == 20


@pytest.mark.both_databases
def test_danger_and_stop_are_answered_whatever_was_said_before(world: World, asked: int) -> None:
    for _ in range(7):
        receive(world, "who is this")
    world.tick()

    assert reply(world, "I fainted")[0].startswith("Call 911 now")
    assert reply(world, "I fainted again") == []
    assert "no more texts" in reply(world, "stop")[0]
    with world.database.transaction(write=False) as session:
        waiting = session.exec(select(Reply).where(col(Reply.urgent))).all()
        assert [entry.for_staff for entry in waiting] == [True, True]


def test_danger_is_answered_in_its_own_language(world: World, asked: int) -> None:
    assert reply(world, "me duele el pecho") == [
        "Llame ya al 911 si se siente muy mal. No espere un SMS. Willow ya lo sabe: (212) 555-0100"
    ]


@pytest.mark.parametrize("body", ["C, but my chest hurts", "7 and I have a fever", "R I fainted"])
def test_danger_is_never_taken_for_anything_else(world: World, asked: int, body: str) -> None:
    [answer] = reply(world, body)

    assert answer.startswith("Call 911 now")
    assert state(world, asked) == AppointmentState.BOOKED
    assert scores(world) == []


def test_danger_and_stop_in_one_text_are_both_heard(world: World, asked: int) -> None:
    [answer] = reply(world, "STOP. I can't breathe", did="STOP")

    assert answer.startswith("Call 911 now")
    assert last_reply(world).reason == "It speaks of danger. It also asked for no more texts."
    assert stopped(world) == [("STOP. I can't breathe", at(10))]


@pytest.mark.both_databases
def test_the_emergency_number_is_that_of_the_clinics_country(world: World, asked: int) -> None:
    with world.database.transaction() as session:
        session.get_one(Clinic, world.clinic_id).emergency_phone = "112"

    assert reply(world, "chest pain")[0].startswith("Call 112 now")


def stopped(world: World) -> list[tuple[str, object]]:
    with world.database.transaction(write=False) as session:
        rows = session.exec(select(OptOut).where(col(OptOut.lifted_at).is_(None)))
        return [(row.words, row.since) for row in rows]


def test_stop_withdraws_what_is_owed_in_the_same_moment(world: World, asked: int) -> None:
    world.clock.at = at(13)  # the next text is due, and no worker has come by yet
    receive(world, "no más mensajes")

    owed = [message for message in world.messages() if message.state == MessageState.OWED]
    assert [message.kind for message in owed] == ["stopped"]
    assert stopped(world) == [("no más mensajes", at(13))]


def test_stop_of_one_silences_the_phone_for_all_and_for_new_courses(
    world: World, family: tuple[int, int]
) -> None:
    reply(world, "stop")
    world.book(world.enrol("Cy Archer"), at(13))
    before = len(world.carrier.texts)

    for moment in (at(11, 16), at(12, 16), at(14, 16)):
        world.tick(moment)

    assert len(world.carrier.texts) == before


def test_cancel_alone_stops_texts_and_staff_are_told_what_may_be_meant(
    world: World, asked: int
) -> None:
    assert "Your sessions stay booked." in reply(world, "CANCEL")[0]
    assert last_reply(world).reason == (
        "The phone asked for no more texts. Carriers read CANCEL as an opt-out;"
        " perhaps the patient meant a session."
    )
    assert state(world, asked) == AppointmentState.BOOKED


def test_r_within_the_clinics_notice_is_a_matter_for_a_call(world: World, asked: int) -> None:
    world.clock.at += MINUTE  # 23 hours and 59 minutes before

    [answer] = reply(world, "R")

    told, _, link = answer.partition("https://willow.example/my/")
    assert told == ("Willow: Mon 11 Jan 10:00 AM still stands. To change it, call (212) 555-0100. ")
    assert len(link) == 22
    assert last_reply(world).reason == (
        "It asks to change a session that begins in less than 24 hours."
    )
    assert state(world, asked) == AppointmentState.BOOKED


def test_a_clinic_may_ask_for_less_notice(world: World, asked: int) -> None:
    with world.database.transaction() as session:
        session.get_one(Clinic, world.clinic_id).cancel_notice_hours = 4
    world.clock.at += MINUTE

    assert "nothing is cancelled or changed yet" in reply(world, "R")[0]
    assert not last_reply(world).for_staff


def test_nothing_is_cancelled_by_text(world: World, asked: int) -> None:
    assert "nothing is cancelled or changed yet" in reply(world, "cancel my appointment Monday")[0]

    assert state(world, asked) == AppointmentState.BOOKED
    assert last_reply(world).for_staff


def test_a_reply_tells_nothing_but_what_the_phone_knows(world: World, asked: int) -> None:
    """A sender can be forged: but what is answered goes to the phone whose number it is."""
    told = " ".join(
        text
        for body in ("C", "R", "HELP", "who am I?", "7", "chest pain")
        for text in reply(world, body, phone=BEN)
    )

    assert "Jan" not in told
    assert "/my/" not in told
    assert "Archer" not in told


def test_texts_of_another_clinic_are_not_mixed_in(world: World, asked: int) -> None:
    with world.database.transaction() as session:
        birch = stored_id(open_clinic(session, "Birch").id)
        session.add(
            Message(
                clinic_id=birch,
                key="birch",
                kind="day_before",
                phone=ANN,
                text="See you",
                state=MessageState.SENT,
                sent_at=world.clock.at + MINUTE,
                due_at=world.clock.at,
                expires_at=world.clock.at,
                created_at=world.clock.at,
            )
        )
    world.clock.at += 2 * MINUTE

    assert reply(world, "C") == [
        "Birch: we found no session to confirm. Please call (212) 555-0100 if you expected one."
    ]
    assert state(world, asked) == AppointmentState.BOOKED


@pytest.mark.both_databases
def test_ten_at_once_of_one_text_are_one(world: World, asked: int) -> None:
    with ThreadPoolExecutor(10) as crowd:
        list(crowd.map(lambda _: receive(world, "C", sid=f"SM{7:032x}"), range(10)))
    world.tick()

    assert len(world.messages(kind="confirmed")) == 1
    with world.database.transaction(write=False) as session:
        assert len(session.exec(select(Reply)).all()) == 1


def test_ten_texts_at_once_get_five_answers(world: World, asked: int) -> None:
    with ThreadPoolExecutor(10) as crowd:
        list(crowd.map(lambda _: receive(world, "who is this?"), range(10)))

    assert len(world.messages(kind="unknown")) == 5


@pytest.mark.both_databases
def test_a_replayed_text_does_nothing_after_things_have_changed(world: World, asked: int) -> None:
    reply(world, "C", sid=f"SM{7:032x}")
    move(world, asked, at(12, 15))

    world.clock.at += timedelta(hours=1)
    receive(world, "C", sid=f"SM{7:032x}")

    assert len(world.messages(kind="confirmed")) == 1
    assert world.messages(kind="day_before", rule_id=None) == []
    assert state(world, asked) == AppointmentState.BOOKED


def test_an_old_start_that_comes_late_lifts_no_later_stop(world: World, asked: int) -> None:
    reply(world, "stop")
    receive(world, "START", sent_at=world.clock.at - timedelta(hours=1))

    assert [words for words, _ in stopped(world)] == ["stop"]


def test_an_old_stop_that_comes_late_undoes_no_later_start(world: World, asked: int) -> None:
    reply(world, "stop")
    world.clock.at += timedelta(hours=2)
    reply(world, "START")
    receive(world, "stop", sent_at=world.clock.at - timedelta(hours=1))

    assert stopped(world) == []


def test_c_that_comes_late_confirms_nothing_that_was_asked_after_it(
    world: World, asked: int
) -> None:
    said_at = world.clock.at + MINUTE
    world.tick(at(13, 10))  # in between, the second appointment is asked about

    receive(world, "C", sent_at=said_at)
    world.tick()

    assert state(world, asked, 2) == AppointmentState.BOOKED
    assert last_reply(world).reason == (
        "It confirms, but no session was asked about. It reached us late and was not answered."
    )


@pytest.mark.both_databases
def test_staff_may_cancel_while_a_patient_confirms(world: World, asked: int) -> None:
    with world.database.transaction() as session:
        visit = appointment(session, asked, 1)
        appointments.cancel(session, patient_actor(world.clinic_id), visit, now=world.clock.at)

    assert "no session to confirm" in reply(world, "C")[0]
    assert state(world, asked) == AppointmentState.CANCELLED


@pytest.mark.both_databases
def test_the_words_of_a_stop_are_kept_with_their_time(world: World, asked: int) -> None:
    reply(world, "Please stop texting me, I am fine")

    assert stopped(world) == [("Please stop texting me, I am fine", at(10))]
    with world.database.transaction(write=False) as session:
        assert consent.is_stopped(session, ANN)
        assert session.exec(select(Patient.sms_consent)).all() == [True]


def test_a_yes_that_names_another_hour_confirms_nothing(world: World, asked: int) -> None:
    reply(world, "See you at 4")

    assert state(world, asked) == AppointmentState.BOOKED
    assert last_reply(world).reason == "It confirms, but names another time."


def test_our_text_quoted_above_an_answer_is_not_read(world: World, asked: int) -> None:
    [*_, question] = [text for phone, text in world.carrier.texts if phone == ANN]

    reply(world, f"{question}\nYes")

    assert state(world, asked) == AppointmentState.CONFIRMED
