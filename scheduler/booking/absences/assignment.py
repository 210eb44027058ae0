"""Assigns as many appointments as possible to their candidate times. Pure.

Appointments are placed one by one at the cheapest free candidate, those with the fewest candidates
first. If all candidates of an appointment are taken, the appointments that block it try to move,
and so on recursively. Then the result is improved: to the optimum if there are few appointments,
else until `MOST_LOOKS` steps.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import or_
from typing import Any, NamedTuple

from scheduler.infra.intervals import Interval

MOST_LOOKS = 500
"""How many halves of an answer are looked at to better a first one: at most half a second or so."""

NO_PLACE = 10**12
"""Cost of leaving an appointment without a time. More than the cost of all candidates together."""


NO_TIME = Interval(0, 0)


class Take(NamedTuple):
    """A stretch of one exclusive resource: a practitioner's hands, or a patient."""

    of: Any
    span: Interval


@dataclass(frozen=True)
class Candidate:
    """One possible time of an appointment and its cost, for example in minutes.

    `rooms`: any one of these must be free during `stay`. Any hashable value may name a room.
    `seat`: a value of the caller, which `assign` does not read.
    """

    cost: int
    takes: tuple[Take, ...]
    stay: Interval = NO_TIME
    rooms: tuple[Any, ...] = ()
    seat: Any = None


class Assigned(NamedTuple):
    """One session's place and room."""

    place: Candidate
    room: Any


