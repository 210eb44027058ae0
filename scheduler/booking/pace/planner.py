"""A whole course out of free openings: the best there is, found exactly. Pure.

Hard: the pace of each phase (booking/paces.py), its weekdays and rest days, one session a day.
What is minimised, each only among what is best by all before it:

1. days lost against the pace: whole weeks that the course or a later phase begins late, whole
   weeks that a phase takes more than it should, days by which a gap of `every_days` is stretched;
   of equals, the fewest places left empty in the weeks of a phase before its last one;
2. sessions outside the wishes for weekday, hours or practitioner, then wishes missed, summed;
3. unevenness: the sum of squared distances, in days, of each gap from the ideal one, and of each
   later phase's first day from the earliest that the pace before it allows;
4. the first day;
5. sessions not with one same practitioner;
6. sessions not on one same set of weekdays, as many as the densest pace needs in a week;
7. sessions not at one same wall time;
8. the sum of all starts.

The first four depend on days alone (booking/dates.py). The rest is decided among all days that
are best so far, for each practitioner, set of weekdays and wall time that could be the common one
(booking/sameness.py).
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
    """A session of a plan; it and its phase are counted from 1."""

    number: int
    phase: int
    opening: Opening


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole course, in order, and what it does not keep."""

    sessions: tuple[PlannedSession, ...]
    compromises: tuple[Compromise, ...] = ()


def plan(
    phases: Sequence[Phase], openings: Iterable[Opening], wishes: Wishes, *, until: date
) -> Plan:
    """The best course in openings from the wished start to the last day, that day included.

    Optional phases are the caller's to leave out. Raises NoPlan, which names the session that
    cannot be placed.
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
    """The best end of a course of which the first sessions stay as they are.

    `phases` are those of the whole course, `kept` its first sessions in order, on the pace or off
    it. The answer has only the sessions after them, numbered as in the course, and what these do
    not keep. It is the best of all that lie after those kept and on or after the wished start, by
    the same order, in which those kept count too: the practitioner, weekdays and time of the most
    are of the whole course. Where the start is wished later than the pace asks, the rest may
    begin as much later. With nothing kept this is `plan`; with no session left it is empty.
    Raises NoPlan, with the number that the session has in the course.
    """
    if len(kept) >= sum(phase.sessions for phase in phases):
        return Plan(())
    offers: dict[int, list[Opening]] = defaultdict(list)
    first = max([wishes.start_on, *(each.day + timedelta(days=1) for each in kept)])
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
    """Other openings for one session that keep the pace as well as now, the others fixed.

    The nearest in time first. "As well" means that the dates break nothing that they do not
    break already.
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
    """On how many weekdays the fastest phase comes in a week."""
    return min(
        7, max(ceil(7 / pace_of(phase).ideal) if phase.sessions > 1 else 1 for phase in phases)
    )
