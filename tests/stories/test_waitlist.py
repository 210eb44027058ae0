"""A free time is offered to waiting patients, in queue order."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.absences import time_off
from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.courses import appointments, courses
from scheduler.booking.events import change_notices
from scheduler.booking.models import (
    Appointment,
    AppointmentState,
    Course,
    EntryState,
    Hold,
    Offer,
    OfferState,
    WaitlistEntry,
)
from scheduler.booking.waitlist import entries as waitlist_entries
from scheduler.booking.waitlist import offers
from scheduler.booking.waitlist.offers import OfferOver, OfferTaken
from scheduler.clinic.models import Clinic, Closure, Practitioner, Treatment
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.reminders.models import MessageState
from scheduler.reminders.sending import attempts
from scheduler.storage.database import Database, stored_id
from tests.builders.world import MONDAY, World, appointment, at, found, offer, patient_actor
from tests.stories.replies.talk import reply

pytestmark = pytest.mark.both_databases

TEN = (600, 620)
"""Ten o'clock and no other time, in minutes of the day."""

MINUTE = timedelta(minutes=1)
OFFER = "Willow: Tue 12 Jan, 10:00 AM is kept for you until 10:30 AM. Want it? "


@pytest.fixture
def world(database: Database) -> World:
    """Only Ines 1 works, in one room: each time there is once."""
    world = found(database)
    with database.transaction() as session:
        for who in session.exec(select(Practitioner).where(col(Practitioner.name) != "Ines 1")):
            who.active = False
    return world


def person(world: World, number: int, **other: Any) -> int:
    """A patient with a phone of their own."""
    return world.enrol(f"Patient {chr(64 + number)}", f"+121255501{number:02}", **other)


def wait(world: World, patient_id: int, *days: int, **wishes: Any) -> int:
    """Wait for a session at ten on one of these days of January; the id of the entry."""
    first, last = (min(days), max(days)) if days else (12, 12)
    with world.database.transaction() as session:
        entry = waitlist_entries.enter(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, world.treatment_id),
            patient=session.get_one(Patient, patient_id),
            now=world.clock.at,
            **{
                "from_minute": TEN[0],
                "to_minute": TEN[1],
                "first_day": date(2027, 1, first),
                "last_day": date(2027, 1, last),
                **wishes,
            },
        )
        return stored_id(entry.id)


def wait_for_earlier(world: World, course: int, number: int, **wishes: Any) -> int:
    """Wait for an earlier time of a session that one has, at ten."""
    with world.database.transaction() as session:
        entry = waitlist_entries.enter(
            session,
            OPERATOR,
            appointment=appointment(session, course, number),
            now=world.clock.at,
            **{"from_minute": TEN[0], "to_minute": TEN[1], **wishes},
        )
        return stored_id(entry.id)


def free(world: World, course: int, number: int = 1) -> None:
    """The clinic cancels a session: its time is free."""
    with world.database.transaction() as session:
        appointments.cancel(
            session, OPERATOR, appointment(session, course, number), now=world.clock.at
        )


def look(world: World, now: datetime | None = None) -> None:
    """The chore of offers, and no other."""
    world.clock.at = now or world.clock.at
    world.worker.offer()


def open_offers(world: World) -> dict[int, datetime]:
    """The time that each entry is offered now."""
    with world.database.transaction(write=False) as session:
        rows = session.exec(select(Offer).where(Offer.state == OfferState.OPEN)).all()
        return {row.entry_id: row.starts_at for row in rows}


def offer_of(world: World, entry_id: int) -> int:
    with world.database.transaction(write=False) as session:
        entry = session.get_one(WaitlistEntry, entry_id)
        return stored_id(offers.find_running(session, entry).id)


def accept(world: World, offer_id: int, actor: Actor = OPERATOR) -> None:
    with world.database.transaction() as session:
        offers.accept(session, actor, session.get_one(Offer, offer_id), now=world.clock.at)


