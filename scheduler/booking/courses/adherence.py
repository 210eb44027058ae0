"""Whether a course keeps its pace, and the accepted reason for each violation.

Sessions are numbered by time, cancelled ones among them: a cancelled session keeps its place in the
course, so that the others are judged as what they are. A make-up session is one more at the end.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from itertools import pairwise

from scheduler.booking.availability.limits import NO_PERMIT, Permit
from scheduler.booking.models import (
    Appointment,
    AppointmentState,
    Course,
    CourseState,
)
from scheduler.booking.pace.pace import Within, pace_of
from scheduler.booking.pace.violations import (
    CrowdedWindow,
    PaceViolation,
    SlowerPace,
    violations,
)
from scheduler.booking.stored_values import PaceException
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Conflict
from scheduler.storage.database import stored_id

LATER = frozenset({"late", "short", "gap"})
"""Violations that make a course slower than its pace, as shifting and skipping do."""

UNCHANGED: Mapping[int, date] = {}

OF_THE_DAY = frozenset({"weekday"})
"""Violations that concern a single session, whatever the others do."""


class BreaksPace(Conflict):
    sentence = "This would break the pace of the course."

    slug = "breaks-pace"

    def __init__(self, found: Sequence[PaceViolation]) -> None:
        super().__init__()
        self.violations = found


@dataclass(frozen=True)
class ChangePolicy:
    """Why a course is changed, and which pace violations the change may cause.

    `override_reason`: why the pace may be violated; empty keeps the pace. `allow_later`: the change
    may make the course slower. `restore`: an earlier state returns, whatever the pace and notices.
    `label`: the reason to record if the actor gave none. `permit`: the soft limits of the calendar
    that the change may pass.
    """

    reason: str = ""
    override_reason: str = ""
    allow_later: bool = False
    restore: bool = False
    label: str = "a session was moved"
    permit: Permit = NO_PERMIT

    @property
    def why(self) -> str:
        """The reason that the actor gave, if any."""
        return self.override_reason or self.reason


@dataclass(frozen=True)
class PaceStatus:
    """The days of a course as sorted ordinals, and where they violate its pace."""

    days: Sequence[int]
    violations: Sequence[PaceViolation]


def off_pace(
    course: Course,
    sessions: Sequence[Appointment],
    *,
    instead: Mapping[int, date] = UNCHANGED,
) -> list[PaceViolation]:
    """Where the dates of a course violate its agreed pace.

    `instead`: by appointment id, another day on which to judge the appointment.
    """
    if course.state == CourseState.CANCELLED:
        return []
    day = partial(_day, instead=instead)
    places = sorted(
        sessions,
        key=lambda appointment: (day(appointment), appointment.wall_time[11:], appointment.number),
    )
    meant = meant_phases(course, sessions)
    found = violations(meant, [day(place) for place in places])
    there = [place for place in places if place.state != AppointmentState.CANCELLED]
    if len(there) == len(places):
        return found
    # A cancelled appointment must not make the others look too fast: judge them without it too.
    without = violations(meant, [day(appointment) for appointment in there])
    alone = [(violation.kind, there[violation.number - 1].number) for violation in without]
    return [
        violation for violation in found if _counts(violation, places[violation.number - 1], alone)
    ]


def pace_status(
    course: Course,
    sessions: Sequence[Appointment],
    *,
    instead: Mapping[int, date] = UNCHANGED,
) -> PaceStatus:
    """How the dates of a course compare with its pace; `instead` as in `off_pace`."""
    days = sorted(_day(appointment, instead) for appointment in sessions)
    return PaceStatus(days, off_pace(course, sessions, instead=instead))


def newly_violated(before: PaceStatus, after: PaceStatus) -> list[PaceViolation]:
    """The violations that a change brings, or makes worse."""
    were = {(violation.kind, violation.number): violation for violation in before.violations}
    gaps, gaps_after = _gaps(before.days), _gaps(after.days)
    return [
        violation
        for violation in after.violations
        if _is_worse(
            were.get((violation.kind, violation.number)),
            violation,
            gaps_after.get(violation.number, 0) - gaps.get(violation.number, 0),
        )
    ]


def day_keeps_pace(
    course: Course,
    sessions: Sequence[Appointment],
    one: Appointment,
    *,
    instead: Mapping[int, date] = UNCHANGED,
) -> Callable[[date], bool]:
    """A function that says whether an appointment could be on a day without a new violation.

    Never on the day of another appointment of the course. `instead` as in `off_pace`.
    """
    before = pace_status(course, sessions, instead=instead)
    others = {
        _day(appointment, instead)
        for appointment in sessions
        if appointment.id != one.id and appointment.state != AppointmentState.CANCELLED
    }

    @cache
    def fits(day: date) -> bool:
        there = {**instead, stored_id(one.id): day}
        return day.toordinal() not in others and not newly_violated(
            before, pace_status(course, sessions, instead=there)
        )

    return fits


def check(found: Sequence[PaceViolation], policy: ChangePolicy) -> None:
    """BreaksPace for violations that the terms of a change do not allow."""
    if policy.override_reason or policy.restore:
        return
    if refused := [
        violation for violation in found if not (policy.allow_later and violation.kind in LATER)
    ]:
        raise BreaksPace(refused)


def record_violations(
    course: Course, current: Sequence[PaceViolation], new: Collection[PaceViolation], *, reason: str
) -> None:
    """Keep the reason of each violation: the new ones have this one, the others theirs."""
    before = accepted_violations(course)
    course.pace_exceptions = [
        PaceException(
            kind=violation.kind,
            number=violation.number,
            reason=reason
            if violation in new
            else before.get((violation.kind, violation.number), reason),
        )
        for violation in current
    ]


def accepted_violations(course: Course) -> dict[tuple[str, int], str]:
    """The reason of each accepted violation, by kind and appointment number."""
    return {
        (exception.kind, exception.number): exception.reason for exception in course.pace_exceptions
    }


def planned_phases(course: Course) -> list[Phase]:
    """The phases of a course without the optional ones that no review has released."""
    return [phase for phase in course.phases if not phase.optional]


def with_more(planned: Sequence[Phase], extra: int) -> list[Phase]:
    """The same phases with additional sessions at the pace of the last phase."""
    if not extra or not planned:
        return list(planned)
    *others, last = planned
    pace = pace_of(last)
    if not isinstance(pace, Within):
        return [*others, replace(last, sessions=last.sessions + extra)]
    a_week = 7 / max(1.0, float(pace.ideal))
    per_week = min(7.0, float(int(a_week))) if a_week >= 1 else 1 / min(12, round(1 / a_week))
    return [*planned, Phase(sessions=extra, per_week=per_week, weekdays=last.weekdays)]


def meant_phases(course: Course, sessions: Sequence[Appointment]) -> list[Phase]:
    """The phases by which to judge the dates of a course, make-up sessions included."""
    planned = planned_phases(course)
    extra = sum(appointment.make_up for appointment in sessions)
    own = len(sessions) - extra
    if own > _sessions(planned):
        # With more sessions than planned, the optional phases must be among them.
        planned = course.phases
    return with_more(planned, min(extra, max(0, len(sessions) - _sessions(planned))))


def cut_to(planned: Sequence[Phase], sessions: int) -> list[Phase]:
    """The phases, shortened or extended to this number of sessions."""
    cut: list[Phase] = []
    left = sessions
    for phase in planned:
        if left > 0:
            cut.append(replace(phase, sessions=min(left, phase.sessions)))
        left -= phase.sessions
    return with_more(cut, max(0, left))


def _sessions(planned: Sequence[Phase]) -> int:
    return sum(phase.sessions for phase in planned)


def _day(appointment: Appointment, instead: Mapping[int, date]) -> int:
    """The ordinal of the local day of a session."""
    day = instead.get(appointment.id or 0) or date.fromisoformat(appointment.wall_time[:10])
    return day.toordinal()


def _counts(found: PaceViolation, at: Appointment, alone: Collection[tuple[str, int]]) -> bool:
    if found.kind in LATER | OF_THE_DAY:
        return at.state != AppointmentState.CANCELLED
    return any(kind == found.kind and number >= at.number for kind, number in alone)


def _is_worse(before: PaceViolation | None, after: PaceViolation, gap: int) -> bool:
    """Whether a violation is new, or worse than it was. `gap`: days more since the one before."""
    if before is None:
        return True
    if isinstance(before, SlowerPace) and isinstance(after, SlowerPace):
        return after.due[1] - after.due[0] > before.due[1] - before.due[0]
    return gap < 0 or _crowd(after) > _crowd(before)


def _crowd(violation: PaceViolation) -> int:
    """How many sessions a crowded window has."""
    return violation.count if isinstance(violation, CrowdedWindow) else 0


def _gaps(days: Sequence[int]) -> dict[int, int]:
    return {number: day - before for number, (before, day) in enumerate(pairwise(days), start=2)}
