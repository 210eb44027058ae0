"""Why no session can be on some days, found by dropping one obstacle after another. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from scheduler.booking.availability import slots
from scheduler.booking.availability.slots import PractitionerTime, RoomTime, SessionShape, Stretch
from scheduler.clinic import hours
from scheduler.infra.intervals import Interval, Minute


class Cause(StrEnum):
    """Why nothing is free on some days. `WISHED_...`: the patient wants one practitioner only."""

    PACE = "pace"
    PATIENT_TAKEN = "patient_taken"
    NO_ROOM = "no_room"
    ALL_TAKEN = "all_taken"
    WISHED_TAKEN = "wished_taken"
    CLOSED = "closed"
    NOBODY_WORKS = "nobody_works"
    WISHED_OFF = "wished_off"


@dataclass(frozen=True, slots=True)
class SearchedDays:
    """The days on which a session is looked for, both included.

    `weekdays` (0 is Monday) and `between` (minutes of the day, half-open) restrict them.
    """

    first: date
    last: date
    weekdays: frozenset[int] = frozenset()
    between: tuple[int, int] | None = None


def why(
    wanted: SearchedDays,
    shape: SessionShape,
    practitioners: Sequence[PractitionerTime],
    rooms: Sequence[RoomTime],
    *,
    zone: ZoneInfo,
    closed: Collection[date],
    not_before: Minute = 0,
    patient_busy: Sequence[Stretch] = (),
    one: bool = False,
) -> Cause:
    """The first obstacle without which a session would be free on these days.

    `closed`: dates on which the clinic is closed. `one`: the patient wants one
    practitioner only, and `practitioners` holds no other.
    """
    span = Interval(
        hours.moment(wanted.first, 0, zone), hours.moment(wanted.last, hours.MINUTES_PER_DAY, zone)
    )

    def some_free(
        staff: Sequence[PractitionerTime], beds: Sequence[RoomTime], busy: Sequence[Stretch]
    ) -> bool:
        found = slots.free(
            span, shape, staff, beds, zone=zone, not_before=not_before, patient_busy=busy
        )
        return any(_counts(slot.starts_at, wanted, zone) for slot in found)

    idle = [
        PractitionerTime(person.practitioner_id, person.working, ()) for person in practitioners
    ]
    empty = [RoomTime(room.room_id, ()) for room in rooms]
    # Each attempt drops one more obstacle. The one that helps has dropped the cause.
    attempts: list[tuple[Callable[[], bool], Cause]] = [
        (lambda: some_free(practitioners, rooms, patient_busy), Cause.PACE),
        (lambda: some_free(practitioners, rooms, ()), Cause.PATIENT_TAKEN),
        (lambda: some_free(practitioners, empty, ()), Cause.NO_ROOM),
        (lambda: some_free(idle, empty, ()), Cause.WISHED_TAKEN if one else Cause.ALL_TAKEN),
    ]
    for attempt, cause in attempts:
        if attempt():
            return cause
    if all(day in closed for day in _days(wanted)):
        return Cause.CLOSED
    return Cause.WISHED_OFF if one else Cause.NOBODY_WORKS


def _counts(starts_at: Minute, wanted: SearchedDays, zone: ZoneInfo) -> bool:
    day, minute = hours.wall(starts_at, zone)
    if wanted.weekdays and day.weekday() not in wanted.weekdays:
        return False
    return wanted.between is None or wanted.between[0] <= minute < wanted.between[1]


def _days(wanted: SearchedDays) -> Iterable[date]:
    ordinals = range(wanted.first.toordinal(), wanted.last.toordinal() + 1)
    days = map(date.fromordinal, ordinals)
    return (day for day in days if not wanted.weekdays or day.weekday() in wanted.weekdays)