def decline(world: World, offer_id: int) -> None:
    with world.database.transaction() as session:
        offers.decline(session, OPERATOR, session.get_one(Offer, offer_id), now=world.clock.at)


def states(world: World, *entry_ids: int) -> list[str]:
    with world.database.transaction(write=False) as session:
        return [session.get_one(WaitlistEntry, entry_id).state for entry_id in entry_ids]


def starts(world: World, course: int) -> list[datetime]:
    with world.database.transaction(write=False) as session:
        sessions = courses.appointments_of(session, session.get_one(Course, course))
        return [appointment.starts_at for appointment in sessions]


def offered_by_text(world: World) -> list[tuple[str, str]]:
    """The texts of offers that went out, without their links' secrets."""
    return [
        (phone, text.partition("https://willow.example/offers/")[0])
        for phone, text in world.carrier.texts
        if "/offers/" in text
    ]


def settings(world: World, **changes: Any) -> None:
    with world.database.transaction() as session:
        clinic = session.get_one(Clinic, world.clinic_id)
        for name, value in changes.items():
            setattr(clinic, name, value)


@pytest.fixture
def taken(world: World) -> int:
    """Another patient's course with one appointment on the 12th at ten."""
    return world.book(person(world, 10), at(12))


def test_a_freed_time_is_texted_to_whoever_waits_for_it(world: World, taken: int) -> None:
    wait(world, person(world, 11))
    world.work()
    assert offered_by_text(world) == []

    free(world, taken)
    world.work()
    world.work(MONDAY + MINUTE)

    assert offered_by_text(world) == [("+12125550111", OFFER)]


def test_a_yes_to_an_offer_brings_its_link_again(world: World, taken: int) -> None:
    entry = wait(world, person(world, 11))
    free(world, taken)
    world.work()
    world.work(MONDAY + MINUTE)

    [answer] = reply(world, "Yes", phone="+12125550111")

    assert answer.startswith(OFFER)
    assert open_offers(world).keys() == {entry}


def test_a_yes_to_an_offer_that_is_over_goes_to_staff(world: World, taken: int) -> None:
    entry = wait(world, person(world, 11))
    free(world, taken)
    world.work()
    world.work(MONDAY + MINUTE)
    decline(world, offer_of(world, entry))

    [answer] = reply(world, "Yes", phone="+12125550111")

    assert "passed your message on" in answer


def test_a_time_that_nobody_freed_is_found_as_well(world: World) -> None:
    wait(world, person(world, 11))

    world.work()

    assert offered_by_text(world) == [("+12125550111", OFFER)]


def test_an_entry_whose_search_fails_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with world.database.transaction() as session:
        clinic = session.get_one(Clinic, world.clinic_id)
        impossible = offer(session, clinic)
        session.get_one(Treatment, impossible).minutes = 0
    broken = wait(world, person(world, 11))
    with world.database.transaction() as session:
        session.get_one(WaitlistEntry, broken).treatment_id = impossible
    whole = wait(world, person(world, 12))

    look(world)

    assert list(open_offers(world)) == [whole]
    assert f"no time could be searched for waitlist entry {broken}" in caplog.text


def test_need_goes_before_waiting_and_waiting_before_coming_later(world: World, taken: int) -> None:
    late, early, urgent = (
        wait(world, person(world, 11), entered_at=MONDAY - MINUTE),
        wait(world, person(world, 12), entered_at=MONDAY - 2 * MINUTE),
        wait(world, person(world, 13), need=2, need_reason="in great pain"),
    )
    free(world, taken)
    order = []
    for _ in range(3):
        look(world)
        [entry] = open_offers(world)
        order.append(entry)
        decline(world, offer_of(world, entry))

    assert order == [urgent, early, late]


def test_who_does_not_answer_in_time_makes_way_for_the_next(world: World) -> None:
    first, second = wait(world, person(world, 11)), wait(world, person(world, 12))
    world.work()
    world.work(MONDAY + 29 * MINUTE)
    assert [phone for phone, _ in offered_by_text(world)] == ["+12125550111"]

    world.work(MONDAY + 30 * MINUTE)

    assert [phone for phone, _ in offered_by_text(world)] == ["+12125550111", "+12125550112"]
    assert states(world, first, second) == ["waiting", "offered"]


