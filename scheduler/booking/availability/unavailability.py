"""Why no session can be on some days, found by asking what would be free otherwise. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.booking.availability import slots
from scheduler.booking.availability.slots import PractitionerTime, RoomTime, SessionShape, Stretch
from scheduler.clinic import hours
from scheduler.i18n.translation import marked
from scheduler.infra.intervals import Interval, Minute


class Cause(StrEnum):
    """Why nothing is free, as words before "on 8 March"."""

    RHYTHM = marked("nothing that keeps the pace is free")
    PATIENT_TAKEN = marked("you have other sessions")
    NO_BED = marked("no bed is free")
    TAKEN = marked("everybody who gives this treatment is taken or away")
    ONE_TAKEN = marked("the practitioner you want is taken or away")
    CLOSED = marked("the clinic is closed")
    NOBODY_WORKS = marked("nobody works")
    ONE_WORKS_NOT = marked("the practitioner you want does not work")


class Days(NamedTuple):
    """Where a session is looked for: days, of which only some weekdays and hours may count."""

    first: date
    last: date
    weekdays: Collection[int] = ()
    between: tuple[int, int] | None = None


def why(
    wanted: Days,
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
    """The first thing that would have to be otherwise for a session to be free on these days.

    `closed`: dates on which the clinic is. `one`: the practitioners are a single one, whom the
    patient wants and no other.
    """
    span = Interval(hours.moment(wanted.first, 0, zone), hours.moment(wanted.last, hours.DAY, zone))

    def free(
        who: Sequence[PractitionerTime], where: Sequence[RoomTime], busy: Sequence[Stretch]
    ) -> bool:
        found = slots.free(
            span, shape, who, where, zone=zone, not_before=not_before, patient_busy=busy
        )
        return any(_counts(slot.starts_at, wanted, zone) for slot in found)

    idle = [PractitionerTime(who.practitioner_id, who.working, ()) for who in practitioners]
    empty = [RoomTime(room.room_id, ()) for room in rooms]
    asked: list[tuple[Callable[[], bool], Cause]] = [
        (lambda: free(practitioners, rooms, patient_busy), Cause.RHYTHM),
        (lambda: free(practitioners, rooms, ()), Cause.PATIENT_TAKEN),
        (lambda: free(practitioners, empty, ()), Cause.NO_BED),
        (lambda: free(idle, empty, ()), Cause.ONE_TAKEN if one else Cause.TAKEN),
    ]
    for question, cause in asked:
        if question():
            return cause
    if all(day in closed for day in _days(wanted)):
        return Cause.CLOSED
    return Cause.ONE_WORKS_NOT if one else Cause.NOBODY_WORKS


def _counts(starts_at: Minute, wanted: Days, zone: ZoneInfo) -> bool:
    day, minute = hours.wall(starts_at, zone)
    if wanted.weekdays and day.weekday() not in wanted.weekdays:
        return False
    return wanted.between is None or wanted.between[0] <= minute < wanted.between[1]


def _days(wanted: Days) -> Iterable[date]:
    ordinals = range(wanted.first.toordinal(), wanted.last.toordinal() + 1)
    days = map(date.fromordinal, ordinals)
    return (day for day in days if not wanted.weekdays or day.weekday() in wanted.weekdays)
