"""Time off and closures: they lie in the diary like sessions do, so that neither can overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from scheduler import audit
from scheduler.audit import Actor
from scheduler.booking import diary, holds
from scheduler.booking.diary import Entry
from scheduler.booking.models import Appointment, DiaryEntry, Offer
from scheduler.clinic import closures, hours, shifts
from scheduler.clinic.closures import Closed
from scheduler.clinic.models import Clinic, Closure, Practitioner, Room, TimeOff
from scheduler.database import Busy, known
from scheduler.errors import Conflict, NotFound, Unfit
from scheduler.intervals import Interval, instant_of, minute_of

LONGEST = timedelta(days=366)
MOST_DAYS = 62
"""How many days one closure may take."""
MOST_TIMES = 106
"""How often an absence may recur: every week for two years."""


@dataclass(frozen=True)
class Booked:
    """A session that stands in the way: plain values, which outlive the transaction."""

    appointment_id: int
    course_id: int
    number: int
    starts_at: datetime


class BookedInside(Conflict):
    """Patients are booked in this time. Please move or cancel these appointments first."""

    slug = "booked-inside"

    def __init__(self, appointments: Sequence[Booked]) -> None:
        super().__init__()
        self.appointments = appointments


class HeldJustNow(Conflict):
    """Somebody is just booking a time in it. Please try again in ten minutes."""

    slug = "held-just-now"


class BookedOutside(BookedInside):
    """These sessions would no longer fit. Move them first, or say `keep_booked` to keep them."""

    slug = "booked-outside"


@dataclass(frozen=True)
class Recurrence:
    """The same absence again every so many weeks, the last of them on `until` or before."""

    every_weeks: int
    until: date


def take_time_off(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    repeat: Recurrence | None = None,
    now: datetime,
) -> TimeOff:
    """A practitioner is away, once or again and again by the clock on the wall: the first of it.

    All of a series or none: BookedInside lists the sessions that need their hands in any of it.
    HeldJustNow: no session is in the way, but somebody who is filling the form has a time in it.
    """
    zone = _zone(session, practitioner)
    series = [
        TimeOff(
            clinic_id=practitioner.clinic_id,
            practitioner_id=known(practitioner.id),
            starts_at=start,
            ends_at=end,
            reason=reason,
        )
        for start, end in _occurrences(starts_at, ends_at, repeat, zone)
    ]
    session.add_all(series)
    session.flush()
    if repeat is not None:
        for each in series:
            each.series_id = series[0].id
    _claim(session, [_away(practitioner, each) for each in series], now=now)
    _record_time_off(
        session,
        actor,
        "took time off",
        practitioner,
        now,
        time_off_id=series[0].id,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
        times=len(series),
    )
    return series[0]


def change_time_off(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    time_off: TimeOff,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    now: datetime,
) -> TimeOff:
    """Other times for one absence; of a series the others stay. BookedInside, HeldJustNow."""
    _span(starts_at, ends_at)
    diary.free(session, time_off_id=known(time_off.id))
    time_off.starts_at, time_off.ends_at, time_off.reason = starts_at, ends_at, reason
    session.add(time_off)
    session.flush()
    _claim(session, [_away(practitioner, time_off)], now=now)
    _record_time_off(
        session,
        actor,
        "changed time off",
        practitioner,
        now,
        time_off_id=time_off.id,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
    )
    return time_off


def find_time_off(session: Session, practitioner: Practitioner, time_off_id: int) -> TimeOff:
    """An absence of this practitioner; NotFound for another's."""
    time_off = session.get(TimeOff, time_off_id)
    if time_off is None or time_off.practitioner_id != practitioner.id:
        raise NotFound
    return time_off


def cancel_time_off(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    time_off: TimeOff,
    *,
    series: bool = False,
    now: datetime,
) -> int:
    """The practitioner is here after all. How many absences went.

    `series`: also in what is still to come of the same series.
    """
    gone = [time_off]
    if series and time_off.series_id is not None:
        gone = list(
            session.exec(
                select(TimeOff).where(
                    TimeOff.series_id == time_off.series_id,
                    or_(TimeOff.id == time_off.id, col(TimeOff.ends_at) > now),
                )
            )
        )
    for each in gone:
        diary.free(session, time_off_id=known(each.id))
        session.delete(each)
    session.flush()
    _record_time_off(
        session,
        actor,
        "cancelled time off",
        practitioner,
        now,
        time_off_id=time_off.id,
        times=len(gone),
    )
    return len(gone)


