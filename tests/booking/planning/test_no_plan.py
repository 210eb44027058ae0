"""Why a course cannot be planned, as a patient understands it, and what does help."""

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import closures
from scheduler.booking.availability import diary
from scheduler.booking.availability.diary import Entry
from scheduler.booking.models import Hold
from scheduler.booking.pace.wishes import Wish, Wishes
from scheduler.booking.planning import plan_course
from scheduler.booking.planning.no_plan import ExplainedNoPlan
from scheduler.clinic.hours import moment
from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.intervals import Interval
from scheduler.patients.models import Patient
from scheduler.phrases import no_plan
from scheduler.storage.database import Database
from tests.builders.cast import MONDAY, NEW_YORK, NOW, Cast

pytestmark = pytest.mark.both_databases

START = MONDAY.date()
WEEKLY = [Phase(4, per_week=1)]
SIX_WEEKS = range(7, 49)


def take(session: Session, cast: Cast, calendar_ids: list[int], days: range) -> None:
    """Take calendars from eight to six on these days after the start."""
    owner = Hold(clinic_id=cast.clinic, expires_at=MONDAY + timedelta(days=400))
    session.add(owner)
    session.flush()
    entries = [
        Entry(
            calendar_id,
            Interval(moment(on(day), 480, NEW_YORK), moment(on(day), 1080, NEW_YORK)),
            hold_id=owner.id,
            held_until=moment(on(400), 0, NEW_YORK),
        )
        for calendar_id in calendar_ids
        for day in days
    ]
    assert diary.claim(session, entries)


def on(day: int) -> date:
    return START + timedelta(days=day)


def beds(session: Session, cast: Cast) -> list[int]:
    return [session.get_one(Room, bed).calendar_id for bed in cast.beds]


def staff(session: Session, cast: Cast) -> list[int]:
    return [
        session.get_one(Practitioner, practitioner_id).calendar_id
        for practitioner_id in (cast.ana, cast.ben)
    ]


def close(session: Session, cast: Cast, days: range) -> None:
    clinic = session.get_one(Clinic, cast.clinic)
    for day in days:
        closures.close(session, OPERATOR, clinic, day=on(day), now=NOW)


def refused(
    session: Session,
    cast: Cast,
    phases: list[Phase],
    wishes: Wishes | None = None,
    patient: Patient | None = None,
) -> ExplainedNoPlan:
    back = session.get_one(Treatment, cast.back)
    with pytest.raises(ExplainedNoPlan) as refusal:
        plan_course.propose(
            session, back, wishes or Wishes(START), now=NOW, agreed=phases, patient=patient
        )
    return refusal.value


def helps(refusal: ExplainedNoPlan) -> list[tuple[str, str]]:
    return [(remedy.kind, no_plan.remedy(remedy)) for remedy in refusal.remedies]


