"""A course is booked whole or not at all, and the answer names what blocked it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from scheduler.audit.audit_trail import OPERATOR, Actor
from scheduler.booking.absences import closures, time_off
from scheduler.booking.availability import holds, search
from scheduler.booking.availability.allocation import SessionsTaken
from scheduler.booking.availability.limits import Limit
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import appointments, courses, rescheduling
from scheduler.booking.models import Appointment, Course, CourseState
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import plan_course
from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.infra.errors import Conflict, Invalid, NotFound
from scheduler.patients import screening
from scheduler.patients.models import Patient
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import DAY, MONDAY, NEW_YORK, NOW, Cast, wanted
from tests.builders.rows import treatment

pytestmark = pytest.mark.both_databases

HARMLESS = {question.key: "no" for question in screening.QUESTIONS}


def book(
    database: Database, cast: Cast, times: list[RequestedTime], *, patient: int | None = None
) -> int:
    with database.transaction() as session:
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, patient or cast.ann),
            wanted=times,
            now=NOW,
        )
        return stored_id(course.id)


def sessions(database: Database, course_id: int) -> list[Appointment]:
    with database.transaction() as session:
        return courses.appointments_of(session, session.get_one(Course, course_id))


def count(database: Database, table: str) -> object:
    with database.transaction() as session:
        return session.execute(text(f"SELECT count(*) FROM {table}")).scalar()


def test_the_proposed_course_keeps_its_pace_and_its_wall_time_across_a_clock_change(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        plan = plan_course.propose(session, back, Wishes(MONDAY.date()), now=NOW)
        course = courses.book(
            session,
            OPERATOR,
            treatment=back,
            patient=session.get_one(Patient, cast.ann),
            wanted=[
                RequestedTime(
                    appointment.number,
                    datetime.fromtimestamp(appointment.opening.starts_at * 60, UTC),
                )
                for appointment in plan.sessions
            ],
            now=NOW,
        )

    booked = sessions(database, stored_id(course.id))
    assert [appointment.wall_time for appointment in booked] == [
        "2027-02-22T09:00",
        "2027-02-25T09:00",
        "2027-03-01T09:00",
        "2027-03-04T09:00",
        "2027-03-08T09:00",
        "2027-03-11T09:00",
        "2027-03-15T09:00",
        "2027-03-22T09:00",
        "2027-03-29T09:00",
        "2027-04-05T09:00",
    ]
    assert [appointment.phase for appointment in booked] == [1] * 6 + [2] * 4
    assert {appointment.ends_at - appointment.starts_at for appointment in booked} == {
        timedelta(minutes=40)
    }
    assert booked[5].starts_at.hour == 14
    assert booked[6].starts_at.hour == 13


def test_a_taken_session_stops_the_whole_course_and_is_named(
    database: Database, cast: Cast
) -> None:
    tuesday = MONDAY + DAY
    book(database, cast, wanted(tuesday, practitioner_id=cast.ana), patient=cast.bob)

    with pytest.raises(SessionsTaken) as refusal:
        book(database, cast, wanted(MONDAY, tuesday, MONDAY + 3 * DAY))

    [clash] = refusal.value.clashes
    assert (clash.number, clash.starts_at) == (2, tuesday)
    assert clash.limits == [Limit.PRACTITIONER_TAKEN]
    offered = [datetime.fromtimestamp(slot.starts_at * 60, UTC) for slot in clash.alternatives]
    assert offered[0] == tuesday + timedelta(minutes=20), "the second bed, while the first rests"
    assert count(database, "courses") == 1


def test_an_alternative_that_was_offered_can_be_booked(database: Database, cast: Cast) -> None:
    book(database, cast, wanted(MONDAY, practitioner_id=cast.ana), patient=cast.bob)

    with pytest.raises(SessionsTaken) as refusal:
        book(database, cast, wanted(MONDAY, practitioner_id=cast.ana))
    offered = refusal.value.clashes[0].alternatives[0]
    again = wanted(
        datetime.fromtimestamp(offered.starts_at * 60, UTC),
        practitioner_id=offered.practitioner_id,
    )

    assert len(sessions(database, book(database, cast, again))) == 1


def test_one_practitioner_serves_two_beds_while_patients_rest(
    database: Database, cast: Cast
) -> None:
    book(database, cast, wanted(MONDAY + DAY))
    staggered = MONDAY + DAY + timedelta(minutes=12)

    second = book(database, cast, wanted(staggered), patient=cast.bob)

    [appointment] = sessions(database, second)
    assert (appointment.practitioner_id, appointment.room_id) == (cast.ana, cast.beds[1])


def test_a_bed_is_not_given_before_it_is_turned_over(database: Database, cast: Cast) -> None:
    tuesday = MONDAY + DAY
    with database.transaction() as session:
        session.get_one(Room, cast.beds[1]).active = False
    book(database, cast, wanted(tuesday))

    with pytest.raises(SessionsTaken) as refusal:
        book(database, cast, wanted(tuesday + timedelta(minutes=40)), patient=cast.bob)

    assert refusal.value.clashes[0].limits == [Limit.ROOM_TAKEN]
    book(database, cast, wanted(tuesday + timedelta(minutes=45)), patient=cast.bob)


def test_a_patient_cannot_lie_in_two_beds(database: Database, cast: Cast) -> None:
    book(database, cast, wanted(MONDAY, practitioner_id=cast.ana))

    with pytest.raises(SessionsTaken) as refusal:
        book(database, cast, wanted(MONDAY, practitioner_id=cast.ben))

    assert refusal.value.clashes[0].limits == [Limit.PATIENT_TAKEN]


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (NOW - DAY, "Session 1 is in the past. Choose a later time."),
        (NOW, "Session 1 is in the past. Choose a later time."),
        (NOW + 400 * DAY, "Session 1 is after 2028-02-01, the last day that can be booked."),
        (MONDAY + timedelta(seconds=30), "Session 1 does not start on a whole minute."),
    ],
)
def test_impossible_times_are_refused_with_a_sentence(
    database: Database, cast: Cast, start: datetime, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        book(database, cast, wanted(start))


def test_two_sessions_on_one_day_are_refused(database: Database, cast: Cast) -> None:
    with pytest.raises(Invalid, match="Session 2 is on the same day as another session"):
        book(database, cast, wanted(MONDAY, MONDAY + timedelta(hours=3)))


@pytest.mark.parametrize(
    "start",
    [
        MONDAY - timedelta(hours=1),
        MONDAY + timedelta(hours=7, minutes=30),
        MONDAY + 5 * DAY,
    ],
)
def test_nobody_is_booked_outside_hours(database: Database, cast: Cast, start: datetime) -> None:
    with pytest.raises(SessionsTaken) as refusal:
        book(database, cast, wanted(start))

    assert refusal.value.clashes[0].limits == [Limit.OUTSIDE_HOURS]


def test_nobody_is_booked_with_a_practitioner_whose_license_has_expired(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        for who in (cast.ana, cast.ben):
            session.get_one(Practitioner, who).license_expires_on = MONDAY.date()

    book(database, cast, wanted(MONDAY))
    with pytest.raises(SessionsTaken):
        book(database, cast, wanted(MONDAY + DAY))


def test_a_day_off_and_a_closure_take_their_slots_away(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        time_off.take_time_off(
            session,
            OPERATOR,
            session.get_one(Practitioner, cast.ana),
            starts_at=MONDAY + DAY,
            ends_at=MONDAY + DAY + timedelta(hours=4),
            now=NOW,
        )
        closures.close(
            session,
            OPERATOR,
            session.get_one(Clinic, cast.clinic),
            day=(MONDAY + 2 * DAY).date(),
            now=NOW,
        )
        resources = search.find_resources(session, session.get_one(Treatment, cast.back))
        free = search.free_slots(
            session,
            resources,
            first=(MONDAY + DAY).date(),
            last=(MONDAY + 2 * DAY).date(),
            now=NOW,
        )

    starts = [datetime.fromtimestamp(opening.starts_at * 60, NEW_YORK) for opening in free]
    assert starts[0] == MONDAY + DAY + timedelta(hours=4)
    assert {start.date() for start in starts} == {(MONDAY + DAY).date()}


def test_time_off_over_booked_sessions_lists_them(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, wanted(MONDAY + DAY, MONDAY + 2 * DAY))

    with pytest.raises(time_off.BookedInside) as refusal, database.transaction() as session:
        time_off.take_time_off(
            session,
            OPERATOR,
            session.get_one(Practitioner, cast.ana),
            starts_at=MONDAY,
            ends_at=MONDAY + 2 * DAY,
            now=NOW,
        )

    assert [appointment.course_id for appointment in refusal.value.appointments] == [course_id]
    assert count(database, "time_off") == 0


def test_held_times_are_kept_from_others_until_they_lapse(database: Database, cast: Cast) -> None:
    tuesday = wanted(MONDAY + DAY)
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        held, _ = holds.keep(session, back, tuesday, origin="192.0.2.1", now=NOW)
        hold_id = stored_id(held.id)

    with pytest.raises(SessionsTaken):
        book(database, cast, tuesday, patient=cast.bob)

    with database.transaction() as session:
        assert holds.renew(session, hold_id, now=NOW + timedelta(minutes=9))
        assert not holds.renew(session, hold_id, now=NOW + timedelta(minutes=19))
        later = NOW + timedelta(minutes=20)
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=session.get_one(Patient, cast.bob),
            wanted=tuesday,
            now=later,
        )
        assert course.state == CourseState.ACTIVE
    assert count(database, "holds") == 0


def test_a_hold_becomes_the_booking(database: Database, cast: Cast) -> None:
    times = wanted(MONDAY + DAY, MONDAY + 2 * DAY)
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        held, _ = holds.keep(session, back, times, origin="192.0.2.1", now=NOW)
        courses.book(
            session,
            OPERATOR,
            treatment=back,
            patient=session.get_one(Patient, cast.ann),
            wanted=times,
            now=NOW,
            hold_id=held.id,
        )

    assert count(database, "holds") == 0
    assert count(database, "diary WHERE hold_id IS NOT NULL") == 0


def test_answers_that_need_a_practitioners_eye_hold_the_course_until_it_is_cleared(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        ann = session.get_one(Patient, cast.ann)
        answers = HARMLESS | {"blood_thinners": "unsure"}
        kept = screening.record(session, OPERATOR, ann, answers=answers, now=NOW)
        course = courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, cast.back),
            patient=ann,
            wanted=wanted(MONDAY),
            now=NOW,
            screening=kept,
        )

        assert course.state == CourseState.NEEDS_CLEARANCE
        courses.clear(session, OPERATOR, course, now=NOW)
        assert course.state == CourseState.ACTIVE
        with pytest.raises(Conflict, match="it is active"):
            courses.clear(session, OPERATOR, course, now=NOW)


def test_shifting_the_rest_lands_on_its_own_later_dates_at_the_same_wall_time(
    database: Database, cast: Cast
) -> None:
    before = MONDAY + 17 * DAY
    course_id = book(database, cast, wanted(*(before + ahead * DAY for ahead in (0, 1, 4, 5))))

    with database.transaction() as session:
        course = session.get_one(Course, course_id)
        rescheduling.shift_rest(session, OPERATOR, course, from_number=2, by_days=3, now=NOW)

    assert [appointment.wall_time for appointment in sessions(database, course_id)] == [
        "2027-03-11T09:00",
        "2027-03-15T09:00",
        "2027-03-18T09:00",
        "2027-03-19T09:00",
    ]


def test_cancelling_frees_the_times_and_keeps_the_history(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, wanted(MONDAY + DAY, MONDAY + 2 * DAY))

    with database.transaction() as session:
        courses.cancel(session, OPERATOR, session.get_one(Course, course_id), now=NOW)

    book(database, cast, wanted(MONDAY + DAY, MONDAY + 2 * DAY), patient=cast.bob)
    assert [appointment.state for appointment in sessions(database, course_id)] == [
        "cancelled",
        "cancelled",
    ]


def test_an_ended_appointment_gets_no_other_time_whatever_sql_says(
    database: Database, cast: Cast
) -> None:
    course_id = book(database, cast, wanted(MONDAY + DAY))
    with database.transaction() as session:
        [appointment] = courses.appointments_of(session, session.get_one(Course, course_id))
        appointments.miss(session, OPERATOR, appointment, now=MONDAY + 2 * DAY)

    refusal = pytest.raises(IntegrityError, match="an appointment that has ended stays ended")
    with refusal, database.transaction() as session:
        session.execute(text("UPDATE appointments SET state = 'booked', starts_at = ends_at"))


@pytest.mark.parametrize(
    "change", ["state = 'arrived'", "state = 'booked'", "state = 'booked', starts_at = ends_at"]
)
def test_a_cancelled_one_comes_back_only_to_its_own_time_while_that_is_free(
    database: Database, cast: Cast, change: str
) -> None:
    course_id = book(database, cast, wanted(MONDAY + DAY))
    with database.transaction() as session:
        [appointment] = courses.appointments_of(session, session.get_one(Course, course_id))
        appointments.cancel(session, OPERATOR, appointment, now=NOW)

    # Nothing of it is in the diary any more, and so it may not be booked.
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(text(f"UPDATE appointments SET {change}"))


def test_a_course_of_another_clinic_is_not_found(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, wanted(MONDAY))
    stranger = Actor(kind="staff", clinic_ids=frozenset({cast.clinic + 1}))

    with pytest.raises(NotFound), database.transaction() as session:
        courses.find(session, stranger, course_id)


def test_every_change_leaves_its_audit_row(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, wanted(MONDAY + DAY))
    with database.transaction() as session:
        [appointment] = courses.appointments_of(session, session.get_one(Course, course_id))
        appointments.move(session, OPERATOR, appointment, starts_at=MONDAY + 2 * DAY, now=NOW)
        appointments.confirm(session, OPERATOR, appointment, now=NOW)
        courses.cancel(session, OPERATOR, session.get_one(Course, course_id), now=NOW)

    with database.transaction() as session:
        deeds = session.execute(
            text("SELECT deed, subject FROM audit_entries WHERE subject <> 'patient' ORDER BY id")
        ).all()
    assert [tuple(deed) for deed in deeds] == [
        ("booked", "course"),
        ("moved", "appointment"),
        ("is confirmed", "appointment"),
        ("cancelled", "course"),
    ]


def test_a_moved_session_has_to_be_confirmed_anew(database: Database, cast: Cast) -> None:
    course_id = book(database, cast, wanted(MONDAY + DAY))

    with database.transaction() as session:
        [appointment] = courses.appointments_of(session, session.get_one(Course, course_id))
        appointments.confirm(session, OPERATOR, appointment, now=NOW)
        appointments.move(session, OPERATOR, appointment, starts_at=MONDAY + 2 * DAY, now=NOW)

        assert appointment.state == "booked"


def test_a_treatment_of_long_hands_on_minutes_is_not_staggered(
    database: Database, cast: Cast
) -> None:
    with database.transaction() as session:
        whole = treatment(
            session,
            session.get_one(Clinic, cast.clinic),
            [session.get_one(Practitioner, cast.ana)],
            [session.get_one(Room, bed) for bed in cast.beds],
            hands_on=[],
        )
        resources = search.find_resources(session, whole)
        tuesday = (MONDAY + DAY).date()
        courses.book(
            session,
            OPERATOR,
            treatment=whole,
            patient=session.get_one(Patient, cast.ann),
            wanted=wanted(MONDAY + DAY),
            now=NOW,
        )
        free = search.free_slots(session, resources, first=tuesday, last=tuesday, now=NOW)

    first = datetime.fromtimestamp(free[0].starts_at * 60, NEW_YORK)
    assert first == MONDAY + DAY + timedelta(minutes=40)
