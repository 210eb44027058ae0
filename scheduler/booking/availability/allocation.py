"""Assigns a practitioner and a room to each requested time of a course.

This only reads the calendars, to give a good answer. `reservation.claim` settles races.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.booking.availability import search, slots
from scheduler.booking.availability.diary import Entry
from scheduler.booking.availability.limits import HARD, NO_PERMIT, Limit, Permit
from scheduler.booking.availability.requested_times import RequestedTime, broken_on_empty_calendar
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring, Resources, Times
from scheduler.booking.availability.slots import PractitionerTime, Slot
from scheduler.clinic import hours
from scheduler.infra.errors import Conflict
from scheduler.infra.intervals import Interval, Minute, instant_of, minute_of
from scheduler.patients.models import Patient

ALTERNATIVES = 5
"""Free times that are offered in place of one that is taken."""
ALTERNATIVES_WITHIN = timedelta(days=3)


@dataclass(frozen=True)
class Allocation:
    """A session with its practitioner and room.

    `limited`: the practitioner has a daily maximum or a floating break. Overlaps in the diary do
    not guard either, so `reservation` checks them once more.
    """

    number: int
    starts_at: Minute
    practitioner_id: int
    room_id: int
    limited: bool = False


@dataclass(frozen=True)
class TimeConflict:
    """A session whose time is not free, why, and free times near it.

    `limits`: those that stop it, the nearest to a free time last. `could_pass`: those that the
    actor may ask to pass.
    """

    number: int
    starts_at: datetime
    limits: Sequence[Limit]
    alternatives: Sequence[Slot]
    zone: ZoneInfo
    position: int | None = None
    """The index in the list of the request, if the times came in a list."""
    could_pass: frozenset[Limit] = frozenset()


class SessionsTaken(Conflict):
    sentence = "Some of these times are no longer free. Nothing was booked."

    slug = "sessions-taken"

    def __init__(self, clashes: Sequence[TimeConflict]) -> None:
        super().__init__()
        self.clashes = clashes


class SoftLimits(SessionsTaken):
    sentence = (
        "Some of these times break a limit. Nothing was booked. Choose other times, or send the"
        " codes of the limits in `allow`, with a `reason`."
    )

    slug = "soft-limits"


def allocate(
    session: Session,
    resources: Resources,
    wanted: Sequence[RequestedTime],
    *,
    patient: Patient | None,
    now: datetime,
    ignoring: Ignoring = IGNORE_NOTHING,
    held: bool = False,
    permit: Permit = NO_PERMIT,
    taken_days: Collection[date] = (),
) -> list[Allocation]:
    """A practitioner and a room for each wanted time; SessionsTaken if one has none.

    Sessions without a wished practitioner go to the one who can give most sessions of the course.
    `held`: the times are on hold already, so the notice of the treatment no longer applies.
    `taken_days`: days of other sessions of the course. Raises SoftLimits if all that stops the
    times are limits that the actor may pass.
    """
    times = _times(session, resources, wanted, patient=patient, now=now, ignoring=ignoring)
    not_before = 0 if held else search.soonest(resources, now)
    able = {}
    days = set(taken_days)
    for time in wanted:
        found = broken_on_empty_calendar(time, resources, days, now=now)
        if minute_of(time.starts_at) < not_before and not found & {
            Limit.PAST,
            Limit.ALREADY_STARTED,
        }:
            found.add(Limit.SHORT_NOTICE)
        able[time.number] = _able(time, resources, times, found, permit)
        days.add(time.starts_at.astimezone(resources.zone).date())
    if taken := [time for time in wanted if not able[time.number].practitioner_ids]:
        near = _free_near(session, resources, taken, patient=patient, now=now, ignoring=ignoring)
        raise _refused(
            [
                replace(
                    _conflict(time, able[time.number].stopped_by, near, wanted, resources),
                    could_pass=permit.could_pass,
                )
                for time in taken
            ]
        )
    sessions_of = Counter(
        practitioner_id for found in able.values() for practitioner_id in found.practitioner_ids
    )
    return [
        _allocated(time, able[time.number].practitioner_ids, sessions_of, resources, times)
        for time in wanted
    ]


def _refused(clashes: Sequence[TimeConflict]) -> SessionsTaken:
    could_pass = clashes[0].could_pass
    hard = any(HARD.intersection(clash.limits) for clash in clashes)
    return SessionsTaken(clashes) if hard or not could_pass else SoftLimits(clashes)


def _allocated(
    time: RequestedTime,
    practitioner_ids: Sequence[int],
    sessions_of: Mapping[int, int],
    resources: Resources,
    times: Times,
) -> Allocation:
    starts_at = minute_of(time.starts_at)
    practitioner_id = max(
        practitioner_ids, key=lambda candidate: (sessions_of[candidate], -candidate)
    )
    room_id = slots.room_for(starts_at, resources.shape, _rooms(time, times))
    assert room_id is not None, "checked by _able"  # noqa: S101 - tells the type checker
    limited = any(
        practitioner.limited
        for practitioner in times.practitioners
        if practitioner.practitioner_id == practitioner_id
    )
    return Allocation(time.number, starts_at, practitioner_id, room_id, limited)


def still_allowed(
    session: Session,
    resources: Resources,
    allocations: Sequence[Allocation],
    *,
    now: datetime,
    ignoring: Ignoring,
    permit: Permit = NO_PERMIT,
) -> bool:
    """Whether the rules of the practitioners, as read now, still allow their sessions.

    `ignoring`: what these allocations have put on the calendars.
    """
    wanted = [
        RequestedTime(
            allocated.number,
            instant_of(allocated.starts_at),
            allocated.practitioner_id,
            allocated.room_id,
        )
        for allocated in allocations
    ]
    times = _times(session, resources, wanted, patient=None, now=now, ignoring=ignoring)
    return all(
        _able(time, resources, times, frozenset(), permit).practitioner_ids for time in wanted
    )


def _times(
    session: Session,
    resources: Resources,
    wanted: Sequence[RequestedTime],
    *,
    patient: Patient | None,
    now: datetime,
    ignoring: Ignoring,
) -> Times:
    days = _days(wanted, resources)
    return search.times(
        session,
        resources,
        first=min(days),
        last=max(days),
        now=now,
        patient_calendar_id=patient.calendar_id if patient else None,
        # A closure is a limit of its own, which staff may pass; no room is taken by it.
        ignoring=replace(ignoring, closures=True),
    )


def diary_entries(
    allocated: Allocation,
    resources: Resources,
    *,
    patient: Patient | None,
    appointment_id: int | None = None,
    hold_id: int | None = None,
    held_until: Minute | None = None,
) -> list[Entry]:
    """The entries of one session in the calendars of its room, practitioner and patient."""
    shape = resources.shape
    start, end = allocated.starts_at, allocated.starts_at + shape.minutes
    opens, closes = shape.room()
    room = resources.room(allocated.room_id)
    practitioner = resources.practitioner(allocated.practitioner_id)
    spans = [(room.calendar_id, Interval(start + opens, start + closes))]
    spans += [
        (practitioner.calendar_id, Interval(start + first, start + last))
        for first, last in shape.hands()
    ]
    if patient is not None:
        spans.append((patient.calendar_id, Interval(start, end)))
    return [
        Entry(
            calendar_id,
            span,
            appointment_id=appointment_id,
            hold_id=hold_id,
            held_until=held_until,
        )
        for calendar_id, span in spans
    ]


class _Able(NamedTuple):
    """The practitioners who can give a session; without any, the limits that stop it."""

    practitioner_ids: list[int]
    stopped_by: list[Limit]


def _able(
    wanted: RequestedTime,
    resources: Resources,
    times: Times,
    found: Collection[Limit],
    permit: Permit,
) -> _Able:
    """`found`: limits that the time breaks with any practitioner."""
    broken = {
        practitioner.practitioner_id: slots.broken(
            minute_of(wanted.starts_at),
            resources.shape,
            practitioner,
            _rooms(wanted, times),
            closed=times.closed,
            patient_busy=times.patient_busy,
            # Patients choose among times that are offered; only staff send times of their own.
            zone=resources.zone if permit.could_pass else None,
        ).union(found)
        for practitioner in _practitioners(wanted, resources, times)
    }
    stopped = {key: permit.stopping(limits) for key, limits in broken.items()}
    able = [key for key, limits in stopped.items() if not limits]
    # Pass as few limits as possible.
    fewest = min((len(broken[key]) for key in able), default=0)
    able = [key for key in able if len(broken[key]) == fewest]
    # Report the limits of the practitioner who came closest to being free: it helps most.
    order = list(Limit)
    nearest = max(
        filter(None, stopped.values()),
        key=lambda limits: order.index(limits[0]),
        default=[Limit.OUTSIDE_HOURS],
    )
    return _Able(able, nearest)


def _practitioners(
    wanted: RequestedTime, resources: Resources, times: Times
) -> list[PractitionerTime]:
    if wanted.practitioner_id is None:
        return list(times.practitioners)
    resources.practitioner(wanted.practitioner_id)  # raises NotFound
    return [
        practitioner
        for practitioner in times.practitioners
        if practitioner.practitioner_id == wanted.practitioner_id
    ]


def _rooms(wanted: RequestedTime, times: Times) -> list[slots.RoomTime]:
    return [room for room in times.rooms if wanted.room_id in {None, room.room_id}]


def _free_near(
    session: Session,
    resources: Resources,
    taken: Sequence[RequestedTime],
    *,
    patient: Patient | None,
    now: datetime,
    ignoring: Ignoring,
) -> list[Slot]:
    """Free times around all times that are taken."""
    days = _days(taken, resources)
    return search.free_slots(
        session,
        resources,
        first=min(days) - ALTERNATIVES_WITHIN,
        last=max(days) + ALTERNATIVES_WITHIN,
        now=now,
        patient_calendar_id=patient.calendar_id if patient else None,
        ignoring=ignoring,
    )


def _conflict(
    taken: RequestedTime,
    stopped_by: Sequence[Limit],
    near: Sequence[Slot],
    wanted: Sequence[RequestedTime],
    resources: Resources,
) -> TimeConflict:
    """A taken time with free ones near it, on no day of another session of the course."""
    other_days = set(_days([time for time in wanted if time is not taken], resources))
    return TimeConflict(
        taken.number,
        taken.starts_at,
        stopped_by,
        _nearest(near, taken, other_days, resources),
        resources.zone,
        taken.position,
    )


def _nearest(
    near: Sequence[Slot], wanted: RequestedTime, other_days: set[date], resources: Resources
) -> list[Slot]:
    at = minute_of(wanted.starts_at)
    reach = int(ALTERNATIVES_WITHIN.total_seconds()) // 60
    close = [slot for slot in near if abs(slot.starts_at - at) <= reach]
    close.sort(key=lambda slot: (abs(slot.starts_at - at), slot.practitioner_id))
    allowed = (
        slot for slot in close if hours.wall(slot.starts_at, resources.zone)[0] not in other_days
    )
    return list(islice(allowed, ALTERNATIVES))


def _days(wanted: Sequence[RequestedTime], resources: Resources) -> list[date]:
    return [time.starts_at.astimezone(resources.zone).date() for time in wanted]