def test_no_bed_is_free(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        take(session, cast, beds(session, cast), SIX_WEEKS)

        refusal = refused(session, cast, WEEKLY)

    assert refusal.session_number == 2
    assert no_plan.sentence(refusal) == (
        "Session 2 cannot be placed: no bed is free from 1 March to 8 April."
    )
    assert helps(refusal) == [
        ("later", "Starting on or after 29 March: from 12 April to 3 May."),
        ("pause", "With a pause before session 2: from 26 February to 26 April."),
        ("fewer", "With the first session now and the rest later: on 22 February."),
    ]


def test_everybody_is_taken(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        take(session, cast, staff(session, cast), SIX_WEEKS)

        refusal = refused(session, cast, WEEKLY)

    assert no_plan.sentence(refusal) == (
        "Session 2 cannot be placed: everybody who gives this treatment is taken or away"
        " from 1 March to 8 April."
    )


def test_the_clinic_is_closed(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        close(session, cast, SIX_WEEKS)

        refusal = refused(session, cast, [Phase(2, every_days=8)])

    assert no_plan.sentence(refusal) == (
        "Session 2 cannot be placed: the clinic is closed from 2 March to 14 March."
    )
    assert refusal.remedies[-1].kind == "fewer"


def test_nobody_works_on_the_weekdays_of_the_course(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        refusal = refused(session, cast, [Phase(3, per_week=2, weekdays=(5, 6))])

    assert no_plan.sentence(refusal) == (
        "Session 1 cannot be placed: nobody works on Saturday or Sunday"
        " in the 5 weeks from 22 February."
    )
    assert helps(refusal) == [
        (
            "any_weekday",
            "If its sessions may be on any weekday: from 22 February to 1 March.",
        )
    ]


def test_the_patient_has_other_sessions(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        ann = session.get_one(Patient, cast.ann)
        take(session, cast, [ann.calendar_id], SIX_WEEKS)

        refusal = refused(session, cast, WEEKLY, patient=ann)

    assert no_plan.sentence(refusal) == (
        "Session 2 cannot be placed: you have other sessions from 1 March to 8 April."
    )


def test_the_calendar_is_open_only_until_some_day(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        back = session.get_one(Treatment, cast.back)
        back.horizon_days = 40
        session.flush()

        refusal = refused(session, cast, [Phase(3, per_week=1)], Wishes(on(7)))

    assert no_plan.sentence(refusal) == (
        "Session 3 cannot be placed: the calendar is open only until 13 March."
    )
    assert helps(refusal) == [
        ("earlier", "Starting on or after 22 February: from 22 February to 8 March."),
        ("fewer", "With the first 2 sessions now and the rest later: from 1 March to 8 March."),
    ]


def test_a_part_that_is_to_be_over_by_a_date(database: Database, cast: Cast) -> None:
    phases = [Phase(3, per_week=1, to_day=-7, anchor_on=on(16))]
    with database.transaction() as session:
        refusal = refused(session, cast, phases)

    assert no_plan.sentence(refusal) == (
        "Session 3 cannot be placed: this part of the course is to be over by 3 March."
    )
    assert helps(refusal)[0] == (
        "earlier",
        "Starting on or after 15 February: from 15 February to 1 March.",
    )


def test_the_practitioner_whom_the_patient_wants_and_no_other(
    database: Database, cast: Cast
) -> None:
    wishes = Wishes(START, practitioner_id=cast.ben, strict=frozenset({"practitioner"}))
    with database.transaction() as session:
        take(session, cast, staff(session, cast)[1:], SIX_WEEKS)

        taken = refused(session, cast, WEEKLY, wishes)
        never = wishes._replace(
            weekdays=frozenset({1}), strict=frozenset({"practitioner", "weekdays"})
        )
        absent = refused(session, cast, WEEKLY, never)

    assert no_plan.sentence(taken) == (
        "Session 2 cannot be placed: the practitioner you want is taken or away"
        " from 1 March to 7 April."
    )
    assert helps(taken)[0] == (
        "practitioner",
        "With another practitioner where need be: from 22 February to 15 March.",
    )
    assert taken.remedies[0].strict == frozenset()
    assert no_plan.sentence(absent) == (
        "Session 1 cannot be placed: the practitioner you want does not work on Tuesday"
        " in the 5 weeks from 22 February."
    )


def test_hours_and_weekdays_that_must_be_met(database: Database, cast: Cast) -> None:
    strict: frozenset[Wish] = frozenset({"hours", "weekdays"})
    wishes = Wishes(START, frozenset({1}), (18 * 60, 19 * 60), strict=strict)
    with database.transaction() as session:
        refusal = refused(session, cast, WEEKLY, wishes)

    assert no_plan.sentence(refusal) == (
        "Session 1 cannot be placed: nobody works on Tuesday between 18:00 and 19:00"
        " in the 5 weeks from 22 February."
    )
    assert helps(refusal) == [
        ("hours", "If other hours will do as well: from 23 February to 16 March.")
    ]
    assert refusal.remedies[0].strict == frozenset({"weekdays"})


def test_a_remedy_is_planned_again_before_it_is_said(database: Database, cast: Cast) -> None:
    with database.transaction() as session:
        take(session, cast, beds(session, cast), range(7, 300))

        refusal = refused(session, cast, WEEKLY)
        changed = [
            plan_course.propose(
                session,
                session.get_one(Treatment, cast.back),
                Wishes(remedy.start_on or START),
                now=NOW,
                agreed=remedy.phases or WEEKLY,
            )
            for remedy in refusal.remedies
        ]

    assert [remedy.kind for remedy in refusal.remedies] == ["fewer"]
    assert [len(entry.sessions) for entry in changed] == [1]
