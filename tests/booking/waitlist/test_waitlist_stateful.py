"""Any history of the waitlist gives no time twice and breaks no pace.

`make chaos` plays more histories.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import adherence, appointments, courses
from scheduler.booking.models import (
    Appointment,
    AppointmentState,
    Course,
    DiaryEntry,
    Offer,
    OfferState,
    WaitlistEntry,
)
from scheduler.booking.pace.violations import violations
from scheduler.booking.waitlist import entries, offers
from scheduler.clinic.models import Clinic, Practitioner, Room, Treatment
from scheduler.infra.errors import Problem
from scheduler.infra.intervals import minute_of
from scheduler.patients import consent
from scheduler.patients.models import Patient
from scheduler.storage.database import Database, stored_id
from scheduler.worker import Worker
from tests.builders import cast, rows
from tests.builders.cast import NEW_YORK, NOW
from tests.builders.clock import FrozenClock
from tests.builders.world import Paper
from tests.support.chaos import examples

pytestmark = pytest.mark.both_databases

EXAMPLES = examples(3, 60)
PEOPLE = 4
NOTICE = timedelta(minutes=120 + 5)
"""The treatment's notice, and the time to answer."""

SLOTS = [
    datetime(2027, 2, day, hour, tzinfo=NEW_YORK).astimezone(UTC)
    for day in (*range(1, 6), *range(8, 13))
    for hour in (11, 12)
]
"""Two times a day from Monday to Friday, for two weeks: one practitioner, one bed."""

slot = st.sampled_from(SLOTS)
person = st.integers(0, PEOPLE - 1)
which = st.integers(0, 1000)
wishes = st.fixed_dictionaries(
    {
        "weekdays": st.sampled_from([[], [], [0, 2], [1, 3, 4]]),
        "need": st.sampled_from([0, 0, 1, 2]),
        "need_reason": st.just("so it is"),
        "last_day": st.just(date(2027, 2, 12)),
    }
)


def day_of(start: datetime) -> date:
    return start.astimezone(NEW_YORK).date()


