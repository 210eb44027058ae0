"""Free starts: hours less what is taken, for practitioner, room and patient together. Pure.

Each start on the grid is a bit of one whole number, so that a busy stretch takes away all the
starts that it rules out in one operation, however many weeks are looked at.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import partial, reduce
from itertools import compress, repeat
from operator import or_
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.clinic.hours import DAY, steady
from scheduler.errors import Unfit
from scheduler.intervals import Interval, Minute

Stretch = tuple[Minute, Minute]
"""From a minute up to, not including, another; an Interval is one."""


class SessionShape(NamedTuple):
    """How long a session takes, in minutes, and which of them need the practitioner.

    `hands_on` are half-open stretches counted from the start: ((0, 15), (35, 40)). The room is
    taken throughout and for `turnover_minutes` more. Starts lie on every `step` minutes of the
    wall clock.
    """

    minutes: int
    hands_on: tuple[tuple[int, int], ...]
    turnover_minutes: int = 0
    step: int = 20


class PractitionerTime(NamedTuple):
    """When a practitioner works and when that time is taken, in any order."""

    practitioner_id: int
    working: Sequence[Interval]
    busy: Sequence[Stretch]


class RoomTime(NamedTuple):
    """When a room is taken, turnover included, in any order."""

    room_id: int
    busy: Sequence[Stretch]


class Slot(NamedTuple):
    """A free start. Nothing is reserved by it."""

    starts_at: Minute
    practitioner_id: int
    room_id: int


class Reason(StrEnum):
    """Why a start is not free, as words that follow "because"."""

    TOO_SOON = "it is too soon"
    OUTSIDE_HOURS = "it is outside the practitioner's hours"
    PRACTITIONER_TAKEN = "the practitioner is taken"
    NO_ROOM = "no room is free"
    PATIENT_TAKEN = "the patient has another session then"


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

    One for each start and practitioner, with the first room in the given order that is free for
    the session and its turnover. The session lies within one working stretch; hands-on minutes
    are free for the practitioner, who may leave in between, and all minutes for the patient.
    """
    check_shape(shape)
    patient_busy = list(patient_busy)
    slots: list[Slot] = []
    begin = max(span.start, not_before)
    if begin >= span.end:
        return slots
    for piece, ahead in steady(Interval(begin, span.end), zone):
        grid = _Grid(piece, shape, ahead)
        if grid.count:
            slots += _free_on(grid, practitioners, rooms, patient_busy)
    slots.sort()
    return slots


def check(
    starts_at: Minute,
    shape: SessionShape,
    practitioner: PractitionerTime,
    rooms: Iterable[RoomTime],
    *,
    not_before: Minute = 0,
    patient_busy: Iterable[Stretch] = (),
) -> Reason | None:
    """Why one wanted start, on the grid or off it, is not free; None if it is."""
    ends_at = starts_at + shape.minutes
    if starts_at < not_before:
        return Reason.TOO_SOON
    if not any(start <= starts_at and ends_at <= end for start, end in practitioner.working):
        return Reason.OUTSIDE_HOURS
    hands_on = [Interval(starts_at + here, starts_at + there) for here, there in shape.hands_on]
    if not all(_clear(practitioner.busy, window) for window in hands_on):
        return Reason.PRACTITIONER_TAKEN
    if not _clear(patient_busy, Interval(starts_at, ends_at)):
        return Reason.PATIENT_TAKEN
    return Reason.NO_ROOM if room_for(starts_at, shape, rooms) is None else None


def room_for(starts_at: Minute, shape: SessionShape, rooms: Iterable[RoomTime]) -> int | None:
    """The first room that is free for a session and its turnover."""
    taken = Interval(starts_at, starts_at + shape.minutes + shape.turnover_minutes)
    return next((room.room_id for room in rooms if _clear(room.busy, taken)), None)