def test_nobody_is_offered_again_what_they_turned_down_or_let_lapse(world: World) -> None:
    entries = [wait(world, person(world, number), 12, 13) for number in (11, 12)]
    look(world)
    decline(world, offer_of(world, entries[0]))
    look(world, MONDAY + 30 * MINUTE)
    look(world, MONDAY + 60 * MINUTE)
    look(world, MONDAY + 90 * MINUTE)

    with world.database.transaction(write=False) as session:
        rows = session.exec(select(Offer).order_by(col(Offer.id))).all()
        assert sorted((row.entry_id, row.starts_at) for row in rows) == [
            (entry, at(day)) for entry in entries for day in (12, 13)
        ]


def test_a_freed_time_is_kept_for_whom_it_is_offered_to(world: World) -> None:
    entry = wait(world, person(world, 11))
    look(world)

    with pytest.raises(SessionsTaken):
        world.book(person(world, 12), at(12))
    decline(world, offer_of(world, entry))
    world.book(person(world, 12), at(12))


def test_an_absence_does_not_wait_for_an_answer(world: World) -> None:
    entry = wait(world, person(world, 11))
    look(world)
    offer = offer_of(world, entry)
    with world.database.transaction() as session:
        who = session.exec(select(Practitioner).where(col(Practitioner.active))).one()
        time_off.take_time_off(
            session, OPERATOR, who, starts_at=at(12, 9), ends_at=at(12, 17), now=world.clock.at
        )

    with pytest.raises(OfferOver):
        accept(world, offer)
    world.work()

    assert open_offers(world) == {}
    assert offered_by_text(world) == []


def test_no_more_than_one_has_the_offer_of_a_time(world: World) -> None:
    entries = [wait(world, person(world, number)) for number in (11, 12, 13)]

    look(world)

    assert open_offers(world) == {entries[0]: at(12)}


def test_an_earlier_time_is_taken_in_one_move_and_the_old_one_goes_to_the_next(
    world: World, taken: int
) -> None:
    course = world.book(person(world, 11), at(14), at(18))
    with world.database.transaction() as session:
        appointments.confirm(session, OPERATOR, appointment(session, course, 1), now=MONDAY)
    entry = wait_for_earlier(world, course, 1, first_day=date(2027, 1, 12))
    world.book(person(world, 13), at(13))
    next_in_line = wait(world, person(world, 12), 14)
    look(world)
    assert open_offers(world) == {}
    free(world, taken)
    look(world)
    assert open_offers(world) == {entry: at(12)}

    accept(world, offer_of(world, entry), patient_actor(world.clinic_id))

    assert starts(world, course) == [at(12), at(18)]
    with world.database.transaction(write=False) as session:
        moved = appointment(session, course, 1)
        assert (moved.state, moved.number) == (AppointmentState.BOOKED, 1)
        assert not change_notices.is_time_notice_open(session, session.get_one(Course, course))
        assert session.exec(select(Hold)).all() == []
    look(world)
    assert open_offers(world) == {next_in_line: at(14)}
    assert states(world, entry, next_in_line) == ["taken", "offered"]


def test_saying_yes_twice_takes_it_once(world: World) -> None:
    entry = wait(world, person(world, 11))
    look(world)
    offer = offer_of(world, entry)

    accept(world, offer)
    accept(world, offer)

    with world.database.transaction(write=False) as session:
        [booked] = session.exec(select(Appointment)).all()
        assert booked.starts_at == at(12)


def test_yes_is_too_late_when_the_time_has_run_out(world: World) -> None:
    entry = wait(world, person(world, 11))
    look(world)
    offer = offer_of(world, entry)
    world.clock.at = MONDAY + 30 * MINUTE

    with pytest.raises(OfferOver):
        accept(world, offer)


