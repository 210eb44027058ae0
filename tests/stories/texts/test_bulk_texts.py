"""News to more than fifty people wait until staff have seen them, and can be stopped."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.courses import appointments
from scheduler.booking.models import Course
from scheduler.infra.errors import NotFound
from scheduler.patients.models import Patient
from scheduler.reminders.models import MassText
from scheduler.reminders.outbox import bulk_holds
from scheduler.reminders.reasons import Reason
from scheduler.reminders.sending.claims import claim
from scheduler.reminders.staff import bulk_review
from scheduler.reminders.staff.bulk_review import BulkPreview, NotHeld, OtherPeople
from scheduler.storage.database import Database, stored_id
from tests.builders.world import MONDAY, SECRETS, World, appointment, at, found

SOON = timedelta(minutes=3)
few = pytest.mark.usefixtures("limit_of_five")


@pytest.fixture
def world(database: Database) -> World:
    return found(database)


@pytest.fixture
def limit_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold news to more than five people: a crowd of fifty takes a second to book and to text."""
    monkeypatch.setattr(bulk_holds, "MAX_RECIPIENTS", 5)


def fill(world: World, people: int) -> list[int]:
    """Patients with one appointment two weeks from now, whose booking was texted."""
    return world.begin(_fill, people)


def _fill(world: World, people: int) -> list[int]:
    booked = [
        world.book(world.enrol("Ann Archer", f"+1212555{number:04d}"), start)
        for number, start in zip(range(130, 130 + people), _starts(), strict=False)
    ]
    world.work()
    world.carrier.texts.clear()
    return booked


def _starts() -> Iterator[datetime]:
    """Two beside each other every hour."""
    for day in range(18, 30):
        for hour in range(9, 19):
            yield from (at(day, hour), at(day, hour))


def close(world: World, ids: list[int]) -> None:
    """The clinic cancels the first session of each, in one go."""
    with world.database.transaction() as session:
        for course in ids:
            appointments.cancel(
                session, OPERATOR, appointment(session, course, 1), now=world.clock.at
            )


def held(world: World) -> list[MassText]:
    with world.database.transaction(write=False) as session:
        return list(session.exec(select(MassText).order_by(col(MassText.id))))


def preview(world: World) -> BulkPreview:
    with world.database.transaction(write=False) as session:
        [batch] = session.exec(select(MassText)).all()
        return bulk_review.preview(
            session, batch, public_url=SECRETS.public_url, now=world.clock.at
        )


def confirm(world: World, people: int) -> None:
    with world.database.transaction() as session:
        batch = bulk_review.find(session, OPERATOR, stored_id(held(world)[0].id), lock=True)
        bulk_review.confirm(session, OPERATOR, batch, people=people, now=world.clock.at)


def stop(world: World) -> None:
    with world.database.transaction() as session:
        batch = bulk_review.find(session, OPERATOR, stored_id(held(world)[0].id), lock=True)
        bulk_review.stop(session, OPERATOR, batch, now=world.clock.at)


def told(world: World) -> list[str]:
    """The phones that got the notice of the cancelled appointment."""
    return [to for to, text in world.carrier.texts if "is cancelled" in text]


def test_fifty_are_told_without_being_asked(world: World) -> None:
    close(world, fill(world, 50))

    world.work(MONDAY + SOON)

    assert len(told(world)) == 50
    assert held(world) == []


def test_more_than_fifty_wait_and_are_shown_first(world: World) -> None:
    ids = fill(world, 51)
    close(world, ids)

    world.work(MONDAY + SOON)
    world.work(MONDAY + timedelta(hours=5))

    assert world.carrier.texts == []
    seen = preview(world)
    assert (seen.people, seen.texts, seen.by_kind) == (51, 51, {"cancelled": 51})
    assert len(seen.samples) == 10
    [entry] = [entry for entry in world.timeline(ids[0]) if entry.kind == "cancelled"]
    assert (entry.state, entry.reason) == ("owed", Reason.HELD_FOR_REVIEW)


@few
@pytest.mark.both_databases
def test_the_first_of_many_do_not_slip_out_before_the_last_is_known(world: World) -> None:
    ids = fill(world, 6)
    close(world, ids[:3])
    world.work()
    world.clock.at = MONDAY + timedelta(minutes=1)
    close(world, ids[3:])

    world.work(MONDAY + SOON)

    assert world.carrier.texts == []
    assert preview(world).people == 6


