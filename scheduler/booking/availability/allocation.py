"""Assigns a practitioner and a room to each requested time of a course.

This only reads the calendars, to give a good answer. `reservation.claim` settles races.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.booking.availability import search, slots
from scheduler.booking.availability.diary import Entry
from scheduler.booking.availability.search import IGNORE_NOTHING, Ignoring, Resources, Times
from scheduler.booking.availability.slots import PractitionerTime, Slot, Unavailability
from scheduler.clinic import hours
from scheduler.clinic.phases import MAX_COURSE_SESSIONS
from scheduler.infra.errors import Conflict, Invalid
from scheduler.infra.intervals import Interval, Minute, instant_of, minute_of
from scheduler.patients.models import Patient

ALTERNATIVES = 5
"""Free times that are offered in place of one that is taken."""
ALTERNATIVES_WITHIN = timedelta(days=3)


@dataclass(frozen=True)
class RequestedTime:
    """A requested time of a session; no practitioner or room means any."""

    number: int
    starts_at: datetime
    practitioner_id: int | None = None
    room_id: int | None = None
    position: int | None = None
    """The index in the list of the request, if the times came in a list."""


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
    """A session whose time is not free, why, and free times near it."""

    number: int
    starts_at: datetime
    reason: Unavailability
    alternatives: Sequence[Slot]
    zone: ZoneInfo
    position: int | None = None
    """The index in the list of the request, if the times came in a list."""


class SessionsTaken(Conflict):
    sentence = "Some of these times are no longer free. Nothing was booked."

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
    """Raises Invalid for times and practitioners that would be wrong on an empty calendar.

    `taken_days`: days of other sessions of the course. `field`: the field of the request that
    holds the time, unless the times came in a list of sessions.
    """
    if not 1 <= len(wanted) <= MAX_COURSE_SESSIONS:
        raise Invalid(
            f"A course has 1 to {MAX_COURSE_SESSIONS} sessions, not {len(wanted)}.",
            field="sessions",
        )
    last_day = search.last_day(resources, now)
    days = set(taken_days)
    for time in wanted:
        place = f"sessions[{time.number - 1}]."
        _check_practitioner(time, resources, field=f"{'' if field else place}practitioner_id")
        starts_field = field or f"{place}starts_at"
        if time.starts_at.second or time.starts_at.microsecond:
            raise Invalid(
                f"Session {time.number} does not start on a whole minute. Send a time without"
                " seconds.",
                field=starts_field,
            )
        if time.starts_at <= now:
            raise Invalid(
                f"Session {time.number} is in the past. Choose a later time.", field=starts_field
            )
        day = time.starts_at.astimezone(resources.zone).date()
        if day > last_day:
            raise Invalid(
                f"Session {time.number} is after {last_day}, the last day that can be booked."
                " Choose an earlier day.",
                field=starts_field,
            )
        if day in days:
            raise Invalid(
                f"Session {time.number} is on the same day as another session. Choose another day.",
                field=starts_field,
            )
        days.add(day)


def _check_practitioner(wanted: RequestedTime, resources: Resources, *, field: str) -> None:
    practitioner_id = wanted.practitioner_id
    if practitioner_id is not None and not resources.gives(practitioner_id):
        raise Invalid(
            f"Practitioner {practitioner_id} does not give this treatment. Choose another one.",
            field=field,
        )


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
    """A practitioner and a room for each wanted time; SessionsTaken if one has none.

    Sessions without a wished practitioner go to the one who can give most sessions of the course.
    `held`: the times are on hold already, so the notice of the treatment no longer applies.
    """
    times = _times(session, resources, wanted, patient=patient, now=now, ignoring=ignoring)
    not_before = 0 if held else search.soonest(resources, now)
    able = {time.number: _able(time, resources, times, not_before) for time in wanted}
    if taken := [time for time in wanted if not able[time.number].practitioner_ids]:
        near = _free_near(session, resources, taken, patient=patient, now=now, ignoring=ignoring)
        raise SessionsTaken(
            [_conflict(time, able[time.number].reason, near, wanted, resources) for time in taken]
        )
    sessions_of = Counter(
        practitioner_id for found in able.values() for practitioner_id in found.practitioner_ids
    )
    return [
        _allocated(time, able[time.number].practitioner_ids, sessions_of, resources, times)
        for time in wanted
    ]


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
    return all(_able(time, resources, times, not_before=0).practitioner_ids for time in wanted)


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
        ignoring=ignoring,
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
    """The practitioners who can give a session; without any, the reason."""

    practitioner_ids: list[int]
    reason: Unavailability


def _able(wanted: RequestedTime, resources: Resources, times: Times, not_before: Minute) -> _Able:
    starts_at = minute_of(wanted.starts_at)
    reasons = []
    able = []
    for practitioner in _practitioners(wanted, resources, times):
        reason = slots.check(
            starts_at,
            resources.shape,
            practitioner,
            _rooms(wanted, times),
            not_before=not_before,
            patient_busy=times.patient_busy,
        )
        if reason is None:
            able.append(practitioner.practitioner_id)
        else:
            reasons.append(reason)
    # Report the reason of the practitioner who came closest to being free: it helps most.
    nearest = max(reasons, key=list(Unavailability).index, default=Unavailability.OUTSIDE_HOURS)
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
    reason: Unavailability,
    near: Sequence[Slot],
    wanted: Sequence[RequestedTime],
    resources: Resources,
) -> TimeConflict:
    """A taken time with free ones near it, on no day of another session of the course."""
    other_days = set(_days([time for time in wanted if time is not taken], resources))
    return TimeConflict(
        taken.number,
        taken.starts_at,
        reason,
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