def test_of_several_who_are_told_the_first_has_it_and_the_others_keep_theirs(
    world: World, taken: int
) -> None:
    settings(world, waitlist_mode="first_come", waitlist_at_once=2)
    course = world.book(person(world, 11), at(14), at(18))
    entries = [
        wait_for_earlier(world, course, 1, first_day=date(2027, 1, 12), last_day=date(2027, 1, 12)),
        *(wait(world, person(world, number)) for number in (12, 13)),
    ]
    free(world, taken)
    world.work()
    assert open_offers(world) == dict.fromkeys(entries[:2], at(12))
    assert sorted(offered_by_text(world)) == [
        (phone, "Willow: Tue 12 Jan, 10:00 AM is free. The first who takes it has it: ")
        for phone in ("+12125550111", "+12125550112")
    ]
    ids = [offer_of(world, entry) for entry in entries[:2]]

    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(lambda each: _said(world, each), ids))

    assert sorted(outcomes) == ["OfferTaken", "yes"]
    with world.database.transaction(write=False) as session:
        at_ten = select(Appointment).where(
            Appointment.starts_at == at(12), Appointment.state != AppointmentState.CANCELLED
        )
        assert len(session.exec(at_ten).all()) == 1
    look(world)
    assert open_offers(world) == {}
    loser = entries[outcomes.index("OfferTaken")]
    assert states(world, loser) == ["waiting"]
    if loser == entries[0]:
        assert starts(world, course) == [at(14), at(18)]


def _said(world: World, offer_id: int) -> str:
    try:
        accept(world, offer_id)
    except OfferTaken:
        return "OfferTaken"
    return "yes"


def test_an_offer_to_several_is_withdrawn_when_its_time_is_booked(world: World) -> None:
    settings(world, waitlist_mode="first_come")
    entry = wait(world, person(world, 11))
    look(world)

    other = world.book(person(world, 12), at(12))
    world.work()
    assert open_offers(world) == {}
    assert [message.state for message in world.messages(kind="offer_to_several")] == ["withdrawn"]

    free(world, other)
    look(world)
    assert open_offers(world) == {entry: at(12)}


def test_nothing_is_offered_where_the_clinic_does_not_want_it(world: World) -> None:
    settings(world, waitlist_mode="off")
    wait(world, person(world, 11))

    world.work()

    assert (open_offers(world), offered_by_text(world)) == ({}, [])


def test_nobody_is_texted_at_night_but_first_thing_in_the_morning(world: World) -> None:
    wait(world, person(world, 11), 5, from_minute=14 * 60, to_minute=15 * 60)
    for now in (at(4, 20, 50), at(4, 23), at(5, 7, 59)):
        world.work(now)
        assert (open_offers(world), offered_by_text(world)) == ({}, [])

    world.work(at(5, 8))

    assert [text for _, text in offered_by_text(world)] == [
        "Willow: Tue 5 Jan, 2:00 PM is kept for you until 8:30 AM. Want it? "
    ]


def test_a_text_that_could_not_go_by_day_does_not_go_by_night(world: World) -> None:
    entry = wait(world, person(world, 11))
    settings(world, waitlist_minutes=120)
    look(world, at(4, 20, 40))
    assert open_offers(world) == {entry: at(12)}

    world.clock.at = at(4, 21, 5)
    world.worker.send()

    assert offered_by_text(world) == []
    assert [message.state for message in world.messages(kind="offer")] == ["withdrawn"]


def test_the_carrier_may_not_keep_an_offer_into_the_night(world: World) -> None:
    wait(world, person(world, 11))
    settings(world, waitlist_minutes=120)

    world.work(at(4, 20, 40))

    assert len(offered_by_text(world)) == 1
    assert world.carrier.valid[-1] == (20 * MINUTE - attempts.CALL).total_seconds()


def test_a_morning_that_is_too_near_by_then_is_not_offered(world: World) -> None:
    wait(world, person(world, 11), 5)

    world.work(at(4, 22))
    world.work(at(5, 8))

    assert open_offers(world) == {}


