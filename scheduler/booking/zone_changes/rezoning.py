"""A zone's rules have changed: sessions and absences keep their wall time, and get new instants.

What people agreed on is what clocks show. Whatever stands in the diary at an instant at which they
will show another time follows them, all in one transaction. What cannot follow, because clocks now
skip its time or because it would land on somebody else, stays where it is and is told to staff.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, or_, select

from scheduler.audit import audit_trail
from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import diary
from scheduler.booking.availability.diary import DIARY, Entry
from scheduler.booking.courses import courses
from scheduler.booking.models import Appointment, Course, DiaryEntry, Hold
from scheduler.booking.zone_changes.conflicts import DiaryStretch, Key, MovingEntry, settle
from scheduler.clinic import hours
from scheduler.clinic.closures import Closed
from scheduler.clinic.models import Clinic, Closure, TimeOff
from scheduler.clinic.zone_rules import Rules
from scheduler.infra.intervals import Interval, instant_of, minute_of
from scheduler.storage.database import Busy, stored_id

Thing = TypeVar("Thing")

REACH = timedelta(days=1)
"""No clock change is longer; a session that lay in the past may lie ahead by the new rules."""

CHUNK = 500
"""How many rows one statement names; databases take no more than some thousands."""


@dataclass(frozen=True)
class ZoneShift:
    """Something whose wall time lies at another instant now, in UTC minutes."""

    key: Key
    clinic_id: int
    name: str
    """what staff call it: session 3 of course 12"""
    agreed: str
    """the wall time at which it begins, and the zone"""
    before: Interval
    after: Interval
    course_id: int | None = None


@dataclass(frozen=True)
class ZoneConflict:
    """Something that stays at its instant, at which clocks show another time than was agreed."""

    shift: ZoneShift
    why: str

    @property
    def sentence(self) -> str:
        """What staff have to know."""
        return (
            f"{self.shift.name}, agreed for {self.shift.agreed},"
            f" stays at {_utc(self.shift.before.start)}: {self.why}."
        )


@dataclass(frozen=True)
class Outlook:
    """What follows the clock, and what cannot."""

    shifts: Sequence[ZoneShift]
    clashes: Sequence[ZoneConflict]
    movers: Sequence[MovingEntry]


def look(session: Session, noted: Mapping[str, Rules], *, now: datetime) -> Outlook:
    """Everything still to come at whose instant clocks show another time than was meant. Reads.

    `noted`: by zone, the rules that held when absences were entered.
    """
    zones = {
        stored_id(clinic_id): ZoneInfo(name)
        for clinic_id, name in session.exec(select(Clinic.id, Clinic.timezone))
    }
    shifts, clashes = [], []
    for shift, possible in (
        *_sessions(session, now),
        *_time_off(session, zones, noted, now),
        *_closures(session, zones, now),
    ):
        if possible:
            shifts.append(shift)
        else:
            clashes.append(ZoneConflict(shift, "clocks skip that time now"))
    movers = _movers(session, shifts)
    stays = settle(movers, _standing(session, movers))
    by_key = {shift.key: shift for shift in shifts}
    clashes += [
        ZoneConflict(by_key[key], f"{_named(other)} takes that time")
        for key, other in stays.items()
    ]
    return Outlook(
        shifts=[shift for shift in shifts if shift.key not in stays],
        clashes=clashes,
        movers=[mover for mover in movers if mover.key not in stays],
    )


def follow(session: Session, actor: Actor, outlook: Outlook, *, now: datetime) -> None:
    """Set what can follow to its new instants. Busy: somebody changed it meanwhile, look again.

    A hold of ten minutes gives way: whoever filled the form is shown the times anew.
    """
    _release_holds(session, {shift.clinic_id for shift in outlook.shifts})
    keys = [mover.key for mover in outlook.movers]
    for ids in _chunks(keys):
        session.exec(delete(DiaryEntry).where(_about(ids)))
    by_key = {shift.key: shift for shift in outlook.shifts}
    _follow_sessions(session, by_key, now)
    _follow_time_off(session, by_key)
    entries = [_entry(stretch) for mover in outlook.movers for stretch in mover.after]
    for some in _chunks(entries):
        if not diary.claim(session, some):
            raise Busy
    _record(session, actor, outlook, now)


def utc_of(shift: ZoneShift) -> tuple[datetime, datetime]:
    """When something began and when it begins now, as aware UTC instants."""
    return instant_of(shift.before.start), instant_of(shift.after.start)


def sentence(shift: ZoneShift) -> str:
    """What staff read of something that has followed."""
    return (
        f"{shift.name} keeps {shift.agreed}:"
        f" {_utc(shift.after.start)} instead of {_utc(shift.before.start)}."
    )


def _sessions(session: Session, now: datetime) -> Iterator[tuple[ZoneShift, bool]]:
    """Sessions of any state, cancelled ones too: texts about them tell when they were."""
    rows = session.exec(
        select(  # type: ignore[call-overload]
            Appointment.id,
            Appointment.clinic_id,
            Appointment.course_id,
            Appointment.number,
            Appointment.starts_at,
            Appointment.ends_at,
            Appointment.wall_time,
            Appointment.fold,
            Appointment.zone,
        )
        .where(Appointment.starts_at > now - REACH)
        .order_by(col(Appointment.id))
    )
    for number, clinic_id, course_id, place, starts_at, ends_at, wall, fold, zone in rows:
        day, clock = wall.split("T")
        minute = int(clock[:2]) * 60 + int(clock[3:])
        before = Interval(minute_of(starts_at), minute_of(ends_at))
        start = hours.resolve(date.fromisoformat(day), minute, ZoneInfo(zone), fold)
        after = before if start is None else _from(start, before)
        if start == before.start or max(before.start, after.start) <= now.timestamp() // 60:
            continue
        key, name = ("appointment", number), f"Session {place} of course {course_id}"
        agreed = f"{day} {clock} {zone}"
        yield ZoneShift(key, clinic_id, name, agreed, before, after, course_id), start is not None


def _time_off(
    session: Session, zones: Mapping[int, ZoneInfo], noted: Mapping[str, Rules], now: datetime
) -> Iterator[tuple[ZoneShift, bool]]:
    rows = session.exec(
        select(TimeOff).where(TimeOff.ends_at > now - REACH).order_by(col(TimeOff.id))
    )
    for row in rows:
        zone = zones[row.clinic_id]
        rules = noted.get(zone.key)
        if rules is None:
            continue
        before = Interval(minute_of(row.starts_at), minute_of(row.ends_at))
        # Where its time comes twice or is skipped, an absence takes the more: like hours of work.
        start = _same_wall(before.start, rules, zone, fold=0)
        after = Interval(start, _same_wall(before.end, rules, zone, fold=1))
        if after != before:
            shown = instant_of(before.start + rules.offset(before.start))
            agreed = f"{shown:%Y-%m-%d %H:%M} {zone.key}"
            name = f"Time off {row.id}"
            shift = ZoneShift(
                ("time off", stored_id(row.id)), row.clinic_id, name, agreed, before, after
            )
            yield shift, after.start < after.end


def _closures(
    session: Session, zones: Mapping[int, ZoneInfo], now: datetime
) -> Iterator[tuple[ZoneShift, bool]]:
    rows = session.exec(
        select(Closure, DiaryEntry.from_minute, DiaryEntry.to_minute)
        .join(DiaryEntry, col(DiaryEntry.closure_id) == Closure.id)
        .where(Closure.day >= (now - 2 * REACH).date())
        .order_by(col(Closure.id))
    )
    spans: dict[int, tuple[Closure, Interval]] = {}
    for closure, start, end in rows:
        _, span = spans.get(stored_id(closure.id), (closure, Interval(start, end)))
        spans[stored_id(closure.id)] = closure, Interval(min(start, span.start), max(end, span.end))
    for number, (closure, before) in spans.items():
        zone = zones[closure.clinic_id]
        after = Closed(closure.day, closure.starts, closure.ends).span(zone)
        if after != before:
            agreed = f"{closure.day} {zone.key}"
            name = f"Closure {number}"
            shift = ZoneShift(("closure", number), closure.clinic_id, name, agreed, before, after)
            yield shift, True


def _same_wall(minute: int, rules: Rules, zone: ZoneInfo, *, fold: int) -> int:
    """Where the wall time of an instant lies by today's rules, given how it was by the old."""
    if hours.offset(minute, zone) == rules.offset(minute):
        return minute
    local = instant_of(minute + rules.offset(minute))
    return hours.moment(local.date(), local.hour * 60 + local.minute, zone, fold)


