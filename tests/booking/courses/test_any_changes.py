"""Any order of staff changes to two courses: nothing overlaps, each pace is accounted for.

`make chaos` tries more orders.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import confirmation, proposals
from scheduler.booking.courses import (
    adherence,
    appointments,
    courses,
    extensions,
    replanning,
    rescheduling,
)
from scheduler.booking.courses.adherence import ChangePolicy
from scheduler.booking.events.event_models import AppointmentChange, CourseEvent
from scheduler.booking.models import Appointment, Course, DiaryEntry
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import plan_course
from scheduler.booking.states import KEEPS_ITS_TIME
from scheduler.clinic.models import Practitioner, Treatment
from scheduler.infra.errors import Problem
from scheduler.patients.models import Patient
from scheduler.storage.database import Database, stored_id
from tests.builders.cast import DAY, MONDAY, NOW, Cast, wanted
from tests.support.chaos import examples

pytestmark = pytest.mark.both_databases

EXAMPLES = examples(8, 200)
WEEKS = (0, 3, 7, 10, 14, 17)

Deed = tuple[str, int, int, int, bool]
"""The change, the course, the appointment, the amount, and whether staff insist."""

deeds = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "move",
                "shift",
                "replan",
                "skip",
                "behind",
                "swap",
                "practitioner",
                "cancel",
                "miss",
                "make up",
                "extend",
                "ill",
                "cancel all",
            ]
        ),
        st.integers(0, 1),
        st.integers(0, 8),
        st.integers(-9, 9),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


class World:
    """Two courses, and what staff can do to them."""

    def __init__(self, database: Database, cast: Cast) -> None:
        self.database, self.cast = database, cast
        self.now = NOW
        self.insisted = False
        """Whether staff have left the pace on purpose"""
        with database.transaction() as session:
            self.courses = [
                self._book(session, patient, hour)
                for patient, hour in ((cast.ann, 0), (cast.bob, 2))
            ]

    def _book(self, session: Session, patient_id: int, hour: int) -> int:
        treatment = session.get_one(Treatment, self.cast.back)
        course = courses.book(
            session,
            OPERATOR,
            treatment=treatment,
            patient=session.get_one(Patient, patient_id),
            wanted=wanted(*(MONDAY + day * DAY + timedelta(hours=hour) for day in WEEKS)),
            agreed=[
                *plan_course.phases_of(treatment)[:1],
                replace(plan_course.phases_of(treatment)[1], optional=True),
            ],
            now=self.now,
        )
        return stored_id(course.id)

    def do(self, deed: Deed) -> None:
        """One change in a transaction of its own; one that is refused changes nothing."""
        what, which, place, much, insists = deed
        before = self.rows()
        try:
            with self.database.transaction() as session:
                course = session.get_one(Course, self.courses[which])
                sessions = courses.appointments_of(session, course)
                policy = ChangePolicy(
                    override_reason="They asked for it." if insists else "", label=what
                )
                act = getattr(self, what.replace(" ", "_"))
                act(session, course, sessions[place % len(sessions)], much, policy)
            self.insisted = self.insisted or insists
        except Problem:
            assert self.rows() == before

    def rows(self) -> list[Any]:
        """All there is of courses and of the calendars."""
        with self.database.transaction(write=False) as session:
            return [
                sorted(repr(row.model_dump()) for row in session.exec(select(kind)))
                for kind in (Course, Appointment, DiaryEntry)
            ]

    def move(
        self, session: Session, _: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        to = one.starts_at + much * DAY
        appointments.move(session, OPERATOR, one, starts_at=to, policy=policy, now=self.now)

    def shift(
        self, session: Session, course: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        later = replace(policy, allow_later=True)
        rescheduling.shift_rest(
            session,
            OPERATOR,
            course,
            from_number=one.number,
            by_days=much,
            policy=later,
            now=self.now,
        )

    def replan(
        self, session: Session, course: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        replanning.replan(
            session,
            OPERATOR,
            course,
            from_number=one.number,
            wishes=Wishes(self.day(one, much), weekdays=frozenset({much % 5})),
            policy=replace(policy, allow_later=True),
            now=self.now,
        )

    def skip(
        self, session: Session, course: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        self._skip(session, course, self.day(one, much % 3), policy, behind=False)

    def behind(
        self, session: Session, course: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        self._skip(session, course, self.day(one, -(much % 3)), policy, behind=True)

    def _skip(
        self, session: Session, course: Course, day: date, policy: ChangePolicy, *, behind: bool
    ) -> None:
        replanning.skip_week(
            session,
            OPERATOR,
            course,
            start_on=day,
            behind=behind,
            policy=replace(policy, allow_later=True),
            now=self.now,
        )

    def swap(
        self, session: Session, _: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        other_id = self.courses[much % 2]
        others = courses.appointments_of(session, session.get_one(Course, other_id))
        other = others[much % len(others)]
        appointments.swap(session, OPERATOR, one, other, policy=policy, now=self.now)

    def practitioner(
        self, session: Session, course: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        who = (self.cast.ana, self.cast.ben)[much % 2]
        replanning.change_practitioner(
            session,
            OPERATOR,
            course,
            from_number=one.number,
            practitioner_id=who,
            policy=policy,
            now=self.now,
        )

    def cancel(
        self, session: Session, _: Course, one: Appointment, _much: int, _terms: ChangePolicy
    ) -> None:
        appointments.cancel(session, OPERATOR, one, now=self.now)

    def miss(
        self, session: Session, _: Course, one: Appointment, _m: int, _terms: ChangePolicy
    ) -> None:
        self.now = max(self.now, one.starts_at + timedelta(hours=1))
        appointments.miss(session, OPERATOR, one, now=self.now)

    def make_up(
        self, session: Session, course: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        wishes = Wishes(self.day(one, much))
        later = replace(policy, allow_later=True)
        extensions.make_up(session, OPERATOR, course, wishes=wishes, policy=later, now=self.now)

    def extend(
        self, session: Session, course: Course, one: Appointment, much: int, policy: ChangePolicy
    ) -> None:
        extensions.extend(
            session,
            OPERATOR,
            course,
            phase=2,
            wishes=Wishes(self.day(one, much)),
            policy=replace(policy, allow_later=True),
            now=self.now,
        )

    def ill(
        self, session: Session, _: Course, one: Appointment, much: int, _terms: ChangePolicy
    ) -> None:
        proposal = proposals.propose(
            session,
            OPERATOR,
            proposals.of_time_off(
                session.get_one(Practitioner, one.practitioner_id),
                starts_at=one.starts_at,
                ends_at=one.starts_at + (1 + abs(much)) * DAY,
                now=self.now,
            ),
        )
        cancels = much > 0
        confirmation.confirm(session, OPERATOR, proposal, cancel_unplaced=cancels, now=self.now)

    def cancel_all(
        self, session: Session, course: Course, _: Appointment, _m: int, policy: ChangePolicy
    ) -> None:
        courses.cancel(session, OPERATOR, course, reason=policy.override_reason, now=self.now)

    def day(self, one: Appointment, much: int) -> date:
        """A day near a session, not in the past."""
        there = date.fromisoformat(one.wall_time[:10]) + timedelta(days=much)
        return max(there, self.now.date())


def check(world: World) -> None:
    """The invariants after any change."""
    with world.database.transaction(write=False) as session:
        entries = session.exec(select(DiaryEntry).order_by(col(DiaryEntry.from_minute))).all()
        for calendar in {entry.calendar_id for entry in entries}:
            own = [
                entry
                for entry in entries
                if entry.calendar_id == calendar and not entry.time_off_id
            ]
            assert all(one.to_minute <= other.from_minute for one, other in pairwise(own))
        on_the_diary = {entry.appointment_id for entry in entries} - {None}
        for course_id in world.courses:
            course = session.get_one(Course, course_id)
            sessions = courses.appointments_of(session, course)
            assert [appointment.number for appointment in sessions] == list(
                range(1, len(sessions) + 1)
            )
            starts = [appointment.starts_at for appointment in sessions]
            assert starts == sorted(starts)
            for appointment in sessions:
                assert (appointment.id in on_the_diary) == (appointment.state in KEEPS_ITS_TIME)
            off = {
                (violation.kind, violation.number)
                for violation in courses.off_pace(session, course)
            }
            assert off == set(adherence.accepted_violations(course))
            assert all(adherence.accepted_violations(course).values())
            if not world.insisted:
                assert {kind for kind, _ in off} <= adherence.LATER


SLOW: Callable[..., Any] = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
def test_any_order_of_changes_leaves_whole_courses(database: Database, cast: Cast) -> None:
    @SLOW
    @given(order=deeds)
    def holds(order: list[Deed]) -> None:
        empty(database)
        world = World(database, cast)
        check(world)
        for deed in order:
            world.do(deed)
            check(world)

    holds()


def empty(database: Database) -> None:
    """No course, and nothing on the calendars."""
    with database.transaction() as session:
        for kind in (DiaryEntry, AppointmentChange, CourseEvent, Appointment, Course):
            for row in session.exec(select(kind)):
                session.delete(row)
            session.flush()