def test_the_notice_of_the_treatment_counts_until_the_answer(world: World) -> None:
    entry = wait(world, person(world, 11), 5)

    look(world, at(5, 7, 56))
    assert open_offers(world) == {}
    settings(world, quiet_to="07:00")
    look(world, at(5, 7, 40))
    assert open_offers(world) == {entry: at(5)}

    offer = offer_of(world, entry)
    world.clock.at = at(5, 7, 59)
    accept(world, offer)


def test_an_offer_ends_when_its_time_comes_too_near(world: World) -> None:
    settings(world, quiet_to="07:00")
    entry = wait(world, person(world, 11), 5)
    look(world, at(5, 7, 40))
    offer = offer_of(world, entry)

    world.clock.at = at(5, 8)

    with pytest.raises(OfferOver):
        accept(world, offer)


@pytest.mark.parametrize(
    ("days", "number", "freed", "is_offered"),
    [
        # Two a week, counted from the first session on the 11th; the second is due by the 17th.
        ((11, 15, 18), 2, 13, True),
        ((11, 15, 18), 3, 16, False),  # three within seven days
        ((11, 15, 18), 3, 17, False),
        ((11, 15, 20), 3, 19, True),
        ((11, 15, 18), 2, 11, False),  # the day of another session
        ((11, 15, 20), 3, 12, False),  # before the second
        ((11, 15, 18), 1, 8, False),  # the second would be late then
    ],
)
def test_nobody_is_put_out_of_rhythm(
    world: World, days: Sequence[int], number: int, freed: int, *, is_offered: bool
) -> None:
    course = world.book(person(world, 11), *(at(day, 12) for day in days))
    day = date(2027, 1, freed)
    entry = wait_for_earlier(world, course, number, first_day=day, last_day=day)

    look(world)

    assert open_offers(world) == ({entry: at(freed)} if is_offered else {})


def test_nobody_is_offered_a_day_on_which_they_come_anyway(world: World) -> None:
    patient = person(world, 11)
    world.book(patient, at(12, 15))
    entry = wait(world, patient, 12, 13)

    look(world)

    assert open_offers(world) == {entry: at(13)}


def test_what_the_calendar_does_not_have_is_not_offered(world: World) -> None:
    with world.database.transaction() as session:
        session.add(Closure(clinic_id=world.clinic_id, day=date(2027, 1, 12)))
        who = session.exec(select(Practitioner).where(col(Practitioner.active))).one()
        who.license_expires_on = date(2027, 1, 13)
    entry = wait(world, person(world, 11), 12, 14)

    look(world)
    assert open_offers(world) == {entry: at(13)}
    decline(world, offer_of(world, entry))
    look(world)
    assert open_offers(world) == {}


def test_an_offer_follows_the_calendar(world: World) -> None:
    course = world.book(person(world, 11), at(11, 12), at(15, 12), at(18, 12))
    entry = wait_for_earlier(world, course, 2, last_day=date(2027, 1, 13))
    look(world)
    assert open_offers(world) == {entry: at(12)}

    free(world, course, 2)
    world.work()

    assert open_offers(world) == {}
    assert states(world, entry) == ["withdrawn"]
    assert [message.state for message in world.messages(kind="offer")] == [MessageState.WITHDRAWN]
    assert offered_by_text(world) == []


def test_who_cannot_be_texted_is_not_waited_for(world: World) -> None:
    silent, stopped = person(world, 11, agrees=False), person(world, 12)
    with world.database.transaction() as session:
        consent.stop(session, OPERATOR, "+12125550112", words="STOP", now=MONDAY)
    entries = [wait(world, patient_id) for patient_id in (silent, stopped, person(world, 13))]

    look(world)

    assert open_offers(world) == {entries[2]: at(12)}


