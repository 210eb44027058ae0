"""Finds the days of the best courses: all that are best by pace, wishes, evenness and start. Pure.

Dynamic programming over sessions. The rest of a course depends only on a small state: the day of
the last session, and the memory of its pace and caps. So each session needs one layer with the
cheapest way to each of its states, not all combinations of days. A cost is one integer with the
most important criterion in its highest bits (see `planner`), so that comparing integers compares
courses. Each layer keeps all ties, because `continuity` chooses among them. The search first allows
few lost days and then more, since nearly all courses lose none.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import isqrt, lcm
from typing import Any

from scheduler.booking.pace import session_caps
from scheduler.booking.pace.pace import (
    LATE_WEEKS,
    DayRange,
    Gaps,
    Pace,
    entries,
    opens,
    pace_of,
    soonest_in,
)
from scheduler.booking.pace.refusals import NoPlan, TooTangled
from scheduler.booking.pace.session_caps import Periods
from scheduler.clinic.phases import Phase

State = tuple[Hashable, int, int]
"""The anchor of the pace, the day, and the sessions so far in the current window of the pace.

If the course can reach a cap, the first part is a pair: the anchor, and the periods of the caps.
"""

Ways = list[dict[State, list[State]]]
"""For each session its states in the best courses, each with the states that may precede it."""

_Layer = dict[State, tuple[int, list[State]]]
_START_BITS = 8  # a course begins less than 256 days after the wished start
_MOST_EMPTY = 7 * (LATE_WEEKS + 1)  # places that can be left empty before one session
_NARROW_DAYS = 3
_ASK_AFTER = 7  # then check whether any course exists, which takes as long as one more budget
_BUDGETS_CAPPED = (0, 7)
"""A course that can reach a cap loses at most a week: more would take minutes to prove."""
_BUDGETS = (0, 7, 14, 28, 56, None)  # days lost; None is no limit


MOST_STATES = 150_000
"""The most states of a course that can reach a cap, before TooTangled: seconds, not minutes.

