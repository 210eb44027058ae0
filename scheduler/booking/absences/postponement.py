"""Postpones whole courses if an appointment inside an absence has no other time.

Tried on the calendar after `relocation` and under the same conditions: the caller rolls it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import Session

from scheduler.booking.availability import allocation, diary, requested_times
from scheduler.booking.availability.allocation import Allocation, SessionsTaken
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.search import Resources
from scheduler.booking.courses import (
    adherence,
    courses,
    placement,
    replanning,
    reschedule_options,
    rescheduling,
)
from scheduler.booking.courses.adherence import BreaksPace, ChangePolicy
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.booking.pace.pace import Gaps, pace_of
from scheduler.booking.pace.refusals import NoPlan
from scheduler.booking.pace.wishes import Opening
from scheduler.booking.planning import fact_json
from scheduler.booking.planning.fact_json import Refusal
from scheduler.booking.planning.no_plan import ExplainedNoPlan
from scheduler.clinic import hours
from scheduler.infra.errors import Invalid, Problem
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True)
class Rest:
    """The appointments of a course from one on, in order, with a later time for each.

    `weeks`: how many weeks later all of them are, at the same hours and with the same
    practitioners; None if they were replanned.
    """

    course_id: int
    sessions: Sequence[Appointment]
    seats: Mapping[int, Allocation]
    weeks: int | None


def postpone(
    session: Session,
    stuck: Sequence[Appointment],
    seats: Mapping[int, Allocation],
    *,
    until: datetime,
    now: datetime,
) -> tuple[list[Rest], dict[int, Problem]]:
    """Postpone each course from its first appointment that has no time, on the calendar itself.

    Also returns, by course id, why a course cannot be postponed. `seats`: the new times of other
    appointments, by id. `until`: the end of the absence.
    """
    first: dict[int, Appointment] = {}
    for appointment in sorted(stuck, key=lambda one: one.starts_at):
        first.setdefault(appointment.course_id, appointment)
    attempts = [_Attempt(session, appointment, seats, until, now) for appointment in first.values()]
    # The course that ends last moves first and makes room for the others.
    attempts.sort(
        key=lambda attempt: (attempt.rest[-1].starts_at, attempt.rest[-1].id), reverse=True
    )
    rests: list[Rest] = []
    refused: dict[int, Problem] = {}
    for attempt in attempts:
        course_id = stored_id(attempt.course.id)
        with session.begin_nested() as nested:
            try:
                rests.append(attempt.make())
            except (NoPlan, SessionsTaken, BreaksPace, Invalid) as problem:
                nested.rollback()
                refused[course_id] = problem
    return rests, refused


def refusal_json(problem: Problem) -> dict[str, Any]:
    """Why a course cannot be postponed: the facts of the error, or its sentence if it has none."""
    match problem:
        case ExplainedNoPlan():
            return {"no_plan": fact_json.REFUSAL.dump(Refusal.of(problem))}
        case BreaksPace():
            found = problem.violations
            return {"violations": [fact_json.VIOLATION.dump(violation) for violation in found]}
        case SessionsTaken():
            return {"taken": True}
        case _:
            return {"sentence": problem.sentence}


class _Attempt:
    """Postpones one course from its first session without a place."""

    def __init__(
        self,
        session: Session,
        first: Appointment,
        seats: Mapping[int, Allocation],
        until: datetime,
        now: datetime,
    ) -> None:
        self.session, self.now = session, now
        self.course = session.get_one(Course, first.course_id)
        self.resources: Resources = rescheduling.resources_of(session, self.course)
        self.patient = session.get_one(Patient, first.patient_id)
        self.siblings = courses.appointments_of(session, self.course)
        self.rest = rescheduling.rest_of(session, self.course, from_number=first.number, now=now)
        own = {stored_id(sibling.id) for sibling in self.siblings} - {
            stored_id(appointment.id) for appointment in self.rest
        }
        self.placed = {key: _opening(seats[key], self.resources) for key in own if key in seats}
        self.weeks = max(1, -((first.starts_at - until) // WEEK))

    def make(self) -> Rest:
        """Whole weeks at the same hours, unless that loses more of the pace than it need."""
        diary.free(
            self.session, appointment_ids=[stored_id(appointment.id) for appointment in self.rest]
        )
        tolerance, same = self._tolerance(), self._at_same_hours()
        if same and self.weeks == 1 and tolerance:
            return self._take(same, self.weeks)  # nothing could lose less than a week
        try:
            planned = self._planned(same)
        except NoPlan:
            if not same:
                raise
            return self._take(same, self.weeks)
        later = _opening(same[0], self.resources).day - planned[0].day if same else WEEK
        if later <= tolerance * DAY:
            return self._take(same, self.weeks)
        wanted = [
            RequestedTime(
                appointment.number, instant_of(opening.starts_at), opening.practitioner_id
            )
            for appointment, opening in zip(self.rest, planned, strict=True)
        ]
        return self._take(self._seats(wanted), None)

    def _tolerance(self) -> int:
        """How many days more may pass without a loss: a pace by weeks counts weeks."""
        agreed = self.course.phases
        at = placement.phase_numbers(agreed, len(self.siblings))[self.rest[0].number - 1]
        pace = pace_of(agreed[at - 1]) if agreed else None
        return 0 if isinstance(pace, Gaps) and pace.days < WEEK.days else WEEK.days - 1

    def _planned(self, same: Sequence[Allocation]) -> list[Opening]:
        """The best replanned times on the present weekdays and hours.

        `same`: the postponement by whole weeks; a plan that ends later than it is useless.
        """
        last = _opening(same[-1], self.resources).day if same else None
        ids = {appointment.id for appointment in self.rest}
        kept = [
            self.placed.get(stored_id(sibling.id)) or replanning.opening_of(sibling, self.resources)
            for sibling in self.siblings
            if sibling.id not in ids
            # Cancelled appointments further on are not planned around, as in `replanning`.
            and (
                sibling.number < self.rest[0].number or sibling.state != AppointmentState.CANCELLED
            )
        ]
        now = [replanning.opening_of(appointment, self.resources) for appointment in self.rest]
        phases = adherence.cut_to(adherence.planned_phases(self.course), len(kept) + len(self.rest))

        def plan(start_on: date) -> list[Opening]:
            return replanning.plan_tail(
                self.session,
                self.course,
                kept,
                phases,
                wishes=reschedule_options.as_now(now, start_on),
                resources=self.resources,
                last=last,
                now=self.now,
            )

        try:
            return plan(now[0].day)
        except NoPlan:
            if same or self.weeks == 1:
                raise
            # A plan waits a month at most, unless it is asked to begin later.
            return plan(now[0].day + self.weeks * WEEK)

    def _at_same_hours(self) -> list[Allocation]:
        """The sessions whole weeks later at the same hour; empty if one of these times is taken."""
        days = self.weeks * WEEK.days
        try:
            return self._seats(
                [
                    rescheduling.shifted(appointment, days, self.resources, field="")
                    for appointment in self.rest
                ]
            )
        except (Invalid, SessionsTaken, BreaksPace):
            return []

    def _seats(self, wanted: Sequence[RequestedTime]) -> list[Allocation]:
        """Hands and beds there; refuses what confirming would: Unfit, SessionsTaken, BreaksPace."""
        ids = {appointment.id for appointment in self.rest}
        placed = {key: opening.day for key, opening in self.placed.items()}
        taken = {
            placed.get(stored_id(sibling.id), _day(sibling))
            for sibling in self.siblings
            if sibling.id not in ids and sibling.state != AppointmentState.CANCELLED
        }
        requested_times.check_requested(
            wanted, self.resources, now=self.now, taken_days=taken, field=""
        )
        seats = allocation.allocate(
            self.session, self.resources, wanted, patient=self.patient, now=self.now
        )
        days = {
            stored_id(appointment.id): _opening(seat, self.resources).day
            for appointment, seat in zip(self.rest, seats, strict=True)
        }
        before = adherence.pace_status(self.course, self.siblings)
        after = adherence.pace_status(self.course, self.siblings, instead={**placed, **days})
        adherence.check(adherence.newly_violated(before, after), ChangePolicy(allow_later=True))
        return seats

    def _take(self, seats: Sequence[Allocation], weeks: int | None) -> Rest:
        if not placement.claim(
            self.session, self.resources, self.rest, seats, patient=self.patient, now=self.now
        ):
            raise SessionsTaken([])
        pairs = zip(self.rest, seats, strict=True)
        by_id = {stored_id(appointment.id): seat for appointment, seat in pairs}
        return Rest(stored_id(self.course.id), self.rest, by_id, weeks)


def _opening(seat: Allocation, resources: Resources) -> Opening:
    wall = hours.wall(seat.starts_at, resources.zone)
    return Opening(*wall, seat.starts_at, seat.practitioner_id, seat.room_id)


def _day(appointment: Appointment) -> date:
    return date.fromisoformat(appointment.wall_time[:10])
