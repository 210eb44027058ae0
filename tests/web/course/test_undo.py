"""Sessions cancelled and moved by their patient, and all of it taken back."""

import re
from datetime import timedelta

import pytest
from httpx import Response
from icalendar import Calendar
from sqlmodel import col, select

from scheduler.audit.audit_trail import OPERATOR, AuditEntry
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import appointments, courses, history, undo
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.courses.history import TakenBack
from scheduler.booking.events.event_models import CourseEvent, EventKind
from scheduler.booking.models import Appointment, Course
from scheduler.clinic.models import Treatment
from scheduler.infra.intervals import minute_of
from scheduler.patients.models import Patient
from scheduler.reminders.kinds import timeline
from scheduler.storage.database import Database
from tests.builders.cast import NOW
from tests.builders.clock import FrozenClock
from tests.web.conftest import Visitor, count, text_of
from tests.web.course.test_reschedule import offered, shown

Sessions = list[tuple[str, str, int]]


@pytest.fixture
def my(visitor: Visitor) -> str:
    """The address of the private page of a course that was just booked."""
    visitor.begin_at("done")
    return visitor.my()


def sessions(database: Database) -> Sessions:
    """Wall time, state and number of each session of the course."""
    with database.transaction(write=False) as session:
        found = session.exec(
            select(Appointment).where(Appointment.course_id == 1).order_by(col(Appointment.id))
        ).all()
        return [(match.wall_time, match.state, match.number) for match in found]


def cancel_two(visitor: Visitor) -> None:
    visitor.post(f"{visitor.session(2)}/cancellation")


def move_two(visitor: Visitor) -> None:
    address = f"{visitor.session(2)}/move"
    visitor.post(address, {"slot": offered(visitor.get(address).text)[0]})


def move_rest(visitor: Visitor) -> None:
    address = f"{visitor.session(2)}/rest"
    visitor.post(address, shown(visitor.get(f"{address}?start_on=2027-03-11").text))


def end_all(visitor: Visitor) -> None:
    address = f"{visitor.my()}/cancellation"
    [left] = re.findall(r'name="sessions" value="([^"]+)"', visitor.get(address).text)
    visitor.post(address, {"sessions": left})


DEEDS = [cancel_two, move_two, move_rest, end_all]
deeds = pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)


def change_of(page: Response) -> dict[str, str]:
    """The form data of the undo button; empty if there is none."""
    found = re.search(r'name="change" value="(\d+)"', page.text)
    return {"change": found[1]} if found else {}


def book_for_bob(visitor: Visitor, wanted: RequestedTime) -> None:
    with visitor.database.transaction() as session:
        courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, visitor.cast.back),
            patient=session.get_one(Patient, visitor.cast.bob),
            wanted=[wanted],
            now=NOW,
        )


@pytest.mark.both_databases
@deeds
def test_what_was_done_is_taken_back_whole(
    visitor: Visitor, my: str, database: Database, deed: object
) -> None:
    visitor.post(f"{visitor.session(2)}/confirmation")
    before = sessions(database)
    assert change_of(visitor.get(my)) == {}, "a word that one will come is no change"
    deed(visitor)  # type: ignore[operator]
    assert sessions(database) != before
    page = visitor.get(my)
    assert "You can take this back until 7:30 am" in text_of(page)

    for _ in range(2):
        answer = visitor.post(f"{my}/undo", change_of(page))
        assert answer.headers["location"] == f"{my}?said=back"

    assert sessions(database) == before
    assert "All is as it was before." in text_of(visitor.get(f"{my}?said=back"))
    assert change_of(visitor.get(my)) == {}
    with database.transaction(write=False) as session:
        course = session.get_one(Course, 1)
        assert (course.state, course.cancel_reason, course.pace_exceptions) == ("active", "", [])
        taken = session.exec(select(AuditEntry).where(AuditEntry.action == "took back")).all()
        assert [entry.actor_kind for entry in taken] == ["patient"], "twice pressed, once done"
        entry = history.of(session, course, limit=50)[-1]
        assert entry.actor_kind == "patient"
        assert isinstance(entry.fact, TakenBack)