def test_who_stops_after_the_offer_gets_no_text(world: World) -> None:
    wait(world, person(world, 11))
    look(world)
    with world.database.transaction() as session:
        consent.stop(session, OPERATOR, "+12125550111", words="STOP", now=MONDAY)

    world.worker.send()

    assert offered_by_text(world) == []


def test_whoever_leaves_the_list_frees_what_was_offered_to_them(world: World) -> None:
    first, second = wait(world, person(world, 11)), wait(world, person(world, 12))
    look(world)
    with world.database.transaction() as session:
        waitlist_entries.withdraw(
            session, OPERATOR, session.get_one(WaitlistEntry, first), now=world.clock.at
        )

    look(world)

    assert open_offers(world) == {second: at(12)}
    assert states(world, first) == [EntryState.WITHDRAWN]


def test_an_entry_ends_with_its_last_day(world: World, taken: int) -> None:
    entry = wait(world, person(world, 11))

    look(world, at(12, 23))
    assert states(world, entry) == ["waiting"]
    look(world, at(13, 9))
    assert states(world, entry) == ["expired"]


def test_a_whole_course_is_offered_when_all_of_it_can_be_had(world: World) -> None:
    blocker = world.book(person(world, 10), at(12), at(14))
    world.book(person(world, 12), *(at(day) for day in (11, 13, *range(15, 19), 20, 21, 22)))
    patient = person(world, 11)
    entry = wait(world, patient, 11, 22, whole_course=True)
    look(world)
    assert open_offers(world) == {}

    free(world, blocker, 1)
    look(world)
    assert open_offers(world) == {}  # two a week, and there is one in the week from the 12th
    free(world, blocker, 2)
    look(world)
    assert open_offers(world) == {entry: at(12)}
    accept(world, offer_of(world, entry))

    with world.database.transaction(write=False) as session:
        course = session.exec(select(Course).where(Course.patient_id == patient)).one()
        assert courses.off_pace(session, course) == []
        days = [appointment.starts_at for appointment in courses.appointments_of(session, course)]
        assert days == [at(12), at(14), at(19)]


def test_a_session_without_a_course_is_booked_as_one(world: World) -> None:
    patient = person(world, 11)
    entry = wait(world, patient)
    look(world)

    accept(world, offer_of(world, entry))

    with world.database.transaction(write=False) as session:
        course = session.exec(select(Course).where(Course.patient_id == patient)).one()
        assert [phase.sessions for phase in course.phases] == [1]
        assert courses.off_pace(session, course) == []
    assert states(world, entry) == ["taken"]


def test_the_text_of_an_offer_has_a_link_of_its_own(world: World) -> None:
    wait(world, person(world, 11))

    [(_, text)] = world.work()

    assert re.fullmatch(re.escape(OFFER) + r"https://willow\.example/offers/[\w-]{22}", text)
    [message] = world.messages(kind="offer")
    assert message.text == OFFER + "{link}"


def test_texts_of_offers_do_not_use_up_what_reminders_may_use(world: World) -> None:
    patient = person(world, 11)
    world.book(patient, at(5, 12))
    wait(world, patient, 12)
    world.work()

    world.work(at(4, 12))

    kinds = {message.kind: message.state for message in world.messages(patient_id=patient)}
    assert (kinds["offer"], kinds["day_before"]) == ("sent", "sent")


def test_two_workers_make_one_offer(world: World) -> None:
    entries = [wait(world, person(world, number)) for number in (11, 12)]

    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: world.worker.offer(), range(2)))

    assert open_offers(world) == {entries[0]: at(12)}


def test_staff_who_accept_for_a_patient_let_them_be_told(world: World) -> None:
    course = world.book(person(world, 11), at(14, 12), at(18, 12))
    entry = wait_for_earlier(world, course, 1, last_day=date(2027, 1, 12))
    look(world)
    accept(world, offer_of(world, entry))

    world.work(MONDAY + 5 * MINUTE)

    assert [text.partition("https")[0] for _, text in world.carrier.texts if "now on" in text] == [
        "Willow: session 1 is now on Tue 12 Jan, 10:00 AM. All your times: "
    ]
