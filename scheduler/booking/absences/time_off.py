"""Time off: it lies in the diary like sessions do, so that neither can overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import diary, holds
from scheduler.booking.availability.diary import Entry
from scheduler.booking.models import Appointment, DiaryEntry, Hold, Offer
from scheduler.clinic import hours, rota
from scheduler.clinic.models import Clinic, Practitioner, Room, TimeOff
from scheduler.infra.errors import Conflict, Invalid, NotFound
from scheduler.infra.intervals import Interval, instant_of, minute_of
from scheduler.storage.database import Busy, stored_id

Whose = Practitioner | Room
"""The owner of an absence: a practitioner, or a room, which is then out of use."""

LONGEST = timedelta(days=366)
MOST_TIMES = 106
"""How often an absence may recur: every week for two years."""


@dataclass(frozen=True)
class BlockingAppointment:
    """An appointment inside an absence, as plain values that outlive the transaction."""

    appointment_id: int
    course_id: int
    number: int
    starts_at: datetime
    zone: str

    @classmethod
    def of(cls, appointment: Appointment) -> Self:
        """The values of an appointment."""
        return cls(
            stored_id(appointment.id),
            appointment.course_id,
            appointment.number,
            appointment.starts_at,
            appointment.zone,
        )


class BookedInside(Conflict):
    sentence = "Sessions are booked in this time. Move or cancel them first: see `appointments`."

    slug = "booked-inside"

    def __init__(self, appointments: Sequence[BlockingAppointment]) -> None:
        super().__init__()
        self.appointments = appointments


class HeldByForm(Conflict):
    sentence = "A booking form holds a time in this absence. Try again in ten minutes."

    slug = "held-just-now"

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until
        """When the last of these holds ends, unless its form is still in use then."""


class OutsideHours(BookedInside):
    sentence = (
        "Booked sessions no longer fit: see `appointments`. Move them first, or send `keep_booked`."
    )

    slug = "booked-outside"


@dataclass(frozen=True)
class Recurrence:
    """The same absence every few weeks, the last one on or before `until`."""

    every_weeks: int
    until: date


def take_time_off(
    session: Session,
    actor: Actor,
    whose: Whose,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    repeat: Recurrence | None = None,
    release_held: bool = False,
    now: datetime,
) -> TimeOff:
    """Enter time off for a practitioner or a room, once or repeated at the same wall time.

    Returns the first occurrence. Applies whole or not at all. Raises BookedInside with the
    appointments that need the practitioner or the room. Raises HeldByForm if only booking forms
    hold times inside; `release_held` releases those holds.
    """
    zone = _zone(session, whose)
    series = [
        TimeOff(
            clinic_id=whose.clinic_id,
            practitioner_id=None if isinstance(whose, Room) else stored_id(whose.id),
            room_id=stored_id(whose.id) if isinstance(whose, Room) else None,
            starts_at=start,
            ends_at=end,
            reason=reason,
        )
        for start, end in _occurrences(starts_at, ends_at, repeat, zone)
    ]
    session.add_all(series)
    session.flush()
    if repeat is not None:
        for time_off in series:
            time_off.series_id = series[0].id
    entries = [_away(whose, time_off) for time_off in series]
    claim(session, entries, release_held=release_held, now=now)
    rota.record(
        session,
        actor,
        Action.TOOK_TIME_OFF,
        whose,
        now=now,
        time_off_id=series[0].id,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
        times=len(series),
    )
    return series[0]


def change_time_off(
    session: Session,
    actor: Actor,
    whose: Whose,
    time_off: TimeOff,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    now: datetime,
) -> TimeOff:
    """Other times for one absence; of a series the others stay. BookedInside, HeldJustNow."""
    _span(starts_at, ends_at)
    diary.free(session, time_off_id=stored_id(time_off.id))
    time_off.starts_at, time_off.ends_at, time_off.reason = starts_at, ends_at, reason
    session.add(time_off)
    session.flush()
    claim(session, [_away(whose, time_off)], now=now)
    rota.record(
        session,
        actor,
        Action.CHANGED_TIME_OFF,
        whose,
        now=now,
        time_off_id=time_off.id,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat(),
    )
    return time_off


def find_time_off(session: Session, whose: Whose, time_off_id: int) -> TimeOff:
    """An absence of this practitioner or room; NotFound for another's."""
    time_off = session.get(TimeOff, time_off_id)
    if time_off is None:
        raise NotFound
    of = time_off.room_id if isinstance(whose, Room) else time_off.practitioner_id
    if of != whose.id:
        raise NotFound
    return time_off