def close(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    *,
    day: date,
    last_day: date | None = None,
    starts: str = closures.ALL_DAY,
    ends: str = closures.ALL_DAY,
    reason: str = "",
    now: datetime,
) -> list[Closure]:
    """The clinic is closed on a day or on each from one to another, for all of it or a part.

    All of it or nothing: BookedInside lists who is booked. HeldJustNow: nobody is, but somebody who
    is filling the form has a time in it.
    """
    days = shifts.dates(day, last_day or day)
    if not 1 <= len(days) <= MOST_DAYS:
        raise Unfit(f"A closure takes from 1 to {MOST_DAYS} days.", field="last_date")
    Closed(day, starts, ends).check()
    closed = session.exec(
        select(col(Closure.day)).where(
            Closure.clinic_id == clinic.id, col(Closure.day) >= day, col(Closure.day) <= days[-1]
        )
    ).first()
    if closed is not None:
        raise Conflict(f"The clinic is closed on {closed.isoformat()} already.")
    series = [
        Closure(clinic_id=known(clinic.id), day=each, starts=starts, ends=ends, reason=reason)
        for each in days
    ]
    session.add_all(series)
    session.flush()
    if last_day is not None:
        for one in series:
            one.series_id = series[0].id
    rooms = session.exec(select(Room).where(Room.clinic_id == clinic.id)).all()
    _claim(session, _shut(rooms, series, clinic), now=now)
    audit.record(
        session,
        actor,
        "closed",
        "clinic",
        clinic.id,
        clinic_id=clinic.id,
        now=now,
        date=day.isoformat(),
        days=len(days),
    )
    return series


def find_closure(session: Session, clinic: Clinic, closure_id: int) -> Closure:
    """A closure of this clinic; NotFound for another's."""
    closure = session.get(Closure, closure_id)
    if closure is None or closure.clinic_id != clinic.id:
        raise NotFound
    return closure


def reopen(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    closure: Closure,
    *,
    series: bool = False,
    now: datetime,
) -> None:
    """The clinic is open after all; `series`: on all days that were closed together with it."""
    gone = [closure]
    if series and closure.series_id is not None:
        gone = list(session.exec(select(Closure).where(Closure.series_id == closure.series_id)))
    for each in gone:
        diary.free(session, closure_id=known(each.id))
        session.delete(each)
    session.flush()
    audit.record(
        session,
        actor,
        "reopened",
        "clinic",
        clinic.id,
        clinic_id=clinic.id,
        now=now,
        dates=sorted(each.day.isoformat() for each in gone),
    )


def extend_closures(session: Session, room: Room, clinic: Clinic, *, now: datetime) -> None:
    """A new room is closed when its clinic is."""
    today = now.astimezone(ZoneInfo(clinic.timezone)).date()
    coming = session.exec(
        select(Closure).where(Closure.clinic_id == clinic.id, col(Closure.day) >= today)
    ).all()
    diary.claim(session, _shut([room], coming, clinic))


def _shut(rooms: Iterable[Room], series: Sequence[Closure], clinic: Clinic) -> list[Entry]:
    zone = ZoneInfo(clinic.timezone)
    return [
        Entry(room.calendar_id, span, closure_id=each.id)
        for each in series
        for span in [Closed(each.day, each.starts, each.ends).span(zone)]
        for room in rooms
    ]


def _away(practitioner: Practitioner, time_off: TimeOff) -> Entry:
    span = _span(time_off.starts_at, time_off.ends_at)
    return Entry(practitioner.calendar_id, span, time_off_id=known(time_off.id))


def _zone(session: Session, practitioner: Practitioner) -> ZoneInfo:
    return ZoneInfo(session.get_one(Clinic, practitioner.clinic_id).timezone)