@deeds
def test_texts_are_those_of_before_once_it_is_taken_back(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, deed: object
) -> None:
    def coming() -> list[tuple[str, str]]:
        with database.transaction(write=False) as session:
            course = session.get_one(Course, 1)
            found = timeline.timeline(session, course, now=clock.at)
            return [(str(match.due_at), match.text) for match in found]

    before = coming()
    deed(visitor)  # type: ignore[operator]
    assert coming() != before

    visitor.post(f"{my}/undo", change_of(visitor.get(my)))

    assert coming() == before


@deeds
def test_after_half_an_hour_nothing_is_taken_back(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock, deed: object
) -> None:
    deed(visitor)  # type: ignore[operator]
    change = change_of(visitor.get(my))
    after = sessions(database)
    clock.move(minutes=30)

    assert change_of(visitor.get(my)) == {}
    answer = visitor.post(f"{my}/undo", change)

    assert answer.status_code == 409
    assert "This cannot be taken back any more." in text_of(answer)
    assert sessions(database) == after


@deeds
def test_a_time_that_somebody_has_got_meanwhile_is_theirs(
    visitor: Visitor, my: str, database: Database, deed: object
) -> None:
    with database.transaction(write=False) as session:
        second = session.exec(select(Appointment).where(Appointment.number == 2)).one()
    deed(visitor)  # type: ignore[operator]
    book_for_bob(visitor, RequestedTime(1, second.starts_at, second.practitioner_id))
    after = sessions(database)

    answer = visitor.post(f"{my}/undo", change_of(visitor.get(my)))

    assert answer.status_code == 409
    assert "Somebody else has the old time now" in text_of(answer)
    assert "Your next session" in text_of(answer) or "is cancelled" in text_of(answer)
    assert sessions(database) == after


@deeds
def test_what_staff_have_changed_since_stays(
    visitor: Visitor, my: str, database: Database, deed: object
) -> None:
    deed(visitor)  # type: ignore[operator]
    change = change_of(visitor.get(my))
    with database.transaction() as session:
        course = session.get_one(Course, 1)
        if course.state == "cancelled":
            course.cancel_reason = "other"
            session.add(
                CourseEvent(
                    at=NOW,
                    actor_kind="staff",
                    clinic_id=course.clinic_id,
                    course_id=1,
                    kind=EventKind.EXTENDED,
                )
            )
        else:
            third = session.exec(select(Appointment).where(Appointment.number == 5)).one()
            starts_at = third.starts_at + timedelta(hours=2)
            appointments.move(
                session,
                OPERATOR,
                third,
                starts_at=starts_at,
                policy=ChangePolicy(override_reason="so"),
                now=NOW,
            )
    after = sessions(database)

    assert change_of(visitor.get(my)) == {}
    assert visitor.post(f"{my}/undo", change).status_code == 409
    assert sessions(database) == after