class Waitlist(RuleBasedStateMachine):
    """A clinic of two weeks with four patients, who do what they like."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.clock = FrozenClock(NOW + timedelta(hours=2))
        self.worker = Worker(
            database, Paper(self.clock), self.clock, key="k" * 32, public_url="https://w.example"
        )
        with database.transaction() as session:
            self.found(session)
        self.said_no: set[tuple[int, datetime]] = set()
        """Entries with starts that they declined or let lapse."""

    def found(self, session: Session) -> None:
        clinic = rows.clinic(session, waitlist_at_once=2, changed_at=NOW)
        ana = rows.practitioner(session, clinic, "Ana", weekdays=range(5), hours=("11:00", "13:00"))
        bed = rows.bed(session, clinic, "Bed")
        treatment = rows.treatment(
            session,
            clinic,
            [ana],
            [bed],
            phases=[{"sessions": 3, "per_week": 2}],
            hands_on=[],
            start_every_minutes=60,
        )
        self.clinic, self.treatment = stored_id(clinic.id), stored_id(treatment.id)
        self.patients = []
        for number in range(PEOPLE):
            patient = cast.enroll(session, clinic, f"P {chr(65 + number)}", f"+1202555011{number}")
            consent.give(session, OPERATOR, patient, wording="Yes", channel="staff", now=NOW)
            self.patients.append(stored_id(patient.id))

    def teardown(self) -> None:
        with self.database.transaction() as session:
            for entry in entries.open_entries(session):
                entries.withdraw(session, OPERATOR, entry, now=self.clock.at)

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Two have courses, and would come earlier; two wait for a time."""
        for number, days in ((0, (1, 3, 7)), (1, (2, 4, 9))):
            starts = [SLOTS[2 * day + data.draw(st.integers(0, 1))] for day in days]
            self.book(number, starts)
        for number in range(2):
            self.wait_for_earlier(number + data.draw(which), data.draw(wishes))
            self.wait_for_treatment(number + 2, data.draw(wishes), whole=data.draw(st.booleans()))

    @rule(person=person, starts=st.lists(slot, min_size=1, max_size=3, unique_by=day_of))
    def book(self, person: int, starts: list[datetime]) -> None:
        """A course, on pace or not, if its times are free."""
        self.attempt(
            lambda session: courses.book(
                session,
                OPERATOR,
                treatment=session.get_one(Treatment, self.treatment),
                patient=session.get_one(Patient, self.patients[person]),
                wanted=[
                    RequestedTime(number, each) for number, each in enumerate(sorted(starts), 1)
                ],
                now=self.clock.at,
            )
        )

    @rule(which=which)
    def cancel(self, which: int) -> None:
        if session_id := self.pick(which, self.sessions()):
            self.attempt(
                lambda session: appointments.cancel(
                    session, OPERATOR, session.get_one(Appointment, session_id), now=self.clock.at
                )
            )

    @rule(which=which, start=slot)
    def move(self, which: int, start: datetime) -> None:
        if session_id := self.pick(which, self.sessions()):
            self.attempt(
                lambda session: appointments.move(
                    session,
                    OPERATOR,
                    session.get_one(Appointment, session_id),
                    starts_at=start,
                    now=self.clock.at,
                )
            )

    @rule(which=which, wishes=wishes)
    def wait_for_earlier(self, which: int, wishes: dict[str, Any]) -> None:
        if session_id := self.pick(which, self.sessions()):
            self.attempt(
                lambda session: entries.enter(
                    session,
                    OPERATOR,
                    appointment=session.get_one(Appointment, session_id),
                    now=self.clock.at,
                    **wishes,
                )
            )

    @rule(person=person, wishes=wishes, whole=st.booleans())
    def wait_for_treatment(self, person: int, wishes: dict[str, Any], *, whole: bool) -> None:
        self.attempt(
            lambda session: entries.enter(
                session,
                OPERATOR,
                treatment=session.get_one(Treatment, self.treatment),
                patient=session.get_one(Patient, self.patients[person]),
                whole_course=whole,
                now=self.clock.at,
                **wishes,
            )
        )

    @rule(mode=st.sampled_from(["one_by_one", "one_by_one", "one_by_one", "first_come", "off"]))
    def choose_mode(self, mode: str) -> None:
        with self.database.transaction() as session:
            session.get_one(Clinic, self.clinic).waitlist_mode = mode

    @rule(minutes=st.sampled_from([1, 10, 31, 60, 300, 1440]))
    def let_time_pass(self, minutes: int) -> None:
        self.clock.at += timedelta(minutes=minutes)

    @precondition(lambda self: self.offers())
    @rule(which=which)
    def accept(self, which: int) -> None:
        offer_id = self.pick(which, self.offers())
        with self.database.transaction(write=False) as session:
            offer = session.get_one(Offer, offer_id)
            entry = session.get_one(WaitlistEntry, offer.entry_id)
            own = session.get(Appointment, entry.appointment_id or 0)
            course_id = own.course_id if own else None
            stood = self.standing(session, course_id) if course_id else None
        if not self.attempt(
            lambda session: offers.accept(
                session, OPERATOR, session.get_one(Offer, offer_id), now=self.clock.at
            )
        ):
            return
        with self.database.transaction(write=False) as session:
            taken = session.get_one(WaitlistEntry, offer.entry_id)
            booked = session.get_one(Appointment, taken.appointment_id)
            assert booked.starts_at == offer.starts_at
            stands = self.standing(session, booked.course_id)
            assert adherence.newly_violated(stood or adherence.PaceStatus([], []), stands) == []
            day = booked.wall_time[:10]
            on_the_day = select(Appointment).where(
                Appointment.patient_id == booked.patient_id,
                col(Appointment.wall_time).startswith(day),
                Appointment.state != AppointmentState.CANCELLED,
            )
            assert len(session.exec(on_the_day).all()) == 1

    @precondition(lambda self: self.offers())
    @rule(which=which)
    def decline(self, which: int) -> None:
        offer_id = self.pick(which, self.offers())
        self.attempt(
            lambda session: offers.decline(
                session, OPERATOR, session.get_one(Offer, offer_id), now=self.clock.at
            )
        )

    @rule()
    def look_again(self) -> None:
        """The chore comes often."""
        self.look()

    @rule()
    def look(self) -> None:
        """The chore: afterwards each who waits has been offered what there is, in their order."""
        before = set(self.offers())
        self.worker.offer()
        with self.database.transaction(write=False) as session:
            clinic = session.get_one(Clinic, self.clinic)
            waiting = entries.queue(session, self.clinic)
            made = session.exec(
                select(Offer).where(
                    Offer.clinic_id == self.clinic,
                    Offer.state == OfferState.OPEN,
                    Offer.offered_at == self.clock.at,
                    col(Offer.id).not_in(before),
                )
            ).all()
            hour = self.clock.at.astimezone(NEW_YORK).hour
            by_day = 8 <= hour < 20
            assert not made or 8 <= hour < 21
            for offer in made:
                assert clinic.waitlist_mode != "off"
                assert self.is_free(session, offer.starts_at, but=offer)
                entry = session.get_one(WaitlistEntry, offer.entry_id)
                assert self.keeps_rhythm(session, entry, offer.starts_at)
                offered = [appointment.starts_at for appointment in offer.sessions]
                assert not self.other_days(session, entry) & set(map(day_of, offered))
                assert min(offered) - self.clock.at > NOTICE
                for other in waiting:
                    if _rank(other) < _rank(entry):
                        assert not self.surely_suits(session, other, offer.starts_at)
            if clinic.waitlist_mode == "one_by_one" and by_day:
                missed = [
                    (entry.id, start)
                    for start in SLOTS
                    if self.is_free(session, start)
                    for entry in waiting
                    if self.surely_suits(session, entry, start)
                ]
                assert missed == []

    @invariant()
    def nothing_is_given_twice(self) -> None:
        with self.database.transaction(write=False) as session:
            booked = session.exec(
                select(Appointment)
                .where(
                    Appointment.clinic_id == self.clinic,
                    Appointment.state != AppointmentState.CANCELLED,
                )
                .order_by(col(Appointment.starts_at))
            ).all()
            assert all(one.ends_at <= next_.starts_at for one, next_ in pairwise(booked))
            running = session.exec(
                select(Offer).where(
                    Offer.clinic_id == self.clinic,
                    Offer.state == OfferState.OPEN,
                    col(Offer.expires_at) > self.clock.at,
                )
            ).all()
            kept = [
                appointment.starts_at
                for offer in running
                if not offer.to_several
                for appointment in offer.sessions
            ]
            assert len(kept) == len(set(kept))
            assert len({offer.entry_id for offer in running}) == len(running)
            assert not set(kept) & {appointment.starts_at for appointment in booked}

    @invariant()
    def nobody_is_offered_again_what_they_did_not_take(self) -> None:
        with self.database.transaction(write=False) as session:
            rows = session.exec(select(Offer).where(Offer.clinic_id == self.clinic)).all()
        running = {(row.entry_id, row.starts_at) for row in rows if row.state == OfferState.OPEN}
        assert not running & self.said_no
        self.said_no |= {
            (row.entry_id, row.starts_at)
            for row in rows
            if row.state in {OfferState.DECLINED, OfferState.LAPSED}
        }

    def attempt(self, deed: Callable[[Session], object]) -> bool:
        """Try a step that may be refused. A refused step leaves nothing behind."""
        try:
            with self.database.transaction() as session:
                deed(session)
        except Problem:
            return False
        return True

    def sessions(self) -> list[int]:
        with self.database.transaction(write=False) as session:
            rows = session.exec(
                select(Appointment.id)
                .where(
                    Appointment.clinic_id == self.clinic,
                    col(Appointment.state).in_(["booked", "confirmed"]),
                    col(Appointment.starts_at) > self.clock.at,
                )
                .order_by(col(Appointment.id))
            )
            return [stored_id(row) for row in rows]

    def offers(self) -> list[int]:
        with self.database.transaction(write=False) as session:
            rows = session.exec(
                select(Offer.id)
                .where(Offer.clinic_id == self.clinic, Offer.state == OfferState.OPEN)
                .order_by(col(Offer.id))
            )
            return [stored_id(row) for row in rows]

    def pick(self, which: int, ids: list[int]) -> int:
        return ids[which % len(ids)] if ids else 0

    def standing(self, session: Session, course_id: int) -> adherence.PaceStatus:
        course = session.get_one(Course, course_id)
        return adherence.pace_status(course, courses.appointments_of(session, course))

    def is_free(self, session: Session, start: datetime, *, but: Offer | None = None) -> bool:
        """Whether nothing lies on the one practitioner's and the one bed's calendars then."""
        from_minute = minute_of(start)
        rows = session.exec(
            select(DiaryEntry).where(
                DiaryEntry.from_minute < from_minute + 45,
                DiaryEntry.to_minute > from_minute,
                col(DiaryEntry.calendar_id).in_(self.calendars(session)),
            )
        ).all()
        now = minute_of(self.clock.at)
        return all(
            (row.held_until is not None and row.held_until <= now)
            or (but is not None and row.hold_id is not None and row.hold_id == but.hold_id)
            for row in rows
        )

    def calendars(self, session: Session) -> list[int]:
        return [
            row
            for kind in (Practitioner, Room)
            for row in session.exec(select(kind.calendar_id).where(kind.clinic_id == self.clinic))
        ]

    def keeps_rhythm(self, session: Session, entry: WaitlistEntry, start: datetime) -> bool:
        """Whether an offered time brings nothing off the pace that is on it now."""
        if entry.wants != "earlier":
            return True
        own = session.get_one(Appointment, entry.appointment_id)
        course = session.get_one(Course, own.course_id)
        sessions = courses.appointments_of(session, course)
        there = f"{day_of(start).isoformat()}{own.wall_time[10:]}"
        moved = [
            Appointment(**appointment.model_dump() | {"wall_time": there})
            if appointment is own
            else appointment
            for appointment in sessions
        ]
        stood, stands = (adherence.pace_status(course, those) for those in (sessions, moved))
        return adherence.newly_violated(stood, stands) == []

    def other_days(self, session: Session, entry: WaitlistEntry) -> set[date]:
        """The days of a patient's appointments, except the one that should be earlier."""
        rows = session.exec(
            select(Appointment).where(
                Appointment.patient_id == entry.patient_id,
                Appointment.state != AppointmentState.CANCELLED,
            )
        )
        return {day_of(row.starts_at) for row in rows if row.id != entry.appointment_id}

    def surely_suits(self, session: Session, entry: WaitlistEntry, start: datetime) -> bool:
        """Whether a time certainly suits, computed independently; never for a whole course."""
        day = day_of(start)
        had = session.exec(
            select(Offer.id).where(
                Offer.entry_id == entry.id,
                Offer.starts_at == start,
                Offer.state != OfferState.WITHDRAWN,
            )
        ).first()
        own = session.get(Appointment, entry.appointment_id or 0)
        return (
            entry.wants != "course"
            and had is None
            and start - self.clock.at > NOTICE
            and (not entry.weekdays or day.weekday() in entry.weekdays)
            and day not in self.other_days(session, entry)
            and (own is None or self.keeps_all(session, own, start))
        )

    def keeps_all(self, session: Session, own: Appointment, start: datetime) -> bool:
        """Whether all of a course is at its pace with one session at an earlier time."""
        course = session.get_one(Course, own.course_id)
        sessions = courses.appointments_of(session, course)
        if any(appointment.state == AppointmentState.CANCELLED for appointment in sessions):
            return False
        days = [
            day_of(start if appointment is own else appointment.starts_at)
            for appointment in sessions
        ]
        meant = adherence.meant_phases(course, sessions)
        return (
            start < own.starts_at
            and days == sorted(set(days))
            and violations(meant, [day.toordinal() for day in days]) == []
        )


def _rank(entry: WaitlistEntry) -> tuple[int, datetime, int]:
    return -entry.need, entry.entered_at, stored_id(entry.id)


@pytest.mark.slow
def test_any_history_keeps_its_promises(database: Database) -> None:
    class Here(Waitlist):
        def __init__(self) -> None:
            super().__init__(database)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=30, deadline=None, derandomize=True
        ),
    )
