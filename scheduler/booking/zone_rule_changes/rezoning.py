"""Moves appointments and absences to new instants after the rules of a zone have changed.

Patients and staff agreed on a wall time. A diary entry whose instant no longer shows that wall time
is moved, all in one transaction. An entry that cannot be moved, because clocks now skip its time or
because the new time is taken, stays where it is and is reported to staff.
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
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import diary
from scheduler.booking.availability.diary import DIARY, Entry
from scheduler.booking.courses import courses
from scheduler.booking.models import Appointment, Course, DiaryEntry, Hold
from scheduler.booking.zone_rule_changes.conflicts import DiaryStretch, Key, MovingEntry, settle
from scheduler.clinic import hours
from scheduler.clinic.closures import Closed
from scheduler.clinic.models import Clinic, Closure, TimeOff
from scheduler.clinic.zone_rules import Rules
from scheduler.infra.intervals import Interval, instant_of, minute_of
from scheduler.storage.database import Busy, stored_id

Thing = TypeVar("Thing")

LONGEST_CLOCK_CHANGE = timedelta(days=1)
"""A past appointment may lie in the future by the new rules, by no more than this."""

ROWS_PER_STATEMENT = 500
"""The most ids in one statement; databases limit the number of parameters."""


@dataclass(frozen=True)
class ZoneShift:
    """A diary owner whose wall time is at another instant now, in UTC minutes."""

    key: Key
    clinic_id: int
    name: str
    """Its name for staff: session 3 of course 12."""
    agreed: str
    """The wall time at which it begins, and the zone."""
    before: Interval
    after: Interval
    course_id: int | None = None


@dataclass(frozen=True)
class ZoneConflict:
    """A diary owner that keeps its instant, so that clocks no longer show the agreed time."""

    shift: ZoneShift
    why: str

    @property
    def sentence(self) -> str:
        """The sentence for staff."""
        return (
            f"{self.shift.name}, agreed for {self.shift.agreed},"
            f" stays at {_utc(self.shift.before.start)}: {self.why}."
        )


@dataclass(frozen=True)
class Outlook:
    """The entries that can follow the clock, and those that cannot."""

    shifts: Sequence[ZoneShift]
    clashes: Sequence[ZoneConflict]
    movers: Sequence[MovingEntry]


def find_shifts(session: Session, noted: Mapping[str, Rules], *, now: datetime) -> Outlook:
    """All future entries whose instant no longer shows the agreed wall time. Only reads.

    `noted`: by zone, the rules that applied when absences were entered.
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


def apply(session: Session, actor: Actor, outlook: Outlook, *, now: datetime) -> None:
    """Move everything that can follow to its new instants. Raises Busy after a concurrent change.

    Holds of booking forms are released: the patient is shown the free times again.
    """
    _release_holds(session, {shift.clinic_id for shift in outlook.shifts})
    keys = [mover.key for mover in outlook.movers]
    for ids in _chunks(keys):
        session.exec(delete(DiaryEntry).where(_about(ids)))
    by_key = {shift.key: shift for shift in outlook.shifts}
    _move_appointments(session, by_key, now)
    _move_time_off(session, by_key)
    entries = [_entry(stretch) for mover in outlook.movers for stretch in mover.after]
    for some in _chunks(entries):
        if not diary.claim(session, some):
            raise Busy
    _record(session, actor, outlook, now)


def utc_of(shift: ZoneShift) -> tuple[datetime, datetime]:
    """The start before and after, as aware UTC instants."""
    return instant_of(shift.before.start), instant_of(shift.after.start)


def sentence(shift: ZoneShift) -> str:
    """The sentence for staff about an entry that was moved."""
    return (
        f"{shift.name} keeps {shift.agreed}:"
        f" {_utc(shift.after.start)} instead of {_utc(shift.before.start)}."
    )


def _sessions(session: Session, now: datetime) -> Iterator[tuple[ZoneShift, bool]]:
    """Appointments in any state; texts about cancelled ones mention their time too."""
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
        .where(Appointment.starts_at > now - LONGEST_CLOCK_CHANGE)
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
        select(TimeOff)
        .where(TimeOff.ends_at > now - LONGEST_CLOCK_CHANGE)
        .order_by(col(TimeOff.id))
    )
    for row in rows:
        zone = zones[row.clinic_id]
        rules = noted.get(zone.key)
        if rules is None:
            continue
        before = Interval(minute_of(row.starts_at), minute_of(row.ends_at))
        # If its time occurs twice or is skipped, an absence takes the longer span, as hours do.
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
        .where(Closure.day >= (now - 2 * LONGEST_CLOCK_CHANGE).date())
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
    """The instant that shows, by today's rules, the wall time that `minute` showed by the old."""
    if hours.offset(minute, zone) == rules.offset(minute):
        return minute
    local = instant_of(minute + rules.offset(minute))
    return hours.moment(local.date(), local.hour * 60 + local.minute, zone, fold)


def _movers(session: Session, shifts: Sequence[ZoneShift]) -> list[MovingEntry]:
    """The stretches of each shift before and after."""
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
            stretch._replace(span=Interval(stretch.span.start + by, stretch.span.end + by))
            for stretch in before
        ]
    calendars = sorted({stretch.calendar_id for stretch in before})
    return [DiaryStretch(calendar_id, shift.after, shift.key) for calendar_id in calendars]


def _standing(session: Session, movers: Sequence[MovingEntry]) -> list[DiaryStretch]:
    """The other stretches on the same calendars, without holds, from the first moving one on."""
    stretches = [stretch for mover in movers for stretch in (*mover.before, *mover.after)]
    if not stretches:
        return []
    first = min(stretch.span.start for stretch in stretches) - diary.LONGEST_ENTRY
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
        return [number for key_kind, number in wanted if key_kind == kind]

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


def _move_appointments(session: Session, shifts: Mapping[Key, ZoneShift], now: datetime) -> None:
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


def _move_time_off(session: Session, shifts: Mapping[Key, ZoneShift]) -> None:
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
    records = [(shift, Action.FOLLOWED_CLOCK, "") for shift in outlook.shifts]
    records += [
        (clash.shift, Action.COULD_NOT_FOLLOW_CLOCK, clash.why) for clash in outlook.clashes
    ]
    for shift, action, why in records:
        kind, number = shift.key
        audit_trail.record(
            session,
            actor,
            action,
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
    while some := list(islice(rest, ROWS_PER_STATEMENT)):
        yield some
