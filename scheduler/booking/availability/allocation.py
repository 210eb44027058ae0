"""Who treats whom in which room: the wanted times of a course, each with hands and a bed.

This looks first, so that people get a good answer. It is `diary.claim` that makes it true.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.booking.availability import search, slots
from scheduler.booking.availability.diary import Entry
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring, Resources, Times
from scheduler.booking.availability.slots import PractitionerTime, Slot, Unavailability
from scheduler.clinic import hours
from scheduler.infra.errors import Conflict, Invalid
from scheduler.infra.intervals import Interval, Minute, instant_of, minute_of
from scheduler.patients.models import Patient

MOST_SESSIONS = 60
ALTERNATIVES = 5
ALTERNATIVES_WITHIN = timedelta(days=3)


@dataclass(frozen=True)
class RequestedTime:
    """A time that somebody wants, the practitioner or room only where it matters to them."""

    number: int
    starts_at: datetime
    practitioner_id: int | None = None
    room_id: int | None = None
    position: int | None = None
    """The index in the list that the caller sent, where there is one."""


@dataclass(frozen=True)
class Allocation:
    """A session with hands and a bed.

    `limited`: its practitioner has a most of sessions a day or a break that floats, which no
    overlap in the diary guards.
    """

    number: int
    starts_at: Minute
    practitioner_id: int
    room_id: int
    limited: bool = False


@dataclass(frozen=True)
class TimeConflict:
    """A session whose time is not free, why, and free times near it."""

    number: int
    starts_at: datetime
    reason: Unavailability
    alternatives: Sequence[Slot]
    zone: ZoneInfo
    position: int | None = None
    """The index in the list that the caller sent, where there is one."""


class SessionsTaken(Conflict):
    sentence = "Some of these times are not free any more. Nothing was booked."

    slug = "sessions-taken"

    def __init__(self, clashes: Sequence[TimeConflict]) -> None:
        super().__init__()
        self.clashes = clashes


def check_requested(
    wanted: Sequence[RequestedTime],
    resources: Resources,
    *,
    now: datetime,
    taken_days: Iterable[date] = (),
    field: str | None = None,
) -> None:
    """Raises Unfit for times and practitioners that no calendar could make right.

    `field`: where the caller said the times, if not as a list of sessions.
    """
    if not 1 <= len(wanted) <= MOST_SESSIONS:
        raise Invalid(f"A course has 1 to {MOST_SESSIONS} sessions.", field="sessions")
    last_day = search.last_day(resources, now)
    days = set(taken_days)
    for each in wanted:
        place = f"sessions[{each.number - 1}]."
        _check_practitioner(each, resources, field=f"{'' if field else place}practitioner_id")
        at = field or f"{place}starts_at"
        if each.starts_at.second or each.starts_at.microsecond:
            raise Invalid("A session begins on a whole minute.", field=at)
        if each.starts_at <= now:
            raise Invalid(f"Session {each.number} lies in the past.", field=at)
        day = each.starts_at.astimezone(resources.zone).date()
        if day > last_day:
            raise Invalid(f"Session {each.number} is too far ahead to be booked.", field=at)
        if day in days:
            raise Invalid(f"Session {each.number} is the second on its day.", field=at)
        days.add(day)


def _check_practitioner(wanted: RequestedTime, resources: Resources, *, field: str) -> None:
    who = wanted.practitioner_id
    if who is not None and not resources.gives(who):
        raise Invalid("This practitioner does not give this treatment.", field=field)


def allocate(
    session: Session,
    resources: Resources,
    wanted: Sequence[RequestedTime],
    *,
    patient: Patient | None,
    now: datetime,
    ignoring: Ignoring = IGNORE_NOTHING,
    held: bool = False,
) -> list[Allocation]:
    """A practitioner and a room for each wanted time; SessionsTaken where one has none.

    Where the practitioner does not matter, the one who can give most of the sessions gives them.
    `held`: the times were kept when there was notice enough, which is over by now perhaps.
    """
    found = _times(session, resources, wanted, patient=patient, now=now, ignoring=ignoring)
    not_before = 0 if held else search.soonest(resources, now)
    able = {each.number: _able(each, resources, found, not_before) for each in wanted}
    if lost := [each for each in wanted if not able[each.number][0]]:
        raise SessionsTaken(
            _clashes(
                session, resources, lost, wanted, able, patient=patient, now=now, ignoring=ignoring
            )
        )
    popular = Counter(who for those, _ in able.values() for who in those)
    seats = []
    for each in wanted:
        starts_at = minute_of(each.starts_at)
        who = max(able[each.number][0], key=lambda one: (popular[one], -one))
        room_id = slots.room_for(starts_at, resources.shape, _rooms(each, found))
        assert room_id is not None, "checked by _able"  # noqa: S101 - tells the type checker
        limited = any(one.limited for one in found.practitioners if one.practitioner_id == who)
        seats.append(Allocation(each.number, starts_at, who, room_id, limited))
    return seats


def still_allowed(
    session: Session,
    resources: Resources,
    seats: Sequence[Allocation],
    *,
    now: datetime,
    ignoring: Ignoring,
) -> bool:
    """Whether the practitioners of seats that were taken may have them, by the rules as read now.

    `ignoring`: what those seats have put on the calendars.
    """
    wanted = [
        RequestedTime(seat.number, instant_of(seat.starts_at), seat.practitioner_id, seat.room_id)
        for seat in seats
    ]
    found = _times(session, resources, wanted, patient=None, now=now, ignoring=ignoring)
    return all(_able(each, resources, found, not_before=0)[0] for each in wanted)


def _times(
    session: Session,
    resources: Resources,
    wanted: Sequence[RequestedTime],
    *,
    patient: Patient | None,
    now: datetime,
    ignoring: Ignoring,
) -> Times:
    days = [each.starts_at.astimezone(resources.zone).date() for each in wanted]
    return search.times(
        session,
        resources,
        first=min(days),
        last=max(days),
        now=now,
        patient_calendar_id=patient.calendar_id if patient else None,
        ignoring=ignoring,
    )


def diary_entries(
    seat: Allocation,
    resources: Resources,
    *,
    patient: Patient | None,
    appointment_id: int | None = None,
    hold_id: int | None = None,
    held_until: Minute | None = None,
) -> list[Entry]:
    """What one session puts on the calendars of its room, its practitioner and its patient."""
    shape = resources.shape
    start, end = seat.starts_at, seat.starts_at + shape.minutes
    opens, closes = shape.room()
    stretches = [
        (resources.room(seat.room_id).calendar_id, Interval(start + opens, start + closes))
    ]
    practitioner = resources.practitioner(seat.practitioner_id)
    stretches += [
        (practitioner.calendar_id, Interval(start + here, start + there))
        for here, there in shape.hands()
    ]
    if patient is not None:
        stretches.append((patient.calendar_id, Interval(start, end)))
    return [
        Entry(
            calendar_id,
            span,
            appointment_id=appointment_id,
            hold_id=hold_id,
            held_until=held_until,
        )
        for calendar_id, span in stretches
    ]


def _able(
    wanted: RequestedTime, resources: Resources, found: Times, not_before: Minute
) -> tuple[list[int], Unavailability]:
    """Who could give this session, and, when nobody, why."""
    starts_at = minute_of(wanted.starts_at)
    reasons = []
    able = []
    for who in _practitioners(wanted, resources, found):
        reason = slots.check(
            starts_at,
            resources.shape,
            who,
            _rooms(wanted, found),
            not_before=not_before,
            patient_busy=found.patient_busy,
        )
        if reason is None:
            able.append(who.practitioner_id)
        else:
            reasons.append(reason)
    # Of several reasons the one that was nearest to a yes helps most.
    nearest = max(reasons, key=list(Unavailability).index, default=Unavailability.OUTSIDE_HOURS)
    return able, nearest


def _practitioners(
    wanted: RequestedTime, resources: Resources, found: Times
) -> list[PractitionerTime]:
    if wanted.practitioner_id is None:
        return list(found.practitioners)
    resources.practitioner(wanted.practitioner_id)
    return [who for who in found.practitioners if who.practitioner_id == wanted.practitioner_id]


def _rooms(wanted: RequestedTime, found: Times) -> list[slots.RoomTime]:
    return [room for room in found.rooms if wanted.room_id in {None, room.room_id}]


def _clashes(
    session: Session,
    resources: Resources,
    lost: Sequence[RequestedTime],
    wanted: Sequence[RequestedTime],
    able: dict[int, tuple[list[int], Unavailability]],
    *,
    patient: Patient | None,
    now: datetime,
    ignoring: Ignoring,
) -> list[TimeConflict]:
    days = [each.starts_at.astimezone(resources.zone).date() for each in lost]
    near = search.free_slots(
        session,
        resources,
        first=min(days) - ALTERNATIVES_WITHIN,
        last=max(days) + ALTERNATIVES_WITHIN,
        now=now,
        patient_calendar_id=patient.calendar_id if patient else None,
        ignoring=ignoring,
    )
    clashes = []
    for each in lost:
        others = {
            one.starts_at.astimezone(resources.zone).date() for one in wanted if one is not each
        }
        clashes.append(
            TimeConflict(
                each.number,
                each.starts_at,
                able[each.number][1],
                _nearest(near, each, others, resources),
                resources.zone,
                each.position,
            )
        )
    return clashes


def _nearest(
    near: Sequence[Slot], wanted: RequestedTime, others: set[date], resources: Resources
) -> list[Slot]:
    """Free times near a wanted one, not on a day that has another session of the course."""
    at = minute_of(wanted.starts_at)
    reach = int(ALTERNATIVES_WITHIN.total_seconds()) // 60
    close = [slot for slot in near if abs(slot.starts_at - at) <= reach]
    close.sort(key=lambda slot: (abs(slot.starts_at - at), slot.practitioner_id))
    chosen: list[Slot] = []
    for slot in close:
        if hours.wall(slot.starts_at, resources.zone)[0] not in others:
            chosen.append(slot)
        if len(chosen) == ALTERNATIVES:
            break
    return chosen
