"""The texts follow from the calendar. Booking knows nothing of reminders."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.courses import appointments, courses
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import Appointment, Course, CourseState, DiaryEntry
from scheduler.clinic.models import Clinic
from scheduler.patients import consent, register
from scheduler.patients.models import Patient, Screening
from scheduler.phrases import message_triggers
from scheduler.reminders.models import MessageState, ReminderRule
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.world import ANN, BEN, MONDAY, World, appointment, at, found, patient_actor

HOUR = timedelta(hours=1)
INSISTED = ChangePolicy(override_reason="as a test")


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


def told(world: World, course_id: int) -> list[tuple[str, int | None, MessageState, str]]:
    return [
        (entry.kind, entry.number, entry.state, entry.reason) for entry in world.timeline(course_id)
    ]


def test_a_course_is_texted_around_every_session(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(14))

    assert [
        (entry.kind, entry.due_at, message_triggers.describe(entry))
        for entry in world.timeline(course)
    ] == [
        ("confirmation", MONDAY, "when the course is booked"),
        ("day_before", at(10), "the day before session 1"),
        ("same_day", at(10, 20, 45), "3 hours before session 1"),
        ("aftercare", at(11, 10, 40), "as session 1 ends"),
        ("check_in", at(12, 10, 40), "the day after session 1"),
        ("day_before", at(13), "the day before session 2"),
        ("closing", at(14, 11, 40), "1 hour after session 2"),
    ]


def test_the_page_after_booking_and_the_outbox_say_the_same(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(14))
    promised = world.timeline(course)

    world.worker.derive()

    derived = world.timeline(course)
    assert [(entry.kind, entry.due_at, entry.text, entry.state) for entry in derived] == [
        (entry.kind, entry.due_at, entry.text, entry.state) for entry in promised
    ]
    assert all(entry.id for entry in derived)


def test_texts_go_out_when_they_are_due(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.tick()

    assert len(world.tick(at(10) - timedelta(minutes=1))) == 1
    texts = world.tick(at(10))

    assert texts[1:] == [
        (
            ANN,
            "Willow: Mon 11 Jan 10:00 AM. Eat something about 2 hours before, rise slowly after."
            " Reply C to confirm, R to change, STOP to opt out.",
        )
    ]


def change(
    world: World,
    course_id: int,
    number: int,
    deed: object,
    *,
    actor: Actor = OPERATOR,
    **details: object,
) -> None:
    with world.database.transaction() as session:
        which = appointment(session, course_id, number)
        deed(session, actor, which, now=world.clock.at, **details)  # type: ignore[operator]


def test_a_moved_session_takes_its_texts_along(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()

    change(world, course, 2, appointments.move, starts_at=at(18, 9), policy=INSISTED)
    world.worker.derive()

    day_before = [entry for entry in world.timeline(course) if entry.kind == "day_before"]
    assert [(entry.due_at, entry.state, entry.reason) for entry in day_before] == [
        (at(10), MessageState.OWED, ""),
        (at(13), MessageState.WITHDRAWN, "The session was moved."),
        (at(17, 9), MessageState.OWED, ""),
    ]


def test_a_session_moved_there_and_back_is_texted_about_once(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()

    change(world, course, 2, appointments.move, starts_at=at(18), policy=INSISTED)
    world.tick(MONDAY + HOUR)
    change(world, course, 2, appointments.move, starts_at=at(14), policy=INSISTED)
    world.tick(MONDAY + 2 * HOUR)

    owed = [entry for entry in world.timeline(course) if entry.state == MessageState.OWED]
    assert [entry.due_at for entry in owed if entry.kind == "day_before"] == [at(10), at(13)]


def test_a_cancelled_session_is_not_texted_about(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()

    change(world, course, 2, appointments.cancel, actor=patient_actor(world.clinic_id))
    world.tick(MONDAY + HOUR)

    assert ("day_before", 2, MessageState.WITHDRAWN, "The session was cancelled.") in told(
        world, course
    )
    assert not any("14 Jan" in text for _, text in world.tick(at(13)))


def test_a_cancelled_course_gets_no_more_texts(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(14))
    world.tick()

    with world.database.transaction() as session:
        courses.cancel(session, OPERATOR, session.get_one(Course, course), now=MONDAY)

    assert len(world.tick(at(13))) == 1


def test_withdrawn_consent_withdraws_the_texts_and_consent_brings_them_back(
    world: World,
) -> None:
    patient_id = world.enrol()
    course = world.book(patient_id, at(11))
    world.tick()

    with world.database.transaction() as session:
        patient = session.get_one(Patient, patient_id)
        consent.withdraw(session, OPERATOR, patient, wording="No", channel="staff", now=MONDAY)
    world.tick(MONDAY + HOUR)
    assert {
        (state, reason) for kind, _, state, reason in told(world, course) if kind == "day_before"
    } == {(MessageState.WITHDRAWN, "The patient does not agree to texts.")}
    with world.database.transaction() as session:
        patient = session.get_one(Patient, patient_id)
        consent.give(session, OPERATOR, patient, wording="Yes", channel="staff", now=world.clock.at)

    assert len(world.tick(at(10))) == 2


def test_nobody_is_texted_who_did_not_agree(world: World) -> None:
    course = world.book(world.enrol(agrees=False), at(11))

    assert world.tick() == []
    assert world.timeline(course) == []


def test_a_stopped_phone_stays_silent_for_everybody_who_shares_it(world: World) -> None:
    world.book(world.enrol("Ann Archer"), at(11))
    world.book(world.enrol("Bea Archer"), at(11))
    with world.database.transaction() as session:
        consent.stop(session, OPERATOR, ANN, words="stop", now=MONDAY)

    assert world.tick() == []


def test_a_new_phone_gets_the_texts_and_the_old_one_no_more(world: World) -> None:
    patient_id = world.enrol()
    world.book(patient_id, at(11))
    world.tick()

    with world.database.transaction() as session:
        patient = session.get_one(Patient, patient_id)
        register.change(session, OPERATOR, patient, phone=BEN, now=MONDAY)
    world.worker.derive()

    assert [phone for phone, _ in world.tick(at(10))] == [ANN, BEN]


@pytest.mark.both_databases
def test_a_corrected_phone_gets_what_went_to_the_wrong_one_and_each_gets_it_once(
    world: World,
) -> None:
    patient_id = world.enrol()
    world.book(patient_id, at(11))
    world.tick()
    world.tick(at(10))
    for phone in (BEN, ANN, BEN):
        with world.database.transaction() as session:
            patient = session.get_one(Patient, patient_id)
            register.change(session, OPERATOR, patient, phone=phone, now=world.clock.at)
        world.tick()

    [to_ann, to_ben] = world.messages(kind="day_before")
    assert (to_ann.text, {to_ann.phone, to_ben.phone}) == (to_ben.text, {ANN, BEN})
    assert [phone for phone, _ in world.carrier.texts] == [ANN, ANN, BEN]


@pytest.mark.both_databases
def test_a_course_that_waits_for_clearance_is_only_confirmed(world: World) -> None:
    course = world.book(world.enrol(), at(11))
    hold(world, course, CourseState.NEEDS_CLEARANCE)
    assert [kind for kind, *_ in told(world, course)] == ["confirmation"]
    world.tick()

    hold(world, course, CourseState.ACTIVE)

    assert len(world.tick(at(10))) == 3
    assert {text for _, text in world.carrier.texts} > {
        "Willow: we have kept your times. A practitioner looks at your answers first and we text"
        " you. Questions? (212) 555-0100",
        "Willow: booked. Session 1 of 1 is on Mon 11 Jan, 10:00 AM. We text you before each."
        " Reply R to change, HELP for help, STOP to opt out.",
    }


def hold(world: World, course_id: int, state: CourseState) -> None:
    with world.database.transaction() as session:
        course = session.get_one(Course, course_id)
        course.state, course.changed_at = state, world.clock.at
        if course.screening_id is None:
            screening = Screening(
                patient_id=course.patient_id, needs_clearance=True, at=world.clock.at
            )
            session.add(screening)
            session.flush()
            course.screening_id = screening.id
        session.add(course)


def test_a_course_booked_late_is_told_what_is_still_of_use(world: World) -> None:
    course = world.book(world.enrol(), at(5, 8, 30))

    texts = [(kind, state) for kind, _, state, _ in told(world, course)]

    assert texts[:2] == [
        ("confirmation", MessageState.OWED),
        ("day_before", MessageState.OWED),
    ]
    assert len(world.tick()) == 2


def test_the_less_useful_text_gives_way_and_the_timeline_says_so(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(12), at(13), at(14), at(15))

    assert [
        (kind, reason)
        for kind, _, state, reason in told(world, course)
        if state == MessageState.WITHDRAWN
    ] == [
        ("same_day", "Gave way: no more than 1 text a day to one phone."),
        ("aftercare", "Gave way: no more than 1 text a day to one phone."),
        ("check_in", "Gave way: no more than 1 text a day to one phone."),
        ("closing", "Gave way: no more than 3 texts in 7 days to one phone."),
    ]


def test_why_a_text_gave_way_stays_said_once_its_time_is_over(world: World) -> None:
    course = world.book(world.enrol(), at(11), at(12), at(13), at(14), at(15))
    world.tick()
    world.tick(at(10))

    world.tick(at(30))

    same_day = [shown for shown in told(world, course) if shown[0] == "same_day"]
    assert same_day == [
        (
            "same_day",
            1,
            MessageState.WITHDRAWN,
            "Gave way: no more than 1 text a day to one phone.",
        )
    ]
    assert [(message.state, message.reason) for message in world.messages(kind="same_day")] == [
        message[2:] for message in same_day
    ]


def test_two_children_on_one_phone_share_its_limit(world: World) -> None:
    first = world.book(world.enrol("Ann Archer"), at(11))
    second = world.book(world.enrol("Bea Archer"), at(11))

    kinds = [
        kind
        for course in (first, second)
        for kind, _, state, _ in told(world, course)
        if state == MessageState.OWED and kind in {"aftercare", "check_in", "same_day"}
    ]

    # Two texts the day before, which never give way, leave room for one more that week.
    assert kinds == ["aftercare"]


def edit_rule(world: World, kind: str, **values: object) -> None:
    with world.database.transaction() as session:
        for rule in rules(session, kind):
            for name, value in values.items():
                setattr(rule, name, value)
            rule.changed_at = world.clock.at
            session.add(rule)


def rules(session: Session, kind: str) -> list[ReminderRule]:
    return list(session.exec(select(ReminderRule).where(ReminderRule.kind == kind)))


def test_a_changed_rule_changes_what_is_owed(world: World) -> None:
    course = world.book(world.enrol(), at(11))
    world.tick()

    edit_rule(world, "aftercare", active=False)
    edit_rule(world, "day_before", templates={"en": "{clinic}: come on {date}, {time}."})
    world.worker.derive()

    assert (
        "aftercare",
        1,
        MessageState.WITHDRAWN,
        "The clinic no longer sends this text.",
    ) in told(world, course)
    assert world.tick(at(10))[1] == (ANN, "Willow: come on Mon 11 Jan, 10:00 AM.")


@pytest.mark.both_databases
def test_a_clinic_that_switched_all_its_rules_off_texts_nobody(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.worker.derive()
    for kind in ("confirmation", "day_before", "same_day", "aftercare", "check_in"):
        edit_rule(world, kind, active=False)

    assert world.tick() == []


@pytest.mark.both_databases
def test_the_clinics_new_name_is_in_texts_not_yet_sent(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.tick()

    with world.database.transaction() as session:
        clinic = session.get_one(Clinic, world.clinic_id)
        clinic.text_name, clinic.changed_at = "Birch", MONDAY
        session.add(clinic)
    world.worker.derive()

    assert world.tick(at(10))[1][1].startswith("Birch: Mon 11 Jan")


@pytest.mark.both_databases
def test_the_sweep_finds_what_no_change_announced(world: World) -> None:
    world.book(world.enrol(), at(11))
    world.tick()
    with world.database.transaction() as session:
        only = session.get_one(Appointment, 1)
        only.starts_at += HOUR
        only.ends_at += HOUR
        session.add(only)
        for entry in session.exec(select(DiaryEntry)):
            entry.from_minute += 60
            entry.to_minute += 60
            session.add(entry)

    world.worker.sweep()

    assert [row.due_at for row in world.messages(kind="day_before", state="owed")] == [at(10, 11)]


@pytest.mark.both_databases
def test_two_workers_share_the_texts_and_none_goes_twice(world: World) -> None:
    for number in range(6):
        world.book(world.enrol(phone=f"+1212555011{number}"), at(11 + number))
    other = found_again(world)

    world.worker.sweep()
    other.sweep()
    world.worker.send()
    other.send()

    assert len(world.carrier.texts) == len(set(world.carrier.texts)) == 6


def found_again(world: World) -> Worker:
    return Worker(world.database, world.carrier, world.clock, key="k" * 32, public_url="")