def _movers(session: Session, shifts: Sequence[ZoneShift]) -> list[MovingEntry]:
    """What each takes of which calendars, and is to take."""
    taken: dict[Key, list[DiaryStretch]] = {shift.key: [] for shift in shifts}
    for some in _chunks(list(taken)):
        for stretch in _stretches(session, _about(some)):
            taken[stretch.key].append(stretch)
    return [
        MovingEntry(shift.key, taken[shift.key], _after(shift, taken[shift.key]))
        for shift in shifts
    ]


def _after(shift: ZoneShift, before: Sequence[DiaryStretch]) -> list[DiaryStretch]:
    if shift.key[0] == "appointment":
        by = shift.after.start - shift.before.start
        return [
            each._replace(span=Interval(each.span.start + by, each.span.end + by))
            for each in before
        ]
    calendars = sorted({each.calendar_id for each in before})
    return [DiaryStretch(calendar_id, shift.after, shift.key) for calendar_id in calendars]


def _standing(session: Session, movers: Sequence[MovingEntry]) -> list[DiaryStretch]:
    """What else lies on the same calendars, from the first of the movers on; holds give way."""
    stretches = [each for mover in movers for each in (*mover.before, *mover.after)]
    if not stretches:
        return []
    first = min(stretch.span.start for stretch in stretches) - diary.LONGEST
    moving = {mover.key for mover in movers}
    return [
        stretch
        for some in _chunks(sorted({stretch.calendar_id for stretch in stretches}))
        for stretch in _stretches(
            session,
            DIARY.c.calendar_id.in_(some) & (DIARY.c.from_minute > first),
        )
        if stretch.key not in moving
    ]