@pytest.mark.both_databases
def test_a_late_session_is_taken_back_although_nobody_could_book_it_so_late(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    clock.move(days=21, hours=1.5)
    before = sessions(database)
    visitor.post(f"{visitor.session(1)}/cancellation")

    visitor.post(f"{my}/undo", change_of(visitor.get(my)))

    assert sessions(database) == before
    with database.transaction(write=False) as session:
        first = session.exec(select(Appointment).where(Appointment.number == 1)).one()
        assert not first.cancelled_late


@pytest.mark.parametrize("change", ["", "x", "0", "99999999", "²"])
def test_nothing_else_is_taken_back(
    visitor: Visitor, my: str, database: Database, change: str
) -> None:
    cancel_two(visitor)
    after = sessions(database)

    assert visitor.post(f"{my}/undo", {"change": change}).status_code == 409
    assert sessions(database) == after


@pytest.mark.both_databases
def test_looking_and_scanning_change_nothing(visitor: Visitor, my: str, database: Database) -> None:
    cancel_two(visitor)
    before = (sessions(database), count(database, AuditEntry))

    for address in (
        f"{my}/undo",
        f"{my}/cancellation",
        f"{visitor.session(3)}/move",
        f"{visitor.session(3)}/rest",
        f"{visitor.session(3)}/rest?start_on=2027-03-15",
    ):
        for how in (visitor.client.get, visitor.client.head):
            how(address, headers={"User-Agent": "Slackbot-LinkExpanding 1.0"})

    assert (sessions(database), count(database, AuditEntry)) == before


def test_the_whole_course_is_cancelled_once_its_consequence_was_said(
    visitor: Visitor, my: str, database: Database
) -> None:
    assert f'href="{my}/cancellation"' in visitor.get(my).text
    asked = visitor.get(f"{my}/cancellation")
    assert "This cancels ten sessions:" in text_of(asked)
    [left] = re.findall(r'name="sessions" value="([^"]+)"', asked.text)

    for _ in range(2):
        answer = visitor.post(f"{my}/cancellation", {"sessions": left})
        assert answer.headers["location"] == f"{my}?said=course-cancelled"

    assert {state for _, state, _ in sessions(database)} == {"cancelled"}
    assert visitor.get(f"{my}/cancellation").headers["location"] == my
    assert "You cancelled your course: ten sessions" in text_of(visitor.get(my))
    with database.transaction(write=False) as session:
        deed = session.exec(select(AuditEntry).where(AuditEntry.action == "cancelled")).all()
        assert [entry.actor_kind for entry in deed] == ["patient"]


def test_an_old_page_does_not_cancel_a_course_that_it_did_not_show(
    visitor: Visitor, my: str, database: Database
) -> None:
    [left] = re.findall(r'name="sessions" value="([^"]+)"', visitor.get(f"{my}/cancellation").text)
    move_two(visitor)
    before = sessions(database)

    for sent in (left, "", "x"):
        answer = visitor.post(f"{my}/cancellation", {"sessions": sent})
        assert answer.status_code == 409
        assert "Your course has changed meanwhile." in text_of(answer)
    assert sessions(database) == before


def test_who_cancels_late_is_marked_so_within_a_whole_course_too(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    clock.move(days=20, hours=2.1)
    assert "It is less than 24 hours before the first" in text_of(visitor.get(f"{my}/cancellation"))

    end_all(visitor)

    with database.transaction(write=False) as session:
        found = session.exec(select(Appointment).order_by(col(Appointment.number))).all()
        assert [match.cancelled_late for match in found] == [True] + [False] * 9


def test_more_than_ten_moves_a_day_are_for_a_call(
    visitor: Visitor, my: str, database: Database, clock: FrozenClock
) -> None:
    for _ in range(undo.MOST):
        move_two(visitor)
    before = sessions(database)
    address = f"{visitor.session(2)}/move"
    slot = {"slot": offered(visitor.get(address).text)[0]}

    answer = visitor.post(address, slot)

    assert answer.status_code == 429
    assert "You have changed this course ten times within a day." in text_of(answer)
    assert visitor.post(f"{my}/undo", change_of(visitor.get(my))).status_code == 429
    assert sessions(database) == before
    assert visitor.post(f"{visitor.session(3)}/cancellation").status_code == 303

    clock.move(days=1)
    assert visitor.post(address, slot).status_code == 303


def test_the_calendar_file_follows_each_change(visitor: Visitor, my: str) -> None:
    [path] = set(re.findall(r'href="(/calendars/[^"]+)"', visitor.get(my).text))

    def times() -> dict[str, tuple[int, str, int]]:
        events = Calendar.from_ical(visitor.get(path).content).walk("VEVENT")
        return {
            str(event["uid"]): (
                minute_of(event.decoded("dtstart")),
                str(event["status"]),
                int(str(event["sequence"])),
            )
            for event in events
        }

    before = times()
    move_rest(visitor)
    moved = times()
    visitor.post(f"{my}/undo", change_of(visitor.get(my)))
    back = times()

    assert moved.keys() == before.keys()
    assert sum(moved[uid][0] != before[uid][0] for uid in before) == 9
    assert [entry[:2] for entry in back.values()] == [entry[:2] for entry in before.values()]
    assert all(back[uid][2] > moved[uid][2] for uid in before if moved[uid] != before[uid])


def test_a_link_lives_on_when_the_course_ends_later_than_was_booked(
    visitor: Visitor, my: str, clock: FrozenClock
) -> None:
    address = f"{visitor.session(9)}/rest"
    visitor.post(address, shown(visitor.get(f"{address}?start_on=2027-05-03").text))
    last = visitor.session(10)

    clock.move(days=96)  # 8 May, a month after the course was to end

    assert visitor.get(my).status_code == 200
    assert visitor.get(f"{last}/cancellation").status_code == 200