def check_shape(shape: SessionShape) -> None:
    """Raises Unfit for a session that nobody could hold."""
    if not 1 <= shape.minutes <= DAY:
        raise Unfit("A session lasts from 1 minute to a day.", field="minutes")
    if not 0 <= shape.turnover_minutes <= DAY:
        raise Unfit("Turnover takes from 0 minutes to a day.", field="turnover_minutes")
    if not shape.hands_on:
        raise Unfit("A session needs the practitioner at some time.", field="hands_on")
    if any(not 0 <= here < there <= shape.minutes for here, there in shape.hands_on):
        raise Unfit("Hands-on minutes lie inside the session.", field="hands_on")
    if shape.step < 1 or DAY % shape.step:
        raise Unfit("The minutes between starts divide the day: 5, 10, 15, 20 ...", field="step")


class _Grid:
    """The starts within a stretch in which clocks do not change, each a bit, the first bit 0."""

    def __init__(self, piece: Interval, shape: SessionShape, ahead: int) -> None:
        self.shape = shape
        self.step = shape.step
        self.first = piece.start + -(piece.start + ahead) % shape.step
        self.count = max(0, -((self.first - piece.end) // shape.step))
        self.all = (1 << self.count) - 1

    def within(self, working: Iterable[Interval]) -> int:
        """Starts from which the whole session lies inside one of these stretches."""
        first, step, count, minutes = self.first, self.step, self.count, self.shape.minutes
        mask = 0
        for start, end in working:
            low = max(0, -((first - start) // step))
            high = min(count, (end - minutes - first) // step + 1)
            if low < high:
                mask |= ((1 << (high - low)) - 1) << low
        return mask

    def hit(self, busy: Sequence[Stretch], windows: Iterable[tuple[int, int]]) -> int:
        """Starts from which one of the windows would overlap one of the busy stretches."""
        count, step, mask = self.count, self.step, 0
        for here, there in windows:
            # A start s is hit when s + here < end and s + there > start.
            before, beyond = self.first + there - step, self.first + here
            for start, end in busy:
                low, high = (start - before) // step, -((beyond - end) // step)
                if low < 0 or high > count:  # it sticks out of the grid
                    low, high = max(low, 0), min(high, count)
                if low < high:
                    mask |= ((1 << (high - low)) - 1) << low
        return mask


_make = partial(tuple.__new__, Slot)  # thousands at once: three times as fast as Slot(...)
_BITS = bytes.maketrans(b"01", b"\0\1")


def _cells(mask: int, count: int) -> bytes:
    return f"{mask:0{count}b}".encode().translate(_BITS)[::-1]


def _free_on(
    grid: _Grid,
    practitioners: Sequence[PractitionerTime],
    rooms: Sequence[RoomTime],
    patient_busy: Sequence[Stretch],
) -> list[Slot]:
    throughout = [(0, grid.shape.minutes)]
    open_starts = grid.all & ~grid.hit(patient_busy, throughout)
    masks = [(who.practitioner_id, open_starts & _hands_free(grid, who)) for who in practitioners]
    wanted = reduce(or_, (mask for _, mask in masks), 0)
    room_at, housed = _housed(grid, rooms, wanted)
    starts = range(grid.first, grid.first + grid.count * grid.step, grid.step)
    slots: list[Slot] = []
    for practitioner_id, mask in masks:
        chosen = _cells(mask & housed, grid.count)
        slots += map(
            _make,
            zip(compress(starts, chosen), repeat(practitioner_id), compress(room_at, chosen)),
        )
    return slots


def _hands_free(grid: _Grid, who: PractitionerTime) -> int:
    """Starts at which a practitioner works and has their hands free when they are needed."""
    mask = grid.within(who.working)
    return mask & ~grid.hit(who.busy, grid.shape.hands_on) if mask else 0


def _housed(grid: _Grid, rooms: Sequence[RoomTime], wanted: int) -> tuple[list[int], int]:
    """For each start the first room that is free, and those of the wanted starts that have one."""
    with_turnover = [(0, grid.shape.minutes + grid.shape.turnover_minutes)]
    room_at: list[int] = [0] * grid.count
    unhoused = wanted
    for room in rooms:
        if not unhoused:
            break
        housed = unhoused & ~grid.hit(room.busy, with_turnover)
        for bit in compress(range(grid.count), _cells(housed, grid.count)):
            room_at[bit] = room.room_id
        unhoused &= ~housed
    return room_at, wanted & ~unhoused


def _clear(busy: Iterable[Stretch], wanted: Interval) -> bool:
    return all(end <= wanted.start or wanted.end <= start for start, end in busy)