Published courses with caps need fewer than 2,000.
"""


@dataclass(frozen=True, slots=True)
class _Leg:
    """The pace that one session must keep, and the days that its phase may use."""

    phase: Phase
    pace: Pace
    left: int  # sessions of the phase from this one on
    opens: bool
    usable: list[int]


def best(
    phases: Sequence[Phase],
    free: Mapping[int, int],
    start: int,
    until: int,
    kept: Sequence[int] = (),
) -> Ways:
    """All best courses on free days.

    `free`: each free ordinal from `start` to `until` with the number of wishes (0 to 3) that it
    misses. `start`: the first wished day. `until`: the last day that is open for booking. `kept`:
    the days of the first sessions, if these stay as they are: in ascending order, before all free
    days, fewer than the sessions of the phases. Raises NoPlan, TooTangled.
    """
    search = _DateSearch(phases, free, start, kept)
    search.require_room_for_caps(until)
    budgets = _BUDGETS_CAPPED if search.caps.caps else _BUDGETS
    for budget in budgets:
        bound = search.most(budget)
        # A narrow search close to the ideal days finds a bound, often the optimum itself. The full
        # search then proves it, and the bound leaves little of it.
        narrow = search.layers(bound, _NARROW_DAYS * search.unit)
        if narrow[-1]:
            bound = min(cost for cost, _ in narrow[-1].values())
        layers = search.layers(bound, None)
        if layers[-1]:
            ways = _optimal(layers)
            return _after_kept(kept, ways) if kept else ways
        if budget == _ASK_AFTER and not search.caps.caps:
            search.require_some_plan(until)
        if budget == budgets[-1] and search.caps.caps:
            raise search.too_much_lost(layers, until)
    raise AssertionError("the last budget allows whatever is possible at all")


def soonest_end(phases: Sequence[Phase], free: Collection[int], start: int) -> int | None:
    """The earliest last day of a course that keeps the pace; None if there is no such course."""
    search = _DateSearch(phases, dict.fromkeys(free, 0), start, ())
    *_, states = search.reachable()
    return min((day for _, day, _ in states), default=None)


class _DateSearch:
    def __init__(
        self, phases: Sequence[Phase], free: Mapping[int, int], start: int, kept: Sequence[int]
    ) -> None:
        self.caps = session_caps.of(phases)
        self.begun = self.caps.over(kept)
        self.start = start if kept else opens(phases[0], max(start, self.caps.until(self.begun)))
        legs = list(_legs(phases, sorted(free)))
        self.kept = self._state(*_reached(phases, kept), self.begun) if kept else None
        # If sessions are kept, the search starts from the last of them.
        self.legs = legs[max(0, len(kept) - 1) :]
        self.number = len(legs) - len(self.legs) + 1
        self.patience = self._patience()
        self.searched: set[DayRange] = set()
        self.states_left = MOST_STATES
        self.unit = lcm(*(leg.pace.ideal.denominator for leg in self.legs))
        self.ideal = {leg.pace: int(leg.pace.ideal * self.unit) for leg in self.legs}
        # No gap is longer than the reach of the free days, so these bits hold any sum of squares.
        since = min(start, self.kept[1]) if self.kept else start
        reach = self.unit * (max(free, default=start) - since + 800)
        self.wish_shift = _START_BITS + (len(self.legs) * reach**2).bit_length()
        sessions_shift = self.wish_shift + (3 * len(self.legs)).bit_length()
        self.empty_shift = sessions_shift + len(self.legs).bit_length()
        most_empty = _MOST_EMPTY * len(self.legs) + self.patience
        self.lost_shift = self.empty_shift + most_empty.bit_length()
        self.wish_cost = {
            day: (missed << self.wish_shift) + ((missed > 0) << sessions_shift)
            for day, missed in free.items()
        }

    def most(self, lost_days: int | None) -> int:
        """An upper bound for the cost of a course that loses at most these days."""
        lost = 10_000 if lost_days is None else lost_days
        return ((lost + 1) << self.lost_shift) - 1

    def layers(self, bound: int, reach: int | None) -> list[_Layer]:
        """The cheapest way to each state of each session, up to a session without states.

        Skips states that cost more than the bound, and days farther than `reach` from the ideal.
        """
        layer = self._first(bound)
        layers = [layer]
        for before, leg in pairwise(self.legs):
            if not layer:
                break
            layer = self._next(layer, before, leg, bound, reach)
            self.states_left -= len(layer)
            layers.append(layer)
        return layers

    def _first(self, bound: int) -> _Layer:
        if self.kept:
            return {self.kept: (0, [])}
        first = self.legs[0]
        layer: _Layer = {}
        for stretch in entries(self.start):
            for day in _days_in(first.usable, stretch):
                cost = self._delay(stretch) + self.wish_cost[day] + day - self.start
                if cost <= bound:
                    layer[self._on(first, stretch, day, self.caps.before)] = (cost, [])
        return layer

    def _on(self, leg: _Leg, stretch: DayRange, day: int, before: Periods) -> State:
        anchor = leg.pace.begin(day) if stretch.anchor is None else stretch.anchor
        return self._state(anchor, day, stretch.filled, self.caps.after(before, day))

    def _state(self, anchor: int, day: int, filled: int, periods: Periods) -> State:
        return ((anchor, periods) if self.caps.caps else anchor, day, filled)

    def _memory(self, state: State) -> tuple[int, Periods]:
        memory: Any = state[0]
        return memory if self.caps.caps else (memory, ())

    def _next(
        self, layer: _Layer, before: _Leg, leg: _Leg, bound: int, reach: int | None
    ) -> _Layer:
        unit, wish_cost, begin, usable = self.unit, self.wish_cost, leg.pace.begin, leg.usable
        after, capped = self.caps.after, bool(self.caps.caps)
        following: _Layer = {}
        for state, (cost, _) in layer.items():
            _, periods = self._memory(state)
            target, stretches = self._moves(state, before, leg)
            for stretch in stretches:
                base = cost + self._delay(stretch)
                if base > bound:
                    break  # the stretches are in ascending order of delay
                # The unevenness of a day farther away would alone exceed the bound.
                far = isqrt((bound - base) >> _START_BITS) if reach is None else reach
                near = DayRange(
                    max(stretch.first, -((far - target) // unit)),
                    min(stretch.last, (target + far) // unit),
                    *stretch[2:],
                )
                for day in _days_in(usable, near):
                    uneven = day * unit - target
                    total = base + wish_cost[day] + (uneven * uneven << _START_BITS)
                    if total > bound:
                        continue
                    anchor = begin(day) if stretch.anchor is None else stretch.anchor
                    memory = (anchor, after(periods, day)) if capped else anchor
                    key = (memory, day, stretch.filled)
                    known = following.get(key)
                    if known is None or total < known[0]:
                        following[key] = (total, [state])
                    elif total == known[0]:
                        known[1].append(state)
            if capped and len(following) > self.states_left:
                raise TooTangled(field="phases")
        return following

    def _moves(self, state: State, before: _Leg, leg: _Leg) -> tuple[int, Iterator[DayRange]]:
        """The ideal day of the next session, in units, and the stretches it may lie in."""
        _, day, filled = state
        anchor, periods = self._memory(state)
        locked = self.caps.until(periods)
        patience = self.patience if state == self.kept else 0
        if leg.opens:
            soonest = max(before.pace.next_from(anchor, day), day + 1 + leg.phase.rest_days)
            earliest = max(opens(leg.phase, soonest), locked)
            return earliest * self.unit, entries(earliest, patience)
        if locked > day and locked > soonest_in(leg.pace, anchor, day, filled, leg.left):
            # The pace starts again when the period of the cap is over.
            return locked * self.unit, entries(locked, patience)
        target = day * self.unit + self.ideal[leg.pace]
        return target, leg.pace.stretches(anchor, day, filled, leg.left, patience)

    def _patience(self) -> int:
        """Extra days by which the rest may be late, because its start is wished later."""
        if self.kept is None:
            return 0
        return max(0, self.start - self.kept[1])

    def _delay(self, stretch: DayRange) -> int:
        return (stretch.lost << self.lost_shift) + (stretch.empty << self.empty_shift)

    def require_some_plan(self, until: int) -> None:
        """Raises NoPlan for the first session that no course can reach at any cost."""
        for number, states in enumerate(self.reachable(), start=self.number):
            if not states:
                raise _refusal(number, self.searched, until)

    def require_room_for_caps(self, until: int) -> None:
        """Raises NoPlan for the first session that the caps alone push beyond the last day."""
        for cap, (begun, _) in zip(self.caps.caps, self.begun, strict=True):
            if begun + cap.days > self.start or self.kept:
                continue  # the current period still has sessions left
            for place, leg in enumerate(self.legs):
                soonest = self.start + place // cap.sessions * cap.days
                if not leg.usable or leg.usable[-1] < soonest:
                    searched = {DayRange(soonest, soonest + 6, 0, 0, None, 1)}
                    raise _refusal(self.number + place, searched, until)

    def too_much_lost(self, layers: list[_Layer], until: int) -> NoPlan:
        """NoPlan for the first session that no layer reached."""
        soonest = self.start
        for state in layers[-2] if len(layers) > 1 else ():
            soonest = max(soonest, state[1] + 1, self.caps.until(self._memory(state)[1]))
        searched = {DayRange(soonest, soonest + 7 * LATE_WEEKS - 1, 0, 0, None, 1)}
        return _refusal(self.number + len(layers) - 1, searched, until)

    def reachable(self) -> Iterator[set[State]]:
        """The possible states of each session at any cost, up to a session without states."""
        start = {(stretch, self.caps.before) for stretch in entries(self.start)}
        states = {self.kept} if self.kept else self._on_days(self.legs[0], start)
        yield states
        for before, leg in pairwise(self.legs):
            if not states:
                return
            moves = {
                (stretch, self._memory(state)[1])
                for state in self._foremost(states, before)
                for stretch in self._moves(state, before, leg)[1]
            }
            states = self._on_days(leg, moves)
            yield states

    def _foremost(self, states: set[State], leg: _Leg) -> Iterable[State]:
        """States that together lead to everything that all of these states lead to.

        Of two states that differ only in the day, the earlier one is enough, unless gaps are exact
        or the next phase counts from this day.
        """
        if leg.left == 1 or isinstance(leg.pace, Gaps) or self.caps.caps:
            return states
        earliest: dict[tuple[Hashable, int], State] = {}
        for state in sorted(states, key=lambda state: -state[1]):
            earliest[state[0], state[2]] = state
        return earliest.values()

    def _on_days(self, leg: _Leg, moves: set[tuple[DayRange, Periods]]) -> set[State]:
        self.searched = {stretch for stretch, _ in moves}
        return {
            self._on(leg, stretch, day, periods)
            for stretch, periods in moves
            for day in _days_in(leg.usable, stretch)
        }


def _refusal(number: int, stretches: set[DayRange], until: int) -> NoPlan:
    first = min(stretch.first for stretch in stretches)
    last = max(stretch.last for stretch in stretches)
    return NoPlan(
        number,
        first=date.fromordinal(first),
        last=date.fromordinal(last),
        until=date.fromordinal(until),
    )


def _reached(phases: Sequence[Phase], kept: Sequence[int]) -> tuple[int, int, int]:
    """The state after the kept days, whether or not these keep the pace."""
    start = 0
    for phase in phases:
        if len(kept) <= start + phase.sessions:
            break
        start += phase.sessions
    anchor, filled = pace_of(phase).memory(kept[start:])
    return anchor, kept[-1], filled


def _after_kept(kept: Sequence[int], ways: Ways) -> Ways:
    """The ways of the rest, whose first layer is the last kept day, with the other kept days."""
    (last,) = ways[0]
    states = [*((0, day, 1) for day in kept[:-1]), last]
    chain: Ways = [{states[0]: []}]
    chain += [{state: [before]} for before, state in pairwise(states)]
    return [*chain, *ways[1:]]


def _legs(phases: Sequence[Phase], days: list[int]) -> Iterator[_Leg]:
    for phase in phases:
        usable = [
            day
            for day in days
            if not phase.weekdays or date.fromordinal(day).weekday() in phase.weekdays
        ]
        if phase.last_day:
            usable = usable[: bisect_right(usable, phase.last_day.toordinal())]
        pace = pace_of(phase)
        for index in range(phase.sessions):
            yield _Leg(phase, pace, phase.sessions - index, index == 0, usable)


def _days_in(usable: list[int], stretch: DayRange) -> list[int]:
    return usable[bisect_left(usable, stretch.first) : bisect_right(usable, stretch.last)]


def _optimal(layers: list[_Layer]) -> Ways:
    """The states on the cheapest ways to the last session."""
    least = min(cost for cost, _ in layers[-1].values())
    wanted = [state for state, (cost, _) in layers[-1].items() if cost == least]
    ways: Ways = []
    for layer in reversed(layers):
        ways.append({state: layer[state][1] for state in wanted})
        wanted = list(dict.fromkeys(state for state in wanted for state in layer[state][1]))
    ways.reverse()
    return ways
