"""A whole course out of free openings: the best there is, found exactly. Pure.

Hard: the pace of each phase (booking/paces.py), its weekdays and rest days, one session a day.
What is minimised, each only among what is best by all before it:

1. days lost against the pace: whole weeks that the course or a later phase begins late, days by
   which a gap of `every_days` is stretched, and for each place left empty in a week its share of
   that week (3.5 days at 2 a week);
2. sessions outside the wishes for weekday, hours or practitioner, then wishes missed, summed;
3. unevenness: the sum of squared distances, in days, of each gap from the ideal one, and of each
   later phase's first day from the earliest that the pace before it allows;
4. the first day;
5. sessions not with one same practitioner;
6. sessions not on one same set of weekdays, as many as the densest pace needs in a week;
7. sessions not at one same wall time;
8. the sum of all starts.

The first four depend on days alone (booking/dates.py). The rest is decided among all days that
are best so far, for each practitioner, set of weekdays and wall time that could be the common one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, product
from math import ceil
from operator import itemgetter
from typing import NamedTuple, TypeVar

from scheduler.booking import compromises, dates
from scheduler.booking.compromises import Compromise, Opening, Wishes
from scheduler.booking.dates import NoPlan, State, Ways
from scheduler.booking.paces import breaks, departures, pace_of
from scheduler.clinic.phases import Phase
from scheduler.intervals import Minute

T = TypeVar("T")

__all__ = [
    "Compromise",
    "NoPlan",
    "Opening",
    "Plan",
    "PlannedSession",
    "Wishes",
    "breaks",
    "neighbours",
    "plan",
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
    if not phases:
        return Plan(())
    offers: dict[int, list[Opening]] = defaultdict(list)
    for opening in openings:
        if wishes.start_on <= opening.day <= until:
            offers[opening.day.toordinal()].append(opening)
    missed = {day: min(map(wishes.missed_by, offered)) for day, offered in offers.items()}
    ways = dates.best(phases, missed, wishes.start_on.toordinal(), until.toordinal())
    admissible = {
        day: [opening for opening in offers[day] if wishes.missed_by(opening) == missed[day]]
        for layer in ways
        for _, day, _ in layer
    }
    chosen = _choose(ways, admissible, _densest(phases))
    phase_of = [number for number, phase in enumerate(phases, 1) for _ in range(phase.sessions)]
    sessions = tuple(
        PlannedSession(number, phase, opening)
        for number, (phase, opening) in enumerate(zip(phase_of, chosen, strict=True), start=1)
    )
    return Plan(sessions, compromises.name(phases, chosen, offers, wishes))


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
    tolerated = {(each.kind, each.number) for each in departures(phases, days)}
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
                (each.kind, each.number) for each in departures(phases, moved)
            )
        if fits[opening.day]:
            found.append(opening)
    found.sort(key=lambda opening: (abs(opening.starts_at - now.starts_at), opening))
    return found[:limit]


# A course's cost in one number: sessions with another practitioner, then on another weekday,
# then at another time, then the minutes from the first opening, summed.
_PRACTITIONER, _WEEKDAY, _TIME = 1 << 60, 1 << 50, 1 << 40


def _choose(ways: Ways, admissible: Mapping[int, Sequence[Opening]], densest: int) -> list[Opening]:
    """The openings of the course that is best by all that days alone do not decide."""
    base = min(opening.starts_at for offered in admissible.values() for opening in offered)
    days = {day: _Day(day, offered, base) for day, offered in admissible.items()}
    graph = _index(ways)
    practitioners = sorted({who for day in days.values() for who in day.by_practitioner})
    weekdays = sorted({day.weekday for day in days.values()})
    patterns = [frozenset(each) for each in combinations(weekdays, min(densest, len(weekdays)))]
    times = sorted({minute for day in days.values() for minute in day.by_time})

    # What cannot be the common practitioner, then the common weekdays, need not be tried further.
    likely = _least(
        practitioners,
        lambda who: _cheapest(graph, {key: day.other(who) for key, day in days.items()})[0],
    )
    pairs = _least(
        list(product(likely, patterns)),
        lambda pair: _cheapest(graph, {key: day.coarse(*pair) for key, day in days.items()})[0],
    )
    _, course, who, minute = min(
        (
            (
                *_cheapest(graph, {key: day.fine(*pair, minute) for key, day in days.items()}),
                pair[0],
                minute,
            )
            for pair in pairs
            for minute in times
        ),
        key=itemgetter(0),
    )
    return [days[day].pick(who, minute) for day in course]


class _Day:
    """The openings of one day that a best course may use, by what they could have in common."""

    def __init__(self, day: int, offered: Sequence[Opening], base: Minute) -> None:
        self.weekday = date.fromordinal(day).weekday()
        self.base = base
        self.offered = offered
        self.earliest = min(opening.starts_at for opening in offered) - base
        self.by_practitioner: dict[int, int] = {}
        self.by_time: dict[int, int] = {}
        self.by_both: dict[tuple[int, int], int] = {}
        for _, minute, starts_at, who, _ in offered:
            after = starts_at - base
            _keep_least(self.by_practitioner, who, after)
            _keep_least(self.by_time, minute, after)
            _keep_least(self.by_both, (who, minute), after)

    def other(self, who: int) -> int:
        return 0 if who in self.by_practitioner else 1

    def coarse(self, who: int, pattern: frozenset[int]) -> int:
        other = 0 if who in self.by_practitioner else _PRACTITIONER
        return other if self.weekday in pattern else other + _WEEKDAY

    def fine(self, who: int, pattern: frozenset[int], minute: int) -> int:
        cost = 0 if self.weekday in pattern else _WEEKDAY
        if (after := self.by_both.get((who, minute))) is not None:
            return cost + after
        if (after := self.by_practitioner.get(who)) is not None:
            return cost + _TIME + after
        cost += _PRACTITIONER
        if (after := self.by_time.get(minute)) is not None:
            return cost + after
        return cost + _TIME + self.earliest

    def pick(self, who: int, minute: int) -> Opening:
        """The opening whose cost `fine` gives; of equals the lowest practitioner and room."""
        return min(
            self.offered,
            key=lambda each: (
                each.practitioner_id != who,
                each.minute != minute,
                each.starts_at,
                each,
            ),
        )


_Graph = list[
    list[tuple[int, list[int]]]
]  # per session: the days, each with where it may come from


def _index(ways: Ways) -> _Graph:
    places: dict[State, int] = {}
    graph: _Graph = []
    for layer in ways:
        graph.append(
            [(state[1], [places[each] for each in before]) for state, before in layer.items()]
        )
        places = {state: place for place, state in enumerate(layer)}
    return graph


def _cheapest(graph: _Graph, cost_of: Mapping[int, int]) -> tuple[int, list[int]]:
    """The least cost of a way through the graph, and its days."""
    costs: list[int] = []
    trail: list[list[int]] = []
    for layer in graph:
        came = [min(before, key=costs.__getitem__) if before else -1 for _, before in layer]
        costs = [
            cost_of[day] + (costs[place] if place >= 0 else 0)
            for (day, _), place in zip(layer, came, strict=True)
        ]
        trail.append(came)
    least = min(costs)
    place = costs.index(least)
    days = []
    for layer, came in zip(reversed(graph), reversed(trail), strict=True):
        days.append(layer[place][0])
        place = came[place]
    return least, days[::-1]


def _densest(phases: Sequence[Phase]) -> int:
    """On how many weekdays the fastest phase comes in a week."""
    return min(
        7, max(ceil(7 / pace_of(phase).ideal) if phase.sessions > 1 else 1 for phase in phases)
    )


def _least(candidates: list[T], cost: Callable[[T], int]) -> list[T]:
    costs = [cost(each) for each in candidates]
    least = min(costs)
    return [each for each, its in zip(candidates, costs, strict=True) if its == least]


def _keep_least(table: dict[T, int], key: T, value: int) -> None:
    if value < table.get(key, value + 1):
        table[key] = value