def cancel_time_off(
    session: Session,
    actor: Actor,
    whose: Whose,
    time_off: TimeOff,
    *,
    series: bool = False,
    now: datetime,
) -> int:
    """They are here after all. How many absences went.

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
    for removed in gone:
        diary.free(session, time_off_id=stored_id(removed.id))
        session.delete(removed)
    session.flush()
    rota.record(
        session,
        actor,
        Action.CANCELLED_TIME_OFF,
        whose,
        now=now,
        time_off_id=time_off.id,
        times=len(gone),
    )
    return len(gone)


def _away(whose: Whose, time_off: TimeOff) -> Entry:
    span = _span(time_off.starts_at, time_off.ends_at)
    return Entry(whose.calendar_id, span, time_off_id=stored_id(time_off.id))


def _zone(session: Session, whose: Whose) -> ZoneInfo:
    return ZoneInfo(session.get_one(Clinic, whose.clinic_id).timezone)


def _occurrences(
    starts_at: datetime, ends_at: datetime, repeat: Recurrence | None, zone: ZoneInfo
) -> list[tuple[datetime, datetime]]:
    """When an absence begins and ends, each time at the same wall time; the first is as said."""
    _span(starts_at, ends_at)
    if repeat is None:
        return [(starts_at, ends_at)]
    every = timedelta(weeks=repeat.every_weeks)
    if ends_at - starts_at > every:
        raise Invalid(
            "Time off must end before it recurs. Choose more weeks, or an earlier end.",
            field="repeat.every_weeks",
        )
    first, last = (
        instant.astimezone(zone).replace(tzinfo=None) for instant in (starts_at, ends_at)
    )
    if repeat.until < first.date():
        raise Invalid("`until` is before the first day. Send a later day.", field="repeat.until")
    times = (repeat.until - first.date()) // every + 1
    if times > MOST_TIMES:
        raise Invalid(
            f"Time off can recur at most {MOST_TIMES} times. Send an earlier `until`.",
            field="repeat.until",
        )
    series = [
        (_at(first + number * every, zone), _at(last + number * every, zone))
        for number in range(times)
    ]
    # Clocks may skip the whole occurrence on one date. It then takes no time.
    return [(start, end) for start, end in series if start < end]


def _at(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time; one that clocks skip is the moment they jump to."""
    return instant_of(hours.moment(wall.date(), wall.hour * 60 + wall.minute, zone))


def _span(starts_at: datetime, ends_at: datetime) -> Interval:
    if starts_at.second or starts_at.microsecond or ends_at.second or ends_at.microsecond:
        raise Invalid(
            "Time off starts and ends on a whole minute. Send no seconds.", field="starts_at"
        )
    if ends_at <= starts_at:
        raise Invalid(
            "`ends_at` is not later than `starts_at`. Send a later `ends_at`.", field="ends_at"
        )
    if ends_at - starts_at > LONGEST:
        raise Invalid("Time off lasts at most a year. Send an earlier `ends_at`.", field="ends_at")
    return Interval(minute_of(starts_at), minute_of(ends_at))


def claim(
    session: Session, entries: Sequence[Entry], *, release_held: bool = False, now: datetime
) -> None:
    """Write an absence into the diary, or raise what blocks it.

    `release_held`: release times held by booking forms; the forms continue with other times.
    """
    holds.release_lapsed(session, now=now)
    if diary.claim(session, entries):
        return
    if booked := _booked(session, entries):
        raise BookedInside(booked)
    if _release(session, entries, all_=release_held) and diary.claim(session, entries):
        return
    if booked := _booked(session, entries):
        raise BookedInside(booked)
    until = session.exec(
        select(func.max(Hold.expires_at)).where(col(Hold.id).in_(_holds(entries)))
    ).one()
    if until is not None:
        raise HeldByForm(until)
    # The conflict has disappeared since.
    raise Busy


def _booked(session: Session, entries: Sequence[Entry]) -> list[BlockingAppointment]:
    """The sessions on these calendars, past ones too: what the diary keeps, no absence overlaps."""
    booked = select(DiaryEntry.appointment_id).where(*_in_the_way(entries))
    found = session.exec(
        select(Appointment)
        .where(col(Appointment.id).in_(booked))
        .order_by(col(Appointment.starts_at), col(Appointment.id))
    )
    return [BlockingAppointment.of(appointment) for appointment in found]


def _release(session: Session, entries: Sequence[Entry], *, all_: bool) -> bool:
    """Release times held for the waitlist, because an absence cannot wait for an answer.

    Those offers end when they are answered or checked. `all_`: also release holds of booking forms.
    """
    held = select(Hold.id).where(col(Hold.id).in_(_holds(entries))).order_by(col(Hold.id))
    if not all_:
        held = held.where(col(Hold.id).in_(select(Offer.hold_id)))
    # Waits for a concurrent booking. A hold that it has booked by then is no longer found.
    ids = session.exec(held.with_for_update()).all()
    for hold_id in ids:
        holds.release(session, stored_id(hold_id))
    return bool(ids)


def _holds(entries: Sequence[Entry]) -> SelectOfScalar[Any]:
    return select(DiaryEntry.hold_id).where(
        *_in_the_way(entries), col(DiaryEntry.hold_id).is_not(None)
    )


def _in_the_way(entries: Sequence[Entry]) -> list[ColumnElement[bool]]:
    """Conditions on diary entries that an absence must not overlap, on the same calendars."""
    return [
        col(DiaryEntry.calendar_id).in_({entry.calendar_id for entry in entries}),
        or_(
            *(
                and_(
                    col(DiaryEntry.from_minute) > span.start - diary.LONGEST_ENTRY,
                    col(DiaryEntry.from_minute) < span.end,
                    col(DiaryEntry.to_minute) > span.start,
                )
                for span in sorted({entry.span for entry in entries})
            )
        ),
        or_(col(DiaryEntry.appointment_id).is_not(None), col(DiaryEntry.hold_id).is_not(None)),
    ]
