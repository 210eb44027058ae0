"""Plans the best course that the free openings allow, or proves that there is none. Pure.

Fixed: the pace of each phase (`pace`), its weekdays and rest days, one session per day.
Minimized, in this order:

1. days lost against the pace: whole weeks by which the course or a later phase begins late, whole
   weeks that a phase takes too long, days by which a gap of `every_days` is too long; then places
   left empty in the weeks of a phase, except the last week;
2. sessions that miss a wish for weekday, hours or practitioner; then missed wishes in total;
3. unevenness: the sum of the squared distances, in days, of each gap from the ideal gap, and of
   the first day of each later phase from the earliest day that the phase before it allows;
4. the first day;
5. sessions that are not with the most common practitioner;
6. sessions that are not on the most common weekdays, as many as the densest phase needs in a week;
7. sessions that are not at the most common wall time;
8. the sum of all starts.

The first four depend on days alone: `date_search` finds all days that are best by them. Among
these, `continuity` decides the rest for each practitioner, set of weekdays and wall time that could
be the common one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import NamedTuple

from scheduler.booking.pace import compromises, continuity, date_search
from scheduler.booking.pace.compromises import Compromise
from scheduler.booking.pace.pace import pace_of
from scheduler.booking.pace.refusals import NoPlan
from scheduler.booking.pace.violations import violations
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.clinic.phases import Phase

__all__ = [
    "Compromise",
    "NoPlan",
    "Opening",
    "Plan",
    "PlannedSession",
    "Wishes",
    "neighbours",
    "plan",
    "plan_rest",
]


class PlannedSession(NamedTuple):
    """A session of a plan. Its number and its phase count from 1."""

    number: int
    phase: int
    opening: Opening


@dataclass(frozen=True, slots=True)
class Plan:
    """The sessions of a course in order, and its compromises."""

    sessions: tuple[PlannedSession, ...]
    compromises: tuple[Compromise, ...] = ()


def plan(
    phases: Sequence[Phase], openings: Iterable[Opening], wishes: Wishes, *, until: date
) -> Plan:
    """The best course in openings from the wished start to `until`, both included.

    The caller leaves out optional phases that do not apply. Raises NoPlan, TooTangled.
    """
    return plan_rest(phases, (), openings, wishes, until=until)


def plan_rest(
    phases: Sequence[Phase],
    kept: Sequence[Opening],
    openings: Iterable[Opening],
    wishes: Wishes,
    *,
    until: date,
) -> Plan:
    """The best rest of a course whose first sessions stay as they are.

    `phases` are those of the whole course. `kept` are its first sessions in order; they need not
    keep the pace. The plan holds only the sessions after them, numbered as in the course, all of
    them after the kept ones and on or after the wished start. The kept sessions count when the most
    common practitioner, weekdays and time are chosen. If the wished start is later than the pace
    asks, the rest may begin as much later. With no session left the plan is empty.
    Raises NoPlan with the number of the session in the course, TooTangled.
    """
    if len(kept) >= sum(phase.sessions for phase in phases):
        return Plan(())
    offers: dict[int, list[Opening]] = defaultdict(list)
    first = max([wishes.start_on, *(opening.day + timedelta(days=1) for opening in kept)])
    for opening in openings:
        if first <= opening.day <= until and (not wishes.strict or wishes.allow(opening)):
            offers[opening.day.toordinal()].append(opening)
    missed = {day: min(map(wishes.missed_by, offered)) for day, offered in offers.items()}
    ways = date_search.best(
        phases,
        missed,
        wishes.start_on.toordinal(),
        until.toordinal(),
        [opening.day.toordinal() for opening in kept],
    )
    admissible = {opening.day.toordinal(): [opening] for opening in kept}
    admissible |= {
        day: [opening for opening in offers[day] if wishes.missed_by(opening) == missed[day]]
        for layer in ways[len(kept) :]
        for _, day, _ in layer
    }
    chosen = continuity.choose(ways, admissible, _densest(phases))
    phase_of = [number for number, phase in enumerate(phases, 1) for _ in range(phase.sessions)]
    sessions = tuple(
        PlannedSession(number, phase, opening)
        for number, (phase, opening) in enumerate(zip(phase_of, chosen, strict=True), start=1)
    )
    return Plan(
        sessions[len(kept) :],
        compromises.find(phases, chosen, offers, wishes, kept=len(kept)),
    )


def neighbours(
    planned: Plan,
    number: int,
    openings: Iterable[Opening],
    phases: Sequence[Phase],
    limit: int = 5,
) -> list[Opening]:
    """Other openings for one session, nearest first, while the other sessions stay.

    Only openings that bring no violation of the pace which the plan does not have already.
    """
    now = planned.sessions[number - 1].opening
    days = [session.opening.day.toordinal() for session in planned.sessions]
    tolerated = {(violation.kind, violation.number) for violation in violations(phases, days)}
    lowest = days[number - 2] if number > 1 else 0
    highest = days[number] if number < len(days) else date.max.toordinal()

    fits: dict[date, bool] = {}
    found = []
    for opening in openings:
        if opening == now:
            continue
        if opening.day not in fits:
            day = opening.day.toordinal()
            moved = [*days[: number - 1], day, *days[number:]]
            fits[opening.day] = lowest < day < highest and tolerated.issuperset(
                (violation.kind, violation.number) for violation in violations(phases, moved)
            )
        if fits[opening.day]:
            found.append(opening)
    found.sort(key=lambda opening: (abs(opening.starts_at - now.starts_at), opening))
    return found[:limit]


def _densest(phases: Sequence[Phase]) -> int:
    """How many weekdays the densest phase uses in a week."""
    return min(
        7, max(ceil(7 / pace_of(phase).ideal) if phase.sessions > 1 else 1 for phase in phases)
    )