def _occurrences(
    starts_at: datetime, ends_at: datetime, repeat: Recurrence | None, zone: ZoneInfo
) -> list[tuple[datetime, datetime]]:
    """When an absence begins and ends, each time at the same wall time."""
    _span(starts_at, ends_at)
    if repeat is None:
        return [(starts_at, ends_at)]
    every = timedelta(weeks=repeat.every_weeks)
    if ends_at - starts_at > every:
        raise Unfit("An absence must end before it comes again.", field="repeat.every_weeks")
    first, last = (each.astimezone(zone).replace(tzinfo=None) for each in (starts_at, ends_at))
    if repeat.until < first.date():
        raise Unfit("`until` must not be before the first day.", field="repeat.until")
    times = (repeat.until - first.date()) // every + 1
    if times > MOST_TIMES:
        raise Unfit(f"An absence can come {MOST_TIMES} times at most.", field="repeat.until")
    return [
        (_at(first + number * every, zone), _at(last + number * every, zone))
        for number in range(times)
    ]


def _at(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time; one that clocks skip is the moment they jump to."""
    return instant_of(hours.moment(wall.date(), wall.hour * 60 + wall.minute, zone))


def _span(starts_at: datetime, ends_at: datetime) -> Interval:
    if starts_at.second or starts_at.microsecond or ends_at.second or ends_at.microsecond:
        raise Unfit("Times are whole minutes.", field="starts_at")
    if ends_at <= starts_at:
        raise Unfit("The end must be later than the start.", field="ends_at")
    if ends_at - starts_at > LONGEST:
        raise Unfit("Time off can last a year at most.", field="ends_at")
    return Interval(minute_of(starts_at), minute_of(ends_at))


def _claim(session: Session, entries: Sequence[Entry], *, now: datetime) -> None:
    """Write an absence on its calendars, or say what stands in the way."""
    holds.release_lapsed(session, now=now)
    if diary.claim(session, entries):
        return
    if booked := _booked(session, entries):
        raise BookedInside(booked)
    if _release_offered(session, entries) and diary.claim(session, entries):
        return
    if session.exec(select(DiaryEntry.id).where(*_in_the_way(entries))).first():
        raise HeldJustNow
    # Whatever it was has gone since.
    raise Busy


def _booked(session: Session, entries: Sequence[Entry]) -> list[Booked]:
    """The sessions on these calendars, past ones too: what the diary keeps, no absence overlaps."""
    found = session.exec(
        select(Appointment.id, Appointment.course_id, Appointment.number, Appointment.starts_at)
        .join(DiaryEntry, col(DiaryEntry.appointment_id) == Appointment.id)
        .where(*_in_the_way(entries))
        .distinct()
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    return [Booked(known(each[0]), *each[1:]) for each in found]


def _release_offered(session: Session, entries: Sequence[Entry]) -> bool:
    """Let go what is kept for the waitlist: somebody who is ill cannot wait for an answer.

    The offers are found to be lost by whoever answers, or looks after them.
    """
    offered = session.exec(
        select(Offer.hold_id)
        .join(DiaryEntry, col(DiaryEntry.hold_id) == col(Offer.hold_id))
        .where(*_in_the_way(entries))
        .distinct()
    ).all()
    for hold_id in offered:
        holds.release(session, known(hold_id))
    return bool(offered)


def _in_the_way(entries: Sequence[Entry]) -> list[ColumnElement[bool]]:
    """Only what absences cannot share minutes with; all entries are of the same calendars."""
    return [
        col(DiaryEntry.calendar_id).in_({entry.calendar_id for entry in entries}),
        or_(
            *(
                and_(
                    col(DiaryEntry.from_minute) > span.start - diary.LONGEST,
                    col(DiaryEntry.from_minute) < span.end,
                    col(DiaryEntry.to_minute) > span.start,
                )
                for span in sorted({entry.span for entry in entries})
            )
        ),
        or_(col(DiaryEntry.appointment_id).is_not(None), col(DiaryEntry.hold_id).is_not(None)),
    ]


def _record_time_off(
    session: Session,
    actor: Actor,
    deed: str,
    practitioner: Practitioner,
    now: datetime,
    **details: Any,
) -> None:
    audit.record(
        session,
        actor,
        deed,
        "practitioner",
        practitioner.id,
        clinic_id=practitioner.clinic_id,
        now=now,
        **details,
    )
