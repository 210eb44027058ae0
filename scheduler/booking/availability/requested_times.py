"""Times that a request asks for, and whether they would be wrong on an empty calendar."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scheduler.booking.availability import search
from scheduler.booking.availability.limits import NO_PERMIT, Limit, Permit
from scheduler.booking.availability.search import Resources
from scheduler.clinic.phases import MAX_COURSE_SESSIONS
from scheduler.infra.errors import Invalid

AT_MOST_AWAY = timedelta(days=731)
"""How far from now staff may book, back or ahead: a request reads all calendars in between."""


@dataclass(frozen=True)
class RequestedTime:
    """A requested time of a session; no practitioner or room means any."""

    number: int
    starts_at: datetime
    practitioner_id: int | None = None
    room_id: int | None = None
    position: int | None = None
    """The index in the list of the request, if the times came in a list."""


def check_requested(
    wanted: Sequence[RequestedTime],
    resources: Resources,
    *,
    now: datetime,
    taken_days: Iterable[date] = (),
    field: str | None = None,
    permit: Permit = NO_PERMIT,
) -> None:
    """Raises Invalid for times and practitioners that would be wrong on an empty calendar.

    `taken_days`: days of other sessions of the course. `field`: the field of the request that
    holds the time, unless the times came in a list of sessions. To an actor who could pass them,
    `allocate` reports days and times that are past, too far ahead or taken by the course.
    """
    if not 1 <= len(wanted) <= MAX_COURSE_SESSIONS:
        raise Invalid(
            f"A course has 1 to {MAX_COURSE_SESSIONS} sessions, not {len(wanted)}.",
            field="sessions",
        )
    days = set(taken_days)
    for time in wanted:
        place = f"sessions[{time.number - 1}]."
        _check_practitioner(time, resources, field=f"{'' if field else place}practitioner_id")
        _check_room(time, resources, field=f"{'' if field else place}room_id")
        starts_field = field or f"{place}starts_at"
        if time.starts_at.second or time.starts_at.microsecond:
            raise Invalid(
                f"Session {time.number} does not start on a whole minute. Send a time without"
                " seconds.",
                field=starts_field,
            )
        found = broken_on_empty_calendar(time, resources, days, now=now)
        could_pass = permit.could_pass if abs(time.starts_at - now) <= AT_MOST_AWAY else set()
        if refused := found - could_pass:
            limit = next(limit for limit in Limit if limit in refused)
            raise Invalid(_refusal(limit, time, resources, now), field=starts_field)
        days.add(time.starts_at.astimezone(resources.zone).date())


def broken_on_empty_calendar(
    wanted: RequestedTime, resources: Resources, taken_days: Collection[date], *, now: datetime
) -> set[Limit]:
    """The limits that do not depend on other bookings, except for the notice."""
    day = wanted.starts_at.astimezone(resources.zone).date()
    ends_at = wanted.starts_at + timedelta(minutes=resources.shape.minutes)
    limits = {
        Limit.PAST: ends_at <= now,
        Limit.ALREADY_STARTED: wanted.starts_at <= now < ends_at,
        Limit.BEYOND_HORIZON: day > search.last_day(resources, now),
        Limit.SAME_DAY: day in taken_days,
    }
    return {limit for limit, is_broken in limits.items() if is_broken}


def _refusal(limit: Limit, wanted: RequestedTime, resources: Resources, now: datetime) -> str:
    if limit == Limit.BEYOND_HORIZON:
        return (
            f"Session {wanted.number} is after {search.last_day(resources, now)}, the last day that"
            " can be booked. Choose an earlier day."
        )
    if limit == Limit.SAME_DAY:
        return f"Session {wanted.number} is on the same day as another session. Choose another day."
    return f"Session {wanted.number} is in the past. Choose a later time."


def _check_room(wanted: RequestedTime, resources: Resources, *, field: str) -> None:
    if wanted.room_id is not None and wanted.room_id not in {room.id for room in resources.rooms}:
        raise Invalid(
            f"Room {wanted.room_id} is not used for this treatment. Choose another one.",
            field=field,
        )


def _check_practitioner(wanted: RequestedTime, resources: Resources, *, field: str) -> None:
    practitioner_id = wanted.practitioner_id
    if practitioner_id is not None and not resources.gives(practitioner_id):
        raise Invalid(
            f"Practitioner {practitioner_id} does not give this treatment. Choose another one.",
            field=field,
        )
