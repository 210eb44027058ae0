"""Chooses practitioner, weekdays and time of a course among its best days. Pure.

`date_search` returns a graph: each session has days, and each day the days that may come before
it. Every path is a course that is equally good by its days. Three filters follow: the fewest
sessions with other than one practitioner, then on other than one set of weekdays, then at other
than one wall time; the least sum of starts decides last. Each filter tries every candidate
(practitioner, set of weekdays, time) by the shortest path through the graph, and passes on only
the graph of the shortest paths. So all ties stay open for the next filter, and the result is exact.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import combinations, product
from typing import TypeVar

from scheduler.booking.pace.date_search import State, Ways
from scheduler.booking.pace.wishes import Opening
from scheduler.infra.intervals import Minute

_Key = TypeVar("_Key")
_Costs = Mapping[int, int]
_Graph = tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]
"""For each session its days, each with the indexes of the days that may come before it."""

# The cost of a session in one integer: the high bits count sessions with another practitioner, the
# middle bits sessions at another time, the low bits add up minutes.
_PERSON, _TIME = 1 << 50, 1 << 40


def choose(ways: Ways, admissible: Mapping[int, Sequence[Opening]], densest: int) -> list[Opening]:
    """The openings of the best course, in order.

    `admissible` has the openings of each day that miss the fewest wishes. `densest` is the size of
    the common set of weekdays.
    """
    base = min(opening.starts_at for offered in admissible.values() for opening in offered)
    days = {day: _Day(day, offered, base) for day, offered in admissible.items()}
    people = sorted({person for day in days.values() for person in day.by_person})
    weekdays = sorted({day.weekday for day in days.values()})
    patterns = [
        frozenset(combination)
        for combination in combinations(weekdays, min(densest, len(weekdays)))
    ]

    graph = _index(ways)
    same_person = _best(
        (graph, person, {key: int(person not in day.by_person) for key, day in days.items()})
        for person in people
    )
    off = [{key: int(day.weekday not in on) for key, day in days.items()} for on in patterns]
    same_days = _best(
        (graph, person, costs) for (graph, person), costs in product(same_person, off)
    )
    graph, person, minute = _at_one_time(same_days, days)
    return [days[day].pick(person, minute) for day in _first_way(graph)]


class _Day:
    """The openings of one day, with the earliest start for each practitioner and time."""

    def __init__(self, day: int, offered: Sequence[Opening], base: Minute) -> None:
        self.weekday = date.fromordinal(day).weekday()
        self.offered = offered
        self.earliest = min(opening.starts_at for opening in offered) - base
        self.by_person: dict[int, int] = {}
        self.by_time: dict[int, int] = {}
        self.by_both: dict[tuple[int, int], int] = {}
        for _, minute, starts_at, person, _ in offered:
            after = starts_at - base
            _keep_least(self.by_person, person, after)
            _keep_least(self.by_time, minute, after)
            _keep_least(self.by_both, (person, minute), after)

    def cost(self, person: int, minute: int) -> int:
        """The least cost of a session on this day, given the common practitioner and time."""
        if (after := self.by_both.get((person, minute))) is not None:
            return after
        if (after := self.by_person.get(person)) is not None:
            return _TIME + after
        if (after := self.by_time.get(minute)) is not None:
            return _PERSON + after
        return _PERSON + _TIME + self.earliest

    def times_with(self, person: int) -> Iterable[int]:
        """The times that this practitioner has on the day; all times if none."""
        if person not in self.by_person:
            return self.by_time
        return [minute for other, minute in self.by_both if other == person]

    def pick(self, person: int, minute: int) -> Opening:
        """The cheapest opening; of equals, the earliest, then the lowest practitioner and room."""
        return min(
            self.offered,
            key=lambda opening: (
                opening.practitioner_id != person,
                opening.minute != minute,
                opening[2:],
            ),
        )


def _at_one_time(
    same_days: list[tuple[_Graph, int]], days: Mapping[int, _Day]
) -> tuple[_Graph, int, int]:
    """The best ways, their common practitioner and the common time with the fewest exceptions."""
    candidates = sorted(
        (fewest, place, minute)
        for place, (graph, person) in enumerate(same_days)
        for minute, fewest in _fewest_elsewhere(graph, person, days).items()
    )
    best: tuple[int, _Graph, int, int] | None = None
    for fewest, place, minute in candidates:
        graph, person = same_days[place]
        if best is not None and fewest > best[0] % _PERSON // _TIME:
            break
        costs = {day: days[day].cost(person, minute) for day in _days_of(graph)}
        totals = _totals(graph, costs)
        total = min(totals[-1])
        if best is None or total < best[0]:
            best = (total, _cheapest(graph, costs, totals), person, minute)
    assert best is not None  # noqa: S101 - there is a day in every layer and a time on every day
    return best[1:]


def _fewest_elsewhere(graph: _Graph, person: int, days: Mapping[int, _Day]) -> dict[int, int]:
    """For each time, a lower bound of the sessions that cannot be at it on any way."""
    possible = Counter(
        minute
        for layer in graph
        for minute in {minute for day, _ in layer for minute in days[day].times_with(person)}
    )
    return {minute: len(graph) - sessions for minute, sessions in possible.items()}


def _index(ways: Ways) -> _Graph:
    places: dict[State, int] = {}
    layers = []
    for layer in ways:
        layers.append(
            tuple((state[1], tuple(places[earlier] for earlier in layer[state])) for state in layer)
        )
        places = {state: place for place, state in enumerate(layer)}
    return tuple(layers)


def _best(candidates: Iterable[tuple[_Graph, _Key, _Costs]]) -> list[tuple[_Graph, _Key]]:
    """The candidates with the cheapest way of all, each reduced to its cheapest ways."""
    least: int | None = None
    kept: list[tuple[_Graph, _Key, _Costs, list[list[int]]]] = []
    for graph, key, costs in candidates:
        totals = _totals(graph, costs)
        total = min(totals[-1])
        if least is None or total < least:
            least, kept = total, []
        if total == least:
            kept.append((graph, key, costs, totals))
    # Two sets of weekdays often lead to the same cheapest plan.
    found = {(_cheapest(graph, costs, totals), key): None for graph, key, costs, totals in kept}
    return list(found)


def _totals(graph: _Graph, costs: _Costs) -> list[list[int]]:
    """The least cost of a way up to each day of each session."""
    totals: list[list[int]] = []
    before: list[int] = []
    for layer in graph:
        before = [
            costs[day] + (min([before[place] for place in places]) if places else 0)
            for day, places in layer
        ]
        totals.append(before)
    return totals


def _cheapest(graph: _Graph, costs: _Costs, totals: list[list[int]]) -> _Graph:
    """The graph of the cheapest ways only."""
    least = min(totals[-1])
    wanted = [place for place, total in enumerate(totals[-1]) if total == least]
    layers = []
    for number in range(len(graph) - 1, -1, -1):
        rows = []
        for place in wanted:
            day, places = graph[number][place]
            rest = totals[number][place] - costs[day]
            rows.append(
                (day, [earlier for earlier in places if totals[number - 1][earlier] == rest])
            )
        wanted = sorted({place for _, places in rows for place in places})
        renumbered = {place: index for index, place in enumerate(wanted)}
        layers.append(
            tuple((day, tuple(renumbered[earlier] for earlier in places)) for day, places in rows)
        )
    return tuple(reversed(layers))


def _days_of(graph: _Graph) -> set[int]:
    return {day for layer in graph for day, _ in layer}


def _first_way(graph: _Graph) -> list[int]:
    days = []
    place = 0
    for layer in reversed(graph):
        day, places = layer[place]
        days.append(day)
        place = places[0] if places else 0
    return days[::-1]


def _keep_least(table: dict[_Key, int], key: _Key, value: int) -> None:
    if value < table.get(key, value + 1):
        table[key] = value