def assign(
    wanted: Sequence[Sequence[Candidate]], *, looks: int = MOST_LOOKS
) -> list[Assigned | None]:
    """The chosen candidate of each appointment, in the order of `wanted`; None without one.

    As many as possible are placed. Among such assignments the cost is minimal, unless `looks` ran
    out.
    """
    chosen: list[Assigned | None] = [None] * len(wanted)
    bits = _Bits(wanted)
    for numbers in _apart(bits):
        search = _AssignmentSearch(bits, numbers)
        search.fill()
        search.better(looks * len(numbers) // len(wanted))
        for number, seated in search.best.items():
            chosen[number] = seated
    return chosen


class _Bits:
    """All places, each a bit; of each session the cheapest has the lowest, to be found at once."""

    def __init__(self, wanted: Sequence[Sequence[Candidate]]) -> None:
        self.places: list[Candidate] = []
        self.own: list[int] = []
        for candidates in wanted:
            ordered = sorted(candidates, key=lambda candidate: candidate.cost)
            self.own.append((1 << len(ordered)) - 1 << len(self.places))
            self.places += ordered
        self.clash = _clashes([place.takes for place in self.places])
        self.near = _clashes(
            [tuple(Take(room, place.stay) for room in place.rooms) for place in self.places]
        )
        """Those that could want the same room at the same time"""


def _apart(bits: _Bits) -> list[list[int]]:
    """Groups of sessions. Sessions of different groups cannot conflict."""
    reach = [
        reduce(or_, (bits.clash[bit] | bits.near[bit] for bit in _bits(own)), 0) for own in bits.own
    ]
    groups: list[list[int]] = []
    left = set(range(len(bits.own)))
    while left:
        group = [min(left)]
        left.discard(group[0])
        for number in group:  # the list grows during the loop
            met = sorted(other for other in left if reach[number] & bits.own[other])
            group += met
            left -= set(met)
        groups.append(sorted(group))
    return groups


class _AssignmentSearch:
    """The best answer for some of the sessions."""

    def __init__(self, bits: _Bits, numbers: Sequence[int]) -> None:
        self.places, self.own, self.clash, self.near = bits.places, bits.own, bits.clash, bits.near
        self.numbers = numbers
        self.best: dict[int, Assigned] = {}
        self.least = len(numbers) * NO_PLACE + 1

    def fill(self) -> None:
        """The first assignment: the appointment with the fewest candidates left is next, then
        blockers."""
        seated: dict[int, int] = {}
        room: dict[int, Any] = {}
        left = set(self.numbers)
        free = self._all()
        while left:
            number = min(left, key=lambda one: ((self.own[one] & free).bit_count(), one))
            left.discard(number)
            self._first(number, seated, room)
            if number in seated:
                free &= ~self.clash[seated[number]]
        for number in self.numbers:
            if number not in seated:
                self._push(number, seated, room, {number})
        self._keep(seated, room)

    def better(self, looks: int) -> None:
        """Try all other answers that could cost less, the most promising first."""
        self.looks = looks
        self._try(set(self.numbers), self._all(), 0, {}, {})

    def _all(self) -> int:
        return reduce(or_, (self.own[number] for number in self.numbers), 0)

    def _first(self, number: int, seated: dict[int, int], room: dict[int, Any]) -> bool:
        for bit in _bits(self.own[number]):
            if any(self.clash[bit] >> other & 1 for other in seated.values()):
                continue
            if rooms := self._rooms(bit, seated, room):
                seated[number], room[number] = bit, rooms[0]
                return True
        return False

    def _push(
        self, number: int, seated: dict[int, int], room: dict[int, Any], moved: set[int]
    ) -> bool:
        """Seat a session by moving the one other session in its way to another place."""
        if self._first(number, seated, room):
            return True
        for bit in _bits(self.own[number]):
            there = [other for other in seated if self.clash[bit] >> seated[other] & 1]
            if not there:  # only its rooms are taken
                there = [other for other in seated if self.near[bit] >> seated[other] & 1]
            elif len(there) > 1:
                continue
            for other in there:
                if other in moved:
                    continue
                was = seated.pop(other), room.pop(other)
                if rooms := self._rooms(bit, seated, room):
                    seated[number], room[number] = bit, rooms[0]
                    moved.add(other)
                    if self._push(other, seated, room, moved):
                        return True
                    del seated[number], room[number]
                seated[other], room[other] = was
        return False

    def _try(
        self,
        left: set[int],
        free: int,
        cost: int,
        seated: dict[int, int],
        room: dict[int, Any],
    ) -> None:
        mine = {one: self.own[one] & free for one in left}
        if cost + sum(self._cheapest(candidates) for candidates in mine.values()) >= self.least:
            return
        if not left:
            self._keep(seated, room)
            return
        self.looks -= 1
        number = min(left, key=lambda one: (mine[one].bit_count(), one))
        rest = left - {number}
        for bit in _bits(mine[number]):
            for which in self._rooms(bit, seated, room):
                if self.looks <= 0:
                    return
                seated[number], room[number] = bit, which
                price = cost + self.places[bit].cost
                self._try(rest, free & ~self.clash[bit], price, seated, room)
                del seated[number], room[number]
        self._try(rest, free, cost + NO_PLACE, seated, room)

    def _cheapest(self, candidates: int) -> int:
        return (
            self.places[(candidates & -candidates).bit_length() - 1].cost
            if candidates
            else NO_PLACE
        )

    def _rooms(self, bit: int, seated: dict[int, int], room: dict[int, Any]) -> list[Any]:
        """The rooms of a place that none of those seated is in; a nameless one if it needs none."""
        place = self.places[bit]
        if not place.rooms:
            return [None]
        taken = {room[other] for other, there in seated.items() if self.near[bit] >> there & 1}
        return [room_name for room_name in place.rooms if room_name not in taken]

    def _keep(self, seated: dict[int, int], room: dict[int, Any]) -> None:
        cost = sum(self.places[bit].cost for bit in seated.values())
        cost += NO_PLACE * (len(self.numbers) - len(seated))
        if cost < self.least:
            self.least = cost
            self.best = {
                number: Assigned(self.places[bit], room[number]) for number, bit in seated.items()
            }


def _clashes(taken: Sequence[Sequence[Take]]) -> list[int]:
    """For each place those, as bits, that take a minute of the same thing; itself among them."""
    # A candidate may take the same resource more than once; each stretch is checked.
    of: dict[Any, list[list[tuple[int, Interval]]]] = defaultdict(list)
    for bit, takes in enumerate(taken):
        times: dict[Any, int] = defaultdict(int)
        for resource, span in takes:
            if times[resource] == len(of[resource]):
                of[resource].append([])
            of[resource][times[resource]].append((bit, span))
            times[resource] += 1
    clash = [1 << bit for bit in range(len(taken))]
    for spans in of.values():
        for entries in spans:
            begin = sorted((span.start, bit) for bit, span in entries)
            end = sorted((span.end, bit) for bit, span in entries)
            begun = [0, *accumulate((1 << bit for _, bit in begin), or_)]
            ended = [0, *accumulate((1 << bit for _, bit in end), or_)]
            starts, ends = [minute for minute, _ in begin], [minute for minute, _ in end]
            for bit, span in (entry for group in spans for entry in group):
                before = begun[bisect_left(starts, span.end)]
                clash[bit] |= before & ~ended[bisect_right(ends, span.start)]
    return clash


def _bits(mask: int) -> list[int]:
    bits = []
    while mask:
        lowest = mask & -mask
        bits.append(lowest.bit_length() - 1)
        mask ^= lowest
    return bits
