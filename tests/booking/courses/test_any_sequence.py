"""A calendar stays true under any sequence of changes, also concurrent ones.

Hypothesis generates bookings, changes, absences and passing hours. After each step, SQL and this
file's own arithmetic check the calendar. `make chaos` runs more.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from itertools import count, pairwise
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import closures, confirmation, displaced, proposals, time_off
from scheduler.booking.availability import holds
from scheduler.booking.courses import (
    adherence,
    appointments,
    courses,
    extensions,
    replanning,
    rescheduling,
)
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.models import (
    AbsenceProposal,
    Appointment,
    AppointmentState,
    Course,
    CourseState,
    Offer,
)
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import plan_course
from scheduler.booking.waitlist import entries, offers
from scheduler.clinic import rota
from scheduler.clinic.hours import WeeklyHours
from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Problem
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient
from scheduler.storage.database import Busy, Database, stored_id
from tests.builders.cast import NEW_YORK, NOW, Cast, settle, wanted
from tests.support.chaos import examples

pytestmark = pytest.mark.both_databases

SEQUENCES = examples(4, 200)
STEPS = 18
AT_ONCE = 3
DAY = timedelta(days=1)
MINUTES, TURNOVER = 40, 5
HANDS_ON = ((0, 12), (32, 40))
LICENSED_UNTIL = date(2027, 4, 2)
CANCELLED = AppointmentState.CANCELLED
OVER = {AppointmentState.COMPLETED, AppointmentState.NO_SHOW}

DAYS = st.integers(0, 45)
HOURS = st.sampled_from(range(9 * 60, 17 * 60, 20))
WHICH = st.integers(0, 50)
NUMBERS = st.integers(1, 6)
_names = count()

Story = Callable[[Session], object]


class Calendar(RuleBasedStateMachine):
    """A clinic of its own in a database that is there already."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.now = NOW
        self.hours = 9 * 60, 17 * 60
        """Ana's now; sessions that have been may lie outside"""

    @initialize()
    def open_the_clinic(self) -> None:
        with self.database.transaction() as session:
            self.cast: Cast = settle(session, name=f"Clinic {next(_names)}")
            session.get_one(Treatment, self.cast.back).phases = [
                Phase(sessions=4, per_week=2),
                Phase(sessions=2, per_week=1, optional=True),
            ]
            session.get_one(Practitioner, self.cast.ben).license_expires_on = LICENSED_UNTIL

        for ann, ahead in ((True, 1), (False, 4)):
            self.plan_and_book(day=ahead, ann=ann, ana=False)

    # The steps. A refused step must leave no trace.

    def do(self, story: Story) -> bool:
        before = self.everything()
        try:
            with self.database.transaction() as session:
                story(session)
        except (Problem, Busy):
            assert self.everything() == before, "a refused change left something behind"
            return False
        return True

    def with_course(self, which: int, story: Callable[[Session, Course], object]) -> None:
        def on_one(session: Session) -> None:
            found = self.courses(session)
            story(session, found[which % len(found)])

        self.do(on_one)

    def with_session(self, which: int, story: Callable[[Session, Appointment], object]) -> None:
        def on_one(session: Session) -> None:
            found = self.sessions(session)
            story(session, found[which % len(found)])

        self.do(on_one)

    @rule(day=DAYS, ann=st.booleans(), ana=st.booleans())
    def plan_and_book(self, *, day: int, ann: bool, ana: bool) -> None:
        def story(session: Session) -> None:
            treatment = session.get_one(Treatment, self.cast.back)
            patient = session.get_one(Patient, self.cast.ann if ann else self.cast.bob)
            wishes = Wishes(self.day(day), practitioner_id=self.cast.ana if ana else None)
            plan = plan_course.propose(session, treatment, wishes, now=self.now, patient=patient)
            starts = [instant_of(appointment.opening.starts_at) for appointment in plan.sessions]
            self.book(session, patient, starts)

        self.do(story)

    @rule(day=DAYS, minute=HOURS, gaps=st.lists(st.integers(0, 4), max_size=3), ann=st.booleans())
    def book_some_times(self, *, day: int, minute: int, gaps: list[int], ann: bool) -> None:
        starts = [self.at(day + sum(gaps[:place]), minute) for place in range(len(gaps) + 1)]
        who = self.cast.ann if ann else self.cast.bob
        self.do(lambda session: self.book(session, session.get_one(Patient, who), starts))

    @rule(day=DAYS, minute=HOURS, apart=st.sampled_from([0, 20, 40]))
    def several_book_at_once(self, day: int, minute: int, apart: int) -> None:
        together = Barrier(AT_ONCE)

        def attempt(place: int) -> bool:
            starts = [self.at(day, minute + place * apart), self.at(day + 3, minute)]
            who = (self.cast.ann, self.cast.bob)[place % 2]
            together.wait()
            try:
                with self.database.transaction() as session:
                    self.book(session, session.get_one(Patient, who), starts)
            except (Problem, Busy):
                return False
            return True

        before = self.everything()
        with ThreadPoolExecutor(AT_ONCE) as people:
            done = list(people.map(attempt, range(AT_ONCE)))
        if not any(done):
            assert self.everything() == before

    @rule(which=WHICH, day=DAYS, minute=HOURS, insist=st.booleans())
    def move(self, *, which: int, day: int, minute: int, insist: bool) -> None:
        policy = (
            ChangePolicy(override_reason="the patient asked") if insist else rescheduling.KEEP_PACE
        )
        starts_at = self.at(day, minute)
        self.with_session(
            which,
            lambda session, one: appointments.move(
                session, OPERATOR, one, starts_at=starts_at, policy=policy, now=self.now
            ),
        )

    @rule(which=WHICH, to=WHICH, insist=st.booleans())
    def swap(self, *, which: int, to: int, insist: bool) -> None:
        def story(session: Session, one: Appointment) -> None:
            found = self.sessions(session)
            policy = (
                ChangePolicy(override_reason="both asked") if insist else rescheduling.KEEP_PACE
            )
            other = found[to % len(found)]
            appointments.swap(session, OPERATOR, one, other, policy=policy, now=self.now)

        self.with_session(which, story)

    @rule(which=WHICH, number=NUMBERS, days=st.integers(-3, 9))
    def shift(self, which: int, number: int, days: int) -> None:
        self.with_course(
            which,
            lambda session, course: rescheduling.shift_rest(
                session, OPERATOR, course, from_number=number, by_days=days, now=self.now
            ),
        )

    @rule(which=WHICH, number=NUMBERS, day=DAYS)
    def plan_the_rest_anew(self, which: int, number: int, day: int) -> None:
        self.with_course(
            which,
            lambda session, course: replanning.replan(
                session,
                OPERATOR,
                course,
                from_number=number,
                wishes=Wishes(self.day(day)),
                policy=ChangePolicy(allow_later=True),
                now=self.now,
            ),
        )

    @rule(which=WHICH, day=DAYS, behind=st.booleans())
    def skip_a_week(self, *, which: int, day: int, behind: bool) -> None:
        self.with_course(
            which,
            lambda session, course: replanning.skip_week(
                session,
                OPERATOR,
                course,
                start_on=self.day(day),
                behind=behind,
                policy=ChangePolicy(allow_later=True, label="a week was skipped"),
                now=self.now,
            ),
        )

    @rule(which=WHICH, number=NUMBERS, ana=st.booleans())
    def change_practitioner(self, *, which: int, number: int, ana: bool) -> None:
        self.with_course(
            which,
            lambda session, course: replanning.change_practitioner(
                session,
                OPERATOR,
                course,
                from_number=number,
                practitioner_id=self.cast.ana if ana else self.cast.ben,
                policy=rescheduling.KEEP_PACE,
                now=self.now,
            ),
        )

    @rule(which=WHICH, make_up=st.booleans())
    def add_sessions(self, *, which: int, make_up: bool) -> None:
        wishes, policy = Wishes(self.day(0)), ChangePolicy(allow_later=True)

        def story(session: Session, course: Course) -> None:
            if make_up:
                extensions.make_up(
                    session, OPERATOR, course, wishes=wishes, policy=policy, now=self.now
                )
            else:
                extensions.extend(
                    session, OPERATOR, course, phase=2, wishes=wishes, policy=policy, now=self.now
                )

        self.with_course(which, story)

    @rule(
        which=WHICH,
        deed=st.sampled_from(
            [
                appointments.confirm,
                appointments.cancel,
                appointments.arrive,
                appointments.complete,
                appointments.miss,
            ]
        ),
    )
    def something_becomes_of_a_session(self, which: int, deed: Callable[..., object]) -> None:
        self.with_session(which, lambda session, one: deed(session, OPERATOR, one, now=self.now))

    @rule(which=WHICH)
    def cancel_a_course(self, which: int) -> None:
        self.with_course(
            which, lambda session, course: courses.cancel(session, OPERATOR, course, now=self.now)
        )

    @rule(day=DAYS, minute=HOURS, hours=st.integers(1, 60), ana=st.booleans())
    def take_time_off(self, *, day: int, minute: int, hours: int, ana: bool) -> None:
        who, starts_at = self.cast.ana if ana else self.cast.ben, self.at(day, minute)
        self.do(
            lambda session: time_off.take_time_off(
                session,
                OPERATOR,
                session.get_one(Practitioner, who),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=hours),
                now=self.now,
            )
        )

    @rule(day=DAYS, minute=HOURS, times=st.integers(1, 4))
    def take_the_same_hour_off_each_week(self, day: int, minute: int, times: int) -> None:
        starts_at = self.at(day, minute)
        every_week = time_off.Recurrence(1, self.day(day) + times * 7 * DAY)
        self.do(
            lambda session: time_off.take_time_off(
                session,
                OPERATOR,
                session.get_one(Practitioner, self.cast.ana),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=1),
                repeat=every_week,
                now=self.now,
            )
        )

    @rule(opens=st.sampled_from([9, 10, 11]), closes=st.sampled_from([15, 16, 17]))
    def change_hours(self, opens: int, closes: int) -> None:
        def story(session: Session) -> None:
            ana = session.get_one(Practitioner, self.cast.ana)
            week = [WeeklyHours(day, time(opens), time(closes)) for day in range(5)]
            with displaced.telling(session, ana, keep=False, now=self.now):
                rota.set_hours(session, OPERATOR, ana, week, now=self.now)

        if self.do(story):
            self.hours = opens * 60, closes * 60

    @rule(day=DAYS)
    def close(self, day: int) -> None:
        self.do(
            lambda session: closures.close(
                session,
                OPERATOR,
                session.get_one(Clinic, self.cast.clinic),
                day=self.day(day),
                now=self.now,
            )
        )

    @rule(
        day=DAYS,
        days=st.sampled_from([1, 2, 3, 9]),
        what=st.sampled_from(["Ana", "Ben", "a bed", "the clinic"]),
        cancel=st.booleans(),
    )
    def be_missing(self, *, day: int, days: int, what: str, cancel: bool) -> None:
        starts_at = self.at(day, 0)

        def absence(session: Session) -> AbsenceProposal:
            if what == "the clinic":
                last = self.day(day + days - 1)
                clinic = session.get_one(Clinic, self.cast.clinic)
                return proposals.of_closure(clinic, day=self.day(day), last_day=last, now=self.now)
            who: Practitioner | Room = (
                session.get_one(Room, self.cast.beds[0])
                if what == "a bed"
                else session.get_one(
                    Practitioner, self.cast.ana if what == "Ana" else self.cast.ben
                )
            )
            return proposals.of_time_off(
                who, starts_at=starts_at, ends_at=starts_at + days * DAY, now=self.now
            )

        def story(session: Session) -> None:
            proposal = proposals.propose(session, OPERATOR, absence(session))
            confirmation.confirm(session, OPERATOR, proposal, cancel_unplaced=cancel, now=self.now)

        self.do(story)

    @rule(day=DAYS, minute=HOURS, release=st.booleans())
    def hold(self, *, day: int, minute: int, release: bool) -> None:
        starts = [self.at(day, minute), self.at(day + 2, minute)]

        def story(session: Session) -> None:
            treatment = session.get_one(Treatment, self.cast.back)
            kept, _ = holds.keep(
                session, treatment, wanted(*starts), origin="192.0.2.1", now=self.now
            )
            if release:
                holds.release(session, stored_id(kept.id))

        self.do(story)

    @rule(which=WHICH)
    def wait_for_an_earlier_time(self, which: int) -> None:
        self.with_session(
            which,
            lambda session, one: entries.enter(session, OPERATOR, appointment=one, now=self.now),
        )

    @rule(yes=st.booleans())
    def offer_what_became_free(self, *, yes: bool) -> None:
        def offer(session: Session) -> None:
            for entry in offers.due(session, now=self.now):
                offers.expire(session, entry, now=self.now)
            for entry, chosen in offers.possible(session, self.cast.clinic, now=self.now):
                offers.make(session, entry, chosen, now=self.now)

        def answer(session: Session) -> None:
            for row in session.exec(
                select(Offer).where(Offer.clinic_id == self.cast.clinic, Offer.state == "open")
            ).all():
                if yes:
                    offers.accept(session, OPERATOR, row, now=self.now)
                else:
                    offers.decline(session, OPERATOR, row, now=self.now)

        self.do(offer)
        self.do(answer)

    @rule(hours=st.sampled_from([1, 5, 24, 24 * 7]))
    def let_time_pass(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    # The invariants.

    @precondition(lambda self: hasattr(self, "cast"))
    @invariant()
    def nothing_overlaps_in_the_diary(self) -> None:
        with self.database.transaction(write=False) as session:
            found = session.execute(
                text(
                    "SELECT count(*) FROM diary AS one JOIN diary AS other"
                    " ON one.calendar_id = other.calendar_id AND one.id < other.id"
                    " AND one.from_minute < other.to_minute AND other.from_minute < one.to_minute"
                    " WHERE NOT ((one.time_off_id IS NOT NULL OR one.closure_id IS NOT NULL)"
                    " AND (other.time_off_id IS NOT NULL OR other.closure_id IS NOT NULL))"
                )
            ).scalar()
        assert found == 0

    @precondition(lambda self: hasattr(self, "cast"))
    @invariant()
    def sessions_are_true(self) -> None:
        with self.database.transaction(write=False) as session:
            every = self.sessions(session)
            self._check_times(every)
            self._check_calendars(every)
            self._check_diary(session, every)
            self._check_absences(session, every)
            for course in self.courses(session):
                self._check_course(course, courses.appointments_of(session, course))

    def _check_times(self, every: Iterable[Appointment]) -> None:
        for value in every:
            local = value.starts_at.astimezone(NEW_YORK)
            assert value.ends_at - value.starts_at == timedelta(minutes=MINUTES)
            assert (value.wall_time, value.fold) == (f"{local:%Y-%m-%dT%H:%M}", local.fold)
            if value.state == CANCELLED:
                continue
            assert time_of(local) >= 9 * 60
            assert time_of(local) + MINUTES <= 17 * 60
            assert local.weekday() in (
                (0, 3) if value.practitioner_id == self.cast.ben else range(5)
            )
            assert value.practitioner_id == self.cast.ana or local.date() <= LICENSED_UNTIL

    def _check_calendars(self, every: Iterable[Appointment]) -> None:
        taken: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        for value in every:
            if value.state != CANCELLED:
                for whose, start, end in self._takes(value):
                    taken[whose].append((start, end))
        for whose, stretches in taken.items():
            for (_, end), (start, _) in pairwise(sorted(stretches)):
                assert end <= start, whose

    def _takes(self, each: Appointment) -> Iterable[tuple[tuple[str, int], int, int]]:
        start = int(each.starts_at.timestamp()) // 60
        yield ("patient", each.patient_id), start, start + MINUTES
        yield ("room", each.room_id), start, start + MINUTES + TURNOVER
        for here, there in HANDS_ON:
            yield ("practitioner", each.practitioner_id), start + here, start + there

    def _check_diary(self, session: Session, every: Iterable[Appointment]) -> None:
        owners = {
            calendar: (kind, number)
            for kind in ("patient", "room", "practitioner")
            for calendar, number in session.execute(text(f"SELECT calendar_id, id FROM {kind}s"))
        }
        rows = session.execute(
            text(
                "SELECT appointment_id, calendar_id, from_minute, to_minute FROM diary"
                " JOIN calendars ON calendars.id = diary.calendar_id"
                " WHERE appointment_id IS NOT NULL AND calendars.clinic_id = :clinic"
            ),
            {"clinic": self.cast.clinic},
        )
        found = sorted((number, (owners[whose], start, end)) for number, whose, start, end in rows)
        assert found == sorted(
            (stored_id(value.id), stretch)
            for value in every
            if value.state != CANCELLED
            for stretch in self._takes(value)
        )

    def _check_absences(self, session: Session, every: Iterable[Appointment]) -> None:
        away = session.execute(
            text(
                "SELECT practitioner_id, room_id, starts_at, ends_at FROM time_off"
                " WHERE clinic_id = :c"
            ),
            {"c": self.cast.clinic},
        ).all()
        closed = {
            str(day)
            for (day,) in session.execute(
                text("SELECT day FROM closures WHERE clinic_id = :c"), {"c": self.cast.clinic}
            )
        }
        for value in every:
            if value.state == CANCELLED:
                continue
            assert value.wall_time[:10] not in closed
            for whose, start, end in self._takes(value):
                for practitioner_id, room_id, gone, back in away:
                    if whose in {("practitioner", practitioner_id), ("room", room_id)}:
                        assert end <= minute_of(gone) or minute_of(back) <= start

    def _check_course(self, course: Course, every: list[Appointment]) -> None:
        assert [value.number for value in every] == list(range(1, len(every) + 1))
        assert every == sorted(every, key=lambda value: value.starts_at)
        there = [value for value in every if value.state != CANCELLED]
        days = [date.fromisoformat(item.wall_time[:10]) for item in there]
        assert len(set(days)) == len(days), "two sessions on one day"
        if course.state == CourseState.CANCELLED:
            return
        assert course.state == CourseState.COMPLETED or not {value.state for value in every} <= (
            OVER | {CANCELLED}
        )
        told = adherence.accepted_violations(course)
        for departure in adherence.off_pace(course, every):
            assert told.get((departure.kind, departure.number)), "off its pace and nobody says why"
        if not told and len(there) == len(every):
            # At two a week: never three in seven days counted from the first of the phase.
            first = days[0]
            weeks = [(day - first).days // 7 for day in days[:4]]
            assert all(weeks.count(week) <= 2 for week in weeks)

    # Helpers.

    def day(self, ahead: int) -> date:
        return self.now.astimezone(NEW_YORK).date() + ahead * DAY

    def at(self, ahead: int, minute: int) -> datetime:
        day = self.day(ahead)
        return datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=NEW_YORK)

    def book(self, session: Session, patient: Patient, starts: list[datetime]) -> None:
        courses.book(
            session,
            OPERATOR,
            treatment=session.get_one(Treatment, self.cast.back),
            patient=patient,
            wanted=wanted(*starts),
            now=self.now,
        )

    def courses(self, session: Session) -> list[Course]:
        query = select(Course).where(Course.clinic_id == self.cast.clinic)
        return list(session.exec(query.order_by(col(Course.id))))

    def sessions(self, session: Session) -> list[Appointment]:
        query = select(Appointment).where(Appointment.clinic_id == self.cast.clinic)
        return list(session.exec(query.order_by(col(Appointment.id))))

    def everything(self) -> dict[str, list[Any]]:
        """Every row that a change may touch."""
        ours = {"clinic": self.cast.clinic}
        queries = {
            table: f"SELECT * FROM {table} WHERE clinic_id = :clinic ORDER BY id"
            for table in ("courses", "appointments", "time_off", "closures", "holds")
        } | {
            "waitlist": "SELECT * FROM waitlist_entries WHERE clinic_id = :clinic ORDER BY id",
            "offers": "SELECT * FROM waitlist_offers WHERE clinic_id = :clinic ORDER BY id",
            "audit": "SELECT id FROM audit_entries WHERE clinic_id = :clinic ORDER BY id",
            "diary": "SELECT diary.* FROM diary JOIN calendars ON calendars.id = calendar_id"
            " WHERE clinic_id = :clinic ORDER BY diary.id",
        }
        with self.database.transaction(write=False) as session:
            return {
                name: [tuple(map(str, row)) for row in session.execute(text(query), ours)]
                for name, query in queries.items()
            }


def time_of(local: datetime) -> int:
    return local.hour * 60 + local.minute


def minute_of(stored: datetime | str) -> int:
    """Reads an instant from raw SQL: SQLite returns text without a zone, PostgreSQL an instant."""
    if isinstance(stored, str):
        stored = datetime.fromisoformat(f"{stored[:19]}+00:00")
    return int(stored.timestamp()) // 60


@pytest.mark.slow
def test_any_sequence_of_changes_leaves_the_calendar_true(database: Database) -> None:
    class Here(Calendar):
        def __init__(self) -> None:
            super().__init__(database)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