@few
def test_another_number_of_people_is_not_confirmed(world: World) -> None:
    ids = fill(world, 7)
    close(world, ids)
    world.work(MONDAY + SOON)
    with world.database.transaction() as session:
        session.get_one(Patient, session.get_one(Course, ids[0]).patient_id).sms_consent = False

    with pytest.raises(OtherPeople) as refused:
        confirm(world, 7)

    assert refused.value.people == 6
    world.work(MONDAY + 2 * SOON)
    assert world.carrier.texts == []


@few
@pytest.mark.both_databases
def test_confirmed_each_is_told_once_by_any_number_of_workers(world: World) -> None:
    close(world, fill(world, 6))
    world.work(MONDAY + SOON)
    confirm(world, 6)

    another = world.colleague()
    world.work(MONDAY + 2 * SOON)
    another.tick()
    world.work(MONDAY + 3 * SOON)

    assert len(told(world)) == len(set(told(world))) == 6
    with pytest.raises(NotHeld):
        confirm(world, 6)


@few
def test_stopped_in_the_middle_nothing_more_goes_out(world: World) -> None:
    ids = fill(world, 6)
    close(world, ids)
    world.work(MONDAY + SOON)
    confirm(world, 6)
    with world.database.transaction() as session:
        taken = claim(session, worker="slow", now=world.clock.at, limit=4)
    stop(world)

    with world.database.transaction() as session:
        assert claim(session, worker="quick", now=world.clock.at, limit=4) == []
    world.work(MONDAY + SOON + timedelta(hours=1))
    world.work()  # what the slow one had claimed is withdrawn by the next sweep

    assert len(taken) == 4
    assert world.carrier.texts == []
    assert len(world.messages(kind="cancelled", state="withdrawn")) == 6
    assert {message.reason for message in world.messages(kind="cancelled")} == {
        Reason.STOPPED_BY_STAFF
    }


@few
@pytest.mark.both_databases
def test_one_that_was_claimed_before_it_was_stopped_is_looked_at_again(world: World) -> None:
    close(world, fill(world, 6))
    world.work(MONDAY + SOON)
    confirm(world, 6)
    worker = world.worker
    stopped: list[bool] = []
    really = worker._dispatcher._claim

    def claimed_and_stopped(free: int):
        result = really(free)
        if not stopped:
            stopped.append(True)
            stop(world)
        return result

    worker._dispatcher._claim = claimed_and_stopped  # type: ignore[method-assign]

    worker.send()

    assert world.carrier.texts == []


@few
def test_what_is_held_follows_the_calendar(world: World) -> None:
    ids = fill(world, 7)
    close(world, ids)
    world.work(MONDAY + SOON)
    with world.database.transaction() as session:
        patient = session.get_one(Patient, session.get_one(Course, ids[0]).patient_id)
        patient.sms_consent, patient.changed_at = False, world.clock.at
    world.work()
    confirm(world, 6)

    world.work(MONDAY + 2 * SOON)

    assert len(told(world)) == 6


@few
def test_what_is_held_past_its_use_is_before_staff(world: World) -> None:
    close(world, fill(world, 6))
    world.work(MONDAY + SOON)

    world.work(at(31))

    lost = world.messages(kind="cancelled", state="expired")
    assert world.carrier.texts == []
    assert [message.for_staff for message in lost] == [True] * 6


@few
def test_later_news_to_a_few_are_not_held_with_them(world: World) -> None:
    ids = fill(world, 8)
    close(world, ids[:6])
    world.work(MONDAY + SOON)
    world.clock.at = MONDAY + timedelta(hours=3)
    close(world, ids[6:])

    world.work(MONDAY + timedelta(hours=3) + SOON)

    assert len(told(world)) == 2


@few
def test_reminders_of_many_sessions_are_never_held(world: World) -> None:
    fill(world, 9)

    for day in (17, 18, 19):
        world.work(at(day, 19))

    assert len({to for to, _ in world.carrier.texts}) == 9
    assert held(world) == []


@few
def test_a_held_text_takes_no_reminders_place(world: World) -> None:
    """One text a day to a phone: what waits has not been sent and is not counted."""
    ids = fill(world, 6)
    with world.database.transaction(write=False) as session:
        patient = session.get_one(Course, ids[0]).patient_id
        phone = session.get_one(Patient, patient).phone
    world.book(patient, at(8))
    world.work()
    close(world, ids)
    world.carrier.texts.clear()

    world.work(at(7, 12))

    assert [to for to, _ in world.carrier.texts] == [phone]


@few
def test_another_clinic_has_no_such_batch(world: World) -> None:
    close(world, fill(world, 6))
    world.work(MONDAY + SOON)
    stranger = Actor(kind="staff", clinic_ids=frozenset({world.clinic_id + 1}))

    with world.database.transaction() as session, pytest.raises(NotFound):
        bulk_review.find(session, stranger, stored_id(held(world)[0].id))
