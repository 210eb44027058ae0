"""Time off and closures: they lie in the diary like sessions do, so that neither can overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from scheduler import audit
from scheduler.audit import Actor
from scheduler.booking import diary, holds
from scheduler.booking.diary import Entry
from scheduler.booking.models import Appointment, DiaryEntry
from scheduler.clinic.models import Clinic, Closure, Practitioner, Room, TimeOff
from scheduler.database import Busy, known
from scheduler.errors import Conflict, NotFound, Unfit
from scheduler.intervals import Interval, minute_of

LONGEST = timedelta(days=366)


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


def take_time_off(
    session: Session,
    actor: Actor,
    practitioner: Practitioner,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    now: datetime,
) -> TimeOff:
    """A practitioner is away. BookedInside lists the sessions that need their hands then.

    HeldJustNow: no session is in the way, but somebody who is filling the form has a time in it.
    """
    span = _span(starts_at, ends_at)
    time_off = TimeOff(
        clinic_id=practitioner.clinic_id,
        practitioner_id=known(practitioner.id),
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
    )
    session.add(time_off)
    session.flush()
    _claim(
        session,
        [Entry(practitioner.calendar_id, span, time_off_id=known(time_off.id))],
        now=now,
    )
    audit.record(
        session,
        actor,
        "took time off",
        "practitioner",
        practitioner.id,
        clinic_id=practitioner.clinic_id,
        now=now,
        time_off_id=time_off.id,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
    )
    return time_off


def cancel_time_off(session: Session, actor: Actor, time_off_id: int, *, now: datetime) -> None:
    """The practitioner is here after all."""
    time_off = session.exec(
        select(TimeOff).where(TimeOff.id == time_off_id, actor.scope(col(TimeOff.clinic_id)))
    ).first()
    if time_off is None:
        raise NotFound
    diary.free(session, time_off_id=time_off_id)
    session.delete(time_off)
    session.flush()
    audit.record(
        session,
        actor,
        "cancelled time off",
        "practitioner",
        time_off.practitioner_id,
        clinic_id=time_off.clinic_id,
        now=now,
        time_off_id=time_off_id,
    )


def close(
    session: Session, actor: Actor, clinic: Clinic, *, day: date, reason: str = "", now: datetime
) -> Closure:
    """The clinic is closed on a day of its own calendar. BookedInside lists who is booked.

    HeldJustNow: nobody is, but somebody who is filling the form has a time on that day.
    """
    if session.exec(
        select(Closure).where(Closure.clinic_id == clinic.id, Closure.day == day)
    ).first():
        raise Conflict("The clinic is closed on this day already.")
    closure = Closure(clinic_id=known(clinic.id), day=day, reason=reason)
    session.add(closure)
    session.flush()
    rooms = session.exec(select(Room).where(Room.clinic_id == clinic.id)).all()
    span = _span(*_whole_day(day, ZoneInfo(clinic.timezone)))
    _claim(
        session,
        [Entry(room.calendar_id, span, closure_id=closure.id) for room in rooms],
        now=now,
    )
    audit.record(
        session,
        actor,
        "closed",
        "clinic",
        clinic.id,
        clinic_id=clinic.id,
        now=now,
        date=day.isoformat(),
    )
    return closure


def extend_closures(session: Session, room: Room, clinic: Clinic, *, now: datetime) -> None:
    """A new room is closed on the days on which its clinic is."""
    zone = ZoneInfo(clinic.timezone)
    closures = session.exec(
        select(Closure).where(
            Closure.clinic_id == clinic.id, col(Closure.day) >= now.astimezone(zone).date()
        )
    ).all()
    diary.claim(
        session,
        [
            Entry(room.calendar_id, _span(*_whole_day(closure.day, zone)), closure_id=closure.id)
            for closure in closures
        ],
    )


def _whole_day(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return (
        datetime.combine(day, time(), tzinfo=zone),
        datetime.combine(day + timedelta(days=1), time(), tzinfo=zone),
    )


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


def _in_the_way(entries: Sequence[Entry]) -> list[ColumnElement[bool]]:
    """Only what absences cannot share minutes with; all entries of one absence have one span."""
    span = entries[0].span
    return [
        col(DiaryEntry.calendar_id).in_([entry.calendar_id for entry in entries]),
        col(DiaryEntry.from_minute) > span.start - diary.LONGEST,
        col(DiaryEntry.from_minute) < span.end,
        col(DiaryEntry.to_minute) > span.start,
        or_(col(DiaryEntry.appointment_id).is_not(None), col(DiaryEntry.hold_id).is_not(None)),
    ]