def _stretches(session: Session, where: ColumnElement[bool]) -> Iterator[DiaryStretch]:
    entry = DIARY.c
    rows = session.execute(
        select(  # type: ignore[call-overload]
            entry.calendar_id,
            entry.from_minute,
            entry.to_minute,
            entry.appointment_id,
            entry.time_off_id,
            entry.closure_id,
        ).where(where, entry.hold_id.is_(None))
    )
    for calendar_id, start, end, appointment_id, time_off_id, closure_id in rows:
        if appointment_id is not None:
            key = ("appointment", appointment_id)
        else:
            key = ("closure", closure_id) if time_off_id is None else ("time off", time_off_id)
        yield DiaryStretch(calendar_id, Interval(start, end), key)


def _about(keys: Iterable[Key]) -> ColumnElement[bool]:
    wanted = list(keys)

    def ids(kind: str) -> list[int]:
        return [number for each, number in wanted if each == kind]

    return or_(
        DIARY.c.appointment_id.in_(ids("appointment")),
        DIARY.c.time_off_id.in_(ids("time off")),
        DIARY.c.closure_id.in_(ids("closure")),
    )


def _entry(stretch: DiaryStretch) -> Entry:
    kind, number = stretch.key
    entry = Entry(stretch.calendar_id, stretch.span)
    if kind == "appointment":
        return replace(entry, appointment_id=number)
    if kind == "time off":
        return replace(entry, time_off_id=number)
    return replace(entry, closure_id=number)


def _release_holds(session: Session, clinic_ids: Collection[int]) -> None:
    held = select(Hold.id).where(col(Hold.clinic_id).in_(clinic_ids))
    session.exec(delete(DiaryEntry).where(col(DiaryEntry.hold_id).in_(held)))
    session.exec(delete(Hold).where(col(Hold.clinic_id).in_(clinic_ids)))


def _follow_sessions(session: Session, shifts: Mapping[Key, ZoneShift], now: datetime) -> None:
    course_ids = set()
    for ids in _chunks([number for kind, number in shifts if kind == "appointment"]):
        rows = session.exec(
            select(Appointment)
            .where(col(Appointment.id).in_(ids))
            .order_by(col(Appointment.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        for row in rows:
            shift = shifts["appointment", stored_id(row.id)]
            if row.starts_at != instant_of(shift.before.start):
                raise Busy
            row.starts_at = instant_of(shift.after.start)
            row.ends_at = instant_of(shift.after.end)
            row.changed_at = now
            session.add(row)
            course_ids.add(row.course_id)
    session.flush()
    for ids in _chunks(sorted(course_ids)):
        found = session.exec(
            select(Course).where(col(Course.id).in_(ids)).order_by(col(Course.id)).with_for_update()
        )
        for course in found.all():
            courses.bump_version(session, course, now)


def _follow_time_off(session: Session, shifts: Mapping[Key, ZoneShift]) -> None:
    for ids in _chunks([number for kind, number in shifts if kind == "time off"]):
        for row in session.exec(select(TimeOff).where(col(TimeOff.id).in_(ids))):
            shift = shifts["time off", stored_id(row.id)]
            if row.starts_at != instant_of(shift.before.start):
                raise Busy
            row.starts_at = instant_of(shift.after.start)
            row.ends_at = instant_of(shift.after.end)
            session.add(row)
    session.flush()


def _record(session: Session, actor: Actor, outlook: Outlook, now: datetime) -> None:
    told = [(shift, "followed the clock", "") for shift in outlook.shifts]
    told += [(clash.shift, "could not follow the clock", clash.why) for clash in outlook.clashes]
    for shift, deed, why in told:
        kind, number = shift.key
        audit_trail.record(
            session,
            actor,
            deed,
            kind,
            number,
            clinic_id=shift.clinic_id,
            now=now,
            agreed=shift.agreed,
            before=instant_of(shift.before.start).isoformat(),
            after=instant_of(shift.after.start).isoformat(),
            **({"why": why} if why else {}),
        )
    session.flush()


def _from(start: int, span: Interval) -> Interval:
    return Interval(start, start + span.end - span.start)


def _named(key: Key) -> str:
    return f"{key[0]} {key[1]}"


def _utc(minute: int) -> str:
    return f"{instant_of(minute):%Y-%m-%d %H:%M} UTC"


def _chunks(things: Sequence[Thing]) -> Iterator[list[Thing]]:
    rest = iter(things)
    while some := list(islice(rest, CHUNK)):
        yield some
