"""Free starts: times at which practitioner, room and patient are all free. Pure.

Starts are counted from the beginning of each working stretch, in steps of the treatment. Stretches
whose starts are whole steps apart share a grid. Its starts are the bits of one integer: bit n is
the n-th start. A busy stretch rules out a run of neighboring starts, which is one shifted mask.
Practitioner, room and patient each give a mask, and the free starts are the bits that all masks
share. This needs one operation per busy stretch, however many weeks the span has, where a check per
start and stretch would need millions.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial, reduce
from itertools import pairwise
from operator import or_
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.booking.availability.limits import Limit
from scheduler.clinic.hours import MINUTES_PER_DAY, steady, wall
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import Interval, Minute, overlap, subtract

Stretch = tuple[Minute, Minute]
"""From a minute up to, not including, another; an Interval is one."""


class SessionShape(NamedTuple):
    """How long a session takes, in minutes, and which of them need the practitioner.

    `hands_on` are half-open stretches counted from the start: ((0, 15), (35, 40)). The
    practitioner is also taken for a buffer before and after each. The room is taken throughout,
    with setup before and turnover after. Starts are `step` minutes apart.
    """

    minutes: int
    hands_on: tuple[tuple[int, int], ...]
    turnover_minutes: int = 0
    step: int = 20
    setup_minutes: int = 0
    buffer_before: int = 0
    buffer_after: int = 0

    def hands(self) -> list[tuple[int, int]]:
        """When the practitioner is taken, with buffers: disjoint, in order, from the start on."""
        apart: list[tuple[int, int]] = []
        for opens, closes in sorted(self.hands_on):
            start, end = opens - self.buffer_before, closes + self.buffer_after
            if apart and start <= apart[-1][1]:
                apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
            else:
                apart.append((start, end))
        return apart

    def room(self) -> tuple[int, int]:
        """When the room is taken, counted from the start."""
        return -self.setup_minutes, self.minutes + self.turnover_minutes


class Break(NamedTuple):
    """A break of some minutes in a row within a window: a lunch, fixed or floating.

    `taken`: when sessions already need the practitioner in the window, in any order.
    """

    window: Interval
    minutes: int
    taken: Sequence[Stretch] = ()

    @property
    def fixed(self) -> bool:
        """Whether it fills its window."""
        return self.window.end - self.window.start <= self.minutes

    def left_by(self, hands: Iterable[Interval]) -> bool:
        """Whether the break still fits when these stretches are taken too."""
        gaps = subtract(self.window, [*(Interval(*stretch) for stretch in self.taken), *hands])
        return any(end - start >= self.minutes for start, end in gaps)


class PractitionerTime(NamedTuple):
    """When a practitioner works, and which of that time is taken, in any order.

    `full`: days on which the practitioner has reached the daily maximum.
    """

    practitioner_id: int
    working: Sequence[Interval]
    busy: Sequence[Stretch]
    breaks: Sequence[Break] = ()
    full: Sequence[Stretch] = ()
    limited: bool = False
    """Whether the practitioner has a daily maximum or a floating break."""
    begins: Sequence[Minute] = ()
    """The beginnings of shifts, in order, if closures have cut them since. Starts are counted from
    there, so that a closure moves no patient off the usual times."""
    planned: Sequence[Interval] = ()
    """The working time before closures and the end of a license cut it. Empty: nothing has."""
    licensed_until: Minute | None = None
    """The first minute without a license. None: beyond the search."""


class RoomTime(NamedTuple):
    """When a room is taken, setup and turnover included, in any order."""

    room_id: int
    busy: Sequence[Stretch]


class Taken:
    """The occupied time of one calendar, prepared for many questions."""

    def __init__(self, busy: Iterable[Stretch]) -> None:
        self._starts: list[Minute] = []
        self._ends: list[Minute] = []
        for start, end in sorted(busy):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            else:
                self._starts.append(start)
                self._ends.append(end)

    def clear(self, wanted: Interval) -> bool:
        """Whether a stretch is entirely free."""
        ending_later = bisect_right(self._ends, wanted.start)
        return ending_later == len(self._ends) or self._starts[ending_later] >= wanted.end


class Slot(NamedTuple):
    """A free start. It reserves nothing."""

    starts_at: Minute
    practitioner_id: int
    room_id: int


def free(
    span: Interval,
    shape: SessionShape,
    practitioners: Sequence[PractitionerTime],
    rooms: Sequence[RoomTime],
    *,
    zone: ZoneInfo,
    not_before: Minute = 0,
    patient_busy: Iterable[Stretch] = (),
) -> list[Slot]:
    """All free starts inside a span, sorted by start and practitioner.

    They are counted from the beginning of each working stretch, and again after a fixed break. Each
    start and practitioner appears once, with the first room that is free for the session, its
    setup and turnover. The session lies within one working stretch. The practitioner is free for
    the hands-on minutes and buffers, keeps the breaks and stays within the daily maximum. The
    patient is free for all minutes.
    """
    check_shape(shape)
    patient_busy = list(patient_busy)
    slots: list[Slot] = []
    begin = max(span.start, not_before)
    if begin >= span.end:
        return slots
    phases = _by_phase(practitioners, shape.step, zone)
    for piece, ahead in steady(Interval(begin, span.end), zone):
        for phase, counted in phases.items():
            grid = _Grid(piece, shape, phase - ahead)
            if grid.count:
                slots += _free_on(grid, counted, rooms, patient_busy)
    slots.sort()
    return slots


def broken(
    starts_at: Minute,
    shape: SessionShape,
    practitioner: PractitionerTime,
    rooms: Iterable[RoomTime],
    *,
    closed: Sequence[Interval] = (),
    patient_busy: Iterable[Stretch] = (),
    zone: ZoneInfo | None = None,
) -> set[Limit]:
    """The limits that a session with a practitioner in one of the rooms would break.

    `closed`: when the clinic is closed. `zone`: of the clinic; None accepts starts off the grid.
    """
    session = Interval(starts_at, starts_at + shape.minutes)
    opens, closes = shape.room()
    room = Interval(starts_at + opens, starts_at + closes)
    found = _broken_with(session, shape, practitioner)
    if any(overlap(room, span) for span in closed):
        found.add(Limit.CLOSED)
    if not _clear(patient_busy, session):
        found.add(Limit.PATIENT_TAKEN)
    if room_for(starts_at, shape, rooms) is None:
        found.add(Limit.ROOM_TAKEN)
    if (
        zone
        and Limit.OUTSIDE_HOURS not in found
        and not _on_grid(session, shape, practitioner, zone)
    ):
        found.add(Limit.OFF_GRID)
    return found


def _broken_with(
    session: Interval, shape: SessionShape, practitioner: PractitionerTime
) -> set[Limit]:
    """The limits of a practitioner that a session would break."""
    starts_at, ends_at = session
    hands = [Interval(starts_at + opens, starts_at + closes) for opens, closes in shape.hands()]
    limits = {
        Limit.OUTSIDE_HOURS: not _within(practitioner.planned or practitioner.working, session),
        Limit.LICENSE_EXPIRED: practitioner.licensed_until is not None
        and ends_at > practitioner.licensed_until,
        Limit.DAILY_LIMIT: any(start <= starts_at < end for start, end in practitioner.full),
        Limit.IN_BREAK: not all(_leaves(rest, hands) for rest in practitioner.breaks),
        Limit.PRACTITIONER_TAKEN: not all(_clear(practitioner.busy, window) for window in hands),
    }
    return {limit for limit, is_broken in limits.items() if is_broken}


def _within(stretches: Iterable[Interval], session: Interval) -> bool:
    return any(start <= session.start and session.end <= end for start, end in stretches)


def _on_grid(
    session: Interval, shape: SessionShape, practitioner: PractitionerTime, zone: ZoneInfo
) -> bool:
    """Whether a start is whole steps of wall time after the beginning of its run."""
    planned = practitioner._replace(working=practitioner.planned or practitioner.working)
    return any(
        (_wall(session.start, zone) - _wall(run.counted_from, zone)) % shape.step == 0
        for run in _runs(planned)
        if run.first <= session.start < run.before
    )


def _wall(minute: Minute, zone: ZoneInfo) -> int:
    day, clock = wall(minute, zone)
    return day.toordinal() * MINUTES_PER_DAY + clock


def room_for(starts_at: Minute, shape: SessionShape, rooms: Iterable[RoomTime]) -> int | None:
    """The first room that is free for a session, its setup and turnover."""
    opens, closes = shape.room()
    taken = Interval(starts_at + opens, starts_at + closes)
    return next((room.room_id for room in rooms if _clear(room.busy, taken)), None)


def check_shape(shape: SessionShape) -> None:
    """Raises Invalid for a session shape that is impossible."""
    if not 1 <= shape.minutes <= MINUTES_PER_DAY:
        raise Invalid("A session lasts from 1 minute to a day.", field="minutes")
    if not 0 <= shape.turnover_minutes <= MINUTES_PER_DAY:
        raise Invalid("Turnover takes from 0 minutes to a day.", field="turnover_minutes")
    if min(shape.setup_minutes, shape.buffer_before, shape.buffer_after) < 0:
        raise Invalid("Setup and buffers take 0 minutes or more.", field="setup_minutes")
    if not shape.hands_on:
        raise Invalid("A session needs the practitioner at some time.", field="hands_on")
    if any(not 0 <= opens < closes <= shape.minutes for opens, closes in shape.hands_on):
        raise Invalid("Hands-on minutes lie inside the session.", field="hands_on")
    if not 1 <= shape.step <= MINUTES_PER_DAY:
        raise Invalid("Starts are from 1 minute to a day apart.", field="start_every_minutes")


class _Run(NamedTuple):
    """Starts from `first` on and before `before`, of sessions that are over by `end`.

    They are whole steps after `counted_from`.
    """

    first: Minute
    before: Minute
    end: Minute
    counted_from: Minute


class _Counted(NamedTuple):
    """A practitioner with those runs whose starts lie on one grid."""

    practitioner: PractitionerTime
    runs: list[_Run]


def _by_phase(
    practitioners: Sequence[PractitionerTime], step: int, zone: ZoneInfo
) -> dict[int, list[_Counted]]:
    """The runs of each practitioner by the remainder of the wall minute they are counted from."""
    runs = [(practitioner, list(_runs(practitioner))) for practitioner in practitioners]
    counted = [run.counted_from for _, own in runs for run in own]
    if not counted:
        return {}
    pieces = steady(Interval(min(counted), max(counted) + 1), zone)
    begins = [piece.start for piece, _ in pieces]
    phases: dict[int, list[_Counted]] = defaultdict(list)
    for practitioner, own in runs:
        of_phase: dict[int, list[_Run]] = defaultdict(list)
        for run in own:
            ahead = pieces[bisect_right(begins, run.counted_from) - 1][1]
            of_phase[(run.counted_from + ahead) % step].append(run)
        for phase, same in of_phase.items():
            phases[phase].append(_Counted(practitioner, same))
    return phases


def _runs(practitioner: PractitionerTime) -> Iterable[_Run]:
    """The working stretches, cut where a fixed break ends: starts are counted again from there."""
    again = sorted(rest.window.end for rest in practitioner.breaks if rest.fixed)
    for start, end in practitioner.working:
        begin = max(bisect_right(practitioner.begins, start) - 1, 0)
        begun = practitioner.begins[begin] if practitioner.begins else start
        passed = again[bisect_right(again, begun) : bisect_right(again, start)]
        inside = again[bisect_right(again, start) : bisect_left(again, end)]
        for first, before in pairwise([start, *inside, end]):
            counted_from = first if first in inside else max([begun, *passed])
            yield _Run(first, before, end, counted_from)


class _Grid:
    """Starts at equal distances, without a clock change between them. The first is bit 0.

    `phase`: the remainder of all starts and the step.
    """

    def __init__(self, piece: Interval, shape: SessionShape, phase: int) -> None:
        self.shape = shape
        self.step = shape.step
        self.first = piece.start + (phase - piece.start) % shape.step
        self.count = max(0, -((self.first - piece.end) // shape.step))
        self.all = (1 << self.count) - 1

    def of_runs(self, runs: Iterable[_Run]) -> int:
        """The starts of these runs."""
        first, step, count, minutes = self.first, self.step, self.count, self.shape.minutes
        mask = 0
        for start, before, end, _ in runs:
            low = max(0, -((first - start) // step))
            high = min(count, -((first - before) // step), (end - minutes - first) // step + 1)
            if low < high:
                mask |= ((1 << (high - low)) - 1) << low
        return mask

    def hit(self, busy: Sequence[Stretch], windows: Iterable[tuple[int, int]]) -> int:
        """Starts from which one of the windows would overlap one of the busy stretches."""
        count, step, mask = self.count, self.step, 0
        for opens, closes in windows:
            # A start s is hit when s + opens < end and s + closes > start.
            before, beyond = self.first + closes - step, self.first + opens
            # Most stretches rule out equally many starts. For each such width, mark only the
            # lowest start of every stretch, then widen all marks in one go.
            lowest: dict[int, bytearray] = {}
            for start, end in busy:
                low, high = (start - before) // step, -((beyond - end) // step)
                if low < 0 or high > count:  # it reaches beyond the grid
                    low, high = max(low, 0), min(high, count)
                    if low < high:
                        mask |= ((1 << (high - low)) - 1) << low
                    continue
                try:
                    lowest[high - low][~low] = _SET
                except KeyError:
                    lowest[high - low] = bytearray(_CLEAR) * (count + 1)
                    lowest[high - low][~low] = _SET
            for width, marks in lowest.items():
                if width:
                    mask |= _widened(int(marks, 2), width)
        return mask

    def keeping_break(self, rest: Break, hands: Sequence[tuple[int, int]], mask: int) -> int:
        """The starts of a mask that leave enough of a floating break."""
        near = mask & self.hit([rest.window], hands)
        while near:
            lowest = near & -near
            near ^= lowest
            start = self.first + (lowest.bit_length() - 1) * self.step
            if not rest.left_by(Interval(start + opens, start + closes) for opens, closes in hands):
                mask ^= lowest
        return mask


_make = partial(tuple.__new__, Slot)  # three times as fast as Slot(...), for thousands of slots
_CLEAR, _SET = b"0", ord("1")


def _widened(mask: int, width: int) -> int:
    """Each bit of a mask, repeated upwards until it is `width` bits wide."""
    done = 1
    while done < width:
        more = min(done, width - done)
        mask |= mask << more
        done += more
    return mask


def _bits(mask: int) -> list[int]:
    """The numbers of the bits that are set, in order."""
    digits = f"{mask:b}"[::-1]
    bits = []
    bit = digits.find("1")
    while bit >= 0:
        bits.append(bit)
        bit = digits.find("1", bit + 1)
    return bits


def _free_on(
    grid: _Grid,
    counted: Sequence[_Counted],
    rooms: Sequence[RoomTime],
    patient_busy: Sequence[Stretch],
) -> list[Slot]:
    throughout = [(0, grid.shape.minutes)]
    open_starts = grid.all & ~grid.hit(patient_busy, throughout)
    masks = [
        (practitioner.practitioner_id, open_starts & _hands_free(grid, practitioner, runs))
        for practitioner, runs in counted
    ]
    wanted = reduce(or_, (mask for _, mask in masks), 0)
    room_at, housed = _housed(grid, rooms, wanted)
    first, step = grid.first, grid.step
    return [
        _make((first + bit * step, practitioner_id, room_at[bit]))
        for practitioner_id, mask in masks
        for bit in _bits(mask & housed)
    ]


def _hands_free(grid: _Grid, practitioner: PractitionerTime, runs: Iterable[_Run]) -> int:
    """Starts of these runs at which the practitioner is free for the hands-on minutes."""
    mask = grid.of_runs(runs)
    if not mask:
        return 0
    hands = grid.shape.hands()
    mask &= ~grid.hit(practitioner.busy, hands)
    if practitioner.full:
        mask &= ~grid.hit(practitioner.full, [(0, 1)])
    if practitioner.breaks:
        mask &= ~grid.hit([rest.window for rest in practitioner.breaks if rest.fixed], hands)
        for rest in practitioner.breaks:
            if not rest.fixed:
                mask = grid.keeping_break(rest, hands, mask)
    return mask


def _housed(grid: _Grid, rooms: Sequence[RoomTime], wanted: int) -> tuple[list[int], int]:
    """The first free room of each start, and the wanted starts that have one."""
    with_turnover = [grid.shape.room()]
    room_at: list[int] = [0] * grid.count
    unhoused = wanted
    for room in rooms:
        if not unhoused:
            break
        housed = unhoused & ~grid.hit(room.busy, with_turnover)
        for bit in _bits(housed):
            room_at[bit] = room.room_id
        unhoused &= ~housed
    return room_at, wanted & ~unhoused


def _leaves(rest: Break, hands: Sequence[Interval]) -> bool:
    """Whether a break still fits. A break that no longer fits does not rule out other times."""
    return not any(overlap(rest.window, hand) for hand in hands) or rest.left_by(hands)


def _clear(busy: Iterable[Stretch], wanted: Interval) -> bool:
    return all(end <= wanted.start or wanted.end <= start for start, end in busy)
