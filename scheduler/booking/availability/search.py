"""Finds free times. Offers, plans, bookings and changes all use these rules."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking.availability import diary, slots
from scheduler.booking.availability.diary import Occupied
from scheduler.booking.availability.slots import (
    Break,
    PractitionerTime,
    RoomTime,
    SessionShape,
    Slot,
    Stretch,
)
from scheduler.booking.pace.wishes import Opening
from scheduler.clinic import closures, hours, licenses, shifts
from scheduler.clinic.models import (
    Clinic,
    Practitioner,
    Room,
    Treatment,
    TreatmentPractitioner,
    TreatmentRoom,
)
from scheduler.clinic.shifts import Week
from scheduler.infra.errors import NotFound
from scheduler.infra.intervals import Interval, Minute, minute_of, overlap
from scheduler.storage.database import stored_id

Given = TypeVar("Given", Practitioner, Room)

Limits = tuple[list[Break], list[Interval], bool]
"""Breaks, full days, and whether these depend on how many sessions there are."""


@dataclass(frozen=True)
class Resources:
    """The practitioners and rooms of a treatment."""

    treatment: Treatment
    zone: ZoneInfo
    shape: SessionShape
    practitioners: Sequence[Practitioner]
    rooms: Sequence[Room]

    def gives(self, practitioner_id: int) -> bool:
        """Whether a practitioner gives this treatment."""
        return any(practitioner.id == practitioner_id for practitioner in self.practitioners)

    def practitioner(self, practitioner_id: int) -> Practitioner:
        """A practitioner who gives this treatment; NotFound for another."""
        return _by_id(self.practitioners, practitioner_id)

    def room(self, room_id: int) -> Room:
        """A room of this treatment; NotFound for another."""
        return _by_id(self.rooms, room_id)


@dataclass(frozen=True)
class Times:
    """Working hours and occupied times of the resources of a treatment over some days."""

    practitioners: Sequence[PractitionerTime]
    rooms: Sequence[RoomTime]
    patient_busy: Sequence[Stretch]
    closed: Sequence[Interval] = ()
    """When the clinic is closed"""


@dataclass(frozen=True)
class Ignoring:
    """Entries that a search treats as free: the caller's own hold or the sessions it moves.

    `closures`: closures too, in the calendars of rooms. They still cut the working hours.
    """

    hold_id: int | None = None
    appointment_ids: Sequence[int] = ()
    closures: bool = False


IGNORE_NOTHING = Ignoring()


def find_resources(session: Session, treatment: Treatment) -> Resources:
    """The active practitioners and rooms of a treatment."""
    clinic = session.get_one(Clinic, treatment.clinic_id)
    return Resources(
        treatment=treatment,
        zone=ZoneInfo(clinic.timezone),
        shape=shape_of(treatment),
        practitioners=session.exec(
            select(Practitioner)
            .join(TreatmentPractitioner)
            .where(TreatmentPractitioner.treatment_id == treatment.id, Practitioner.active)
            .order_by(col(Practitioner.id))
        ).all(),
        rooms=session.exec(
            select(Room)
            .join(TreatmentRoom)
            .where(TreatmentRoom.treatment_id == treatment.id, Room.active)
            .order_by(col(Room.id))
        ).all(),
    )


def shape_of(treatment: Treatment) -> SessionShape:
    """How long a session of a treatment takes, and which minutes need the practitioner."""
    return SessionShape(
        minutes=treatment.minutes,
        hands_on=tuple((hand.from_minute, hand.to_minute) for hand in treatment.hands_on)
        or ((0, treatment.minutes),),
        turnover_minutes=treatment.turnover_minutes,
        step=treatment.start_every_minutes,
        setup_minutes=treatment.setup_minutes,
        buffer_before=treatment.buffer_before_minutes,
        buffer_after=treatment.buffer_after_minutes,
    )


def times(
    session: Session,
    resources: Resources,
    *,
    first: date,
    last: date,
    now: datetime,
    patient_calendar_id: int | None = None,
    ignoring: Ignoring = IGNORE_NOTHING,
) -> Times:
    """Working hours within licenses and outside closures, and what is taken, on local dates.

    Both dates are included. All rules of the calendars are read here; `slots` applies them.
    """
    weeks = shifts.of(
        session, [stored_id(practitioner.id) for practitioner in resources.practitioners]
    )
    closed = closures.between(session, resources.treatment.clinic_id, first, last)
    working = _working(resources, weeks, closed, first, last)
    calendars = [practitioner.calendar_id for practitioner in resources.practitioners]
    calendars += [room.calendar_id for room in resources.rooms]
    taken = diary.busy(
        session,
        [*calendars, *([patient_calendar_id] if patient_calendar_id else [])],
        _reach(first, last, resources),
        now=now,
        but_hold_id=ignoring.hold_id,
        but_appointment_ids=ignoring.appointment_ids,
        but_closures=ignoring.closures,
    )
    limits = _limits(session, resources, weeks, first, last, now=now, ignoring=ignoring)
    return Times(
        practitioners=[
            PractitionerTime(
                stored_id(practitioner.id),
                working[stored_id(practitioner.id)].open,
                taken[practitioner.calendar_id],
                *limits[stored_id(practitioner.id)],
                working[stored_id(practitioner.id)].begins,
                working[stored_id(practitioner.id)].planned,
                licenses.ends_at(practitioner.license_expires_on, resources.zone),
            )
            for practitioner in resources.practitioners
            if practitioner.active
        ],
        rooms=[RoomTime(stored_id(room.id), taken[room.calendar_id]) for room in resources.rooms],
        patient_busy=taken.get(patient_calendar_id or 0, []),
        closed=[closure.span(resources.zone) for closure in closed],
    )


def free_slots(
    session: Session,
    resources: Resources,
    *,
    first: date,
    last: date,
    now: datetime,
    practitioner_id: int | None = None,
    patient_calendar_id: int | None = None,
    ignoring: Ignoring = IGNORE_NOTHING,
) -> list[Slot]:
    """Free starts of a treatment from one local date to another, by start and practitioner.

    Both dates are included. The treatment's notice and horizon are respected.
    """
    first = max(first, now.astimezone(resources.zone).date())
    last = min(last, last_day(resources, now))
    if last < first:
        return []
    found = times(
        session,
        resources,
        first=first,
        last=last,
        now=now,
        patient_calendar_id=patient_calendar_id,
        ignoring=ignoring,
    )
    return slots.free(
        _span(first, last, resources.zone),
        resources.shape,
        [
            practitioner
            for practitioner in found.practitioners
            if practitioner_id is None or practitioner.practitioner_id == practitioner_id
        ],
        found.rooms,
        zone=resources.zone,
        not_before=soonest(resources, now),
        patient_busy=found.patient_busy,
    )


def soonest(resources: Resources, now: datetime) -> Minute:
    """The first minute after the treatment's notice."""
    notice = now + timedelta(minutes=resources.treatment.min_notice_minutes + 1)
    return minute_of(notice.replace(second=0, microsecond=0))


def last_day(resources: Resources, now: datetime) -> date:
    """The last local date within the treatment's horizon."""
    return now.astimezone(resources.zone).date() + timedelta(days=resources.treatment.horizon_days)


def breaks(
    week: Week, days: Sequence[date], taken: Sequence[Interval], zone: ZoneInfo
) -> list[Break]:
    """A practitioner's breaks on some dates, each with the sessions that lie in its window."""
    return [
        Break(window, minutes, [span for span in taken if overlap(span, window)])
        for window, minutes in shifts.windows(week.breaks, days, zone)
    ]


def openings(free: Sequence[Slot], zone: ZoneInfo) -> list[Opening]:
    """Free starts with their local date and minute of the day, for the planner."""
    placed = []
    for slot in free:
        day, minute = hours.wall(slot.starts_at, zone)
        placed.append(Opening(day, minute, slot.starts_at, slot.practitioner_id, slot.room_id))
    return placed


def _reach(first: date, last: date, resources: Resources) -> Interval:
    """The minutes that sessions on these dates can occupy, setup, turnover and buffers included."""
    start, end = _span(first, last, resources.zone)
    shape = resources.shape
    before = max(shape.setup_minutes, shape.buffer_before)
    beyond = shape.minutes + max(shape.turnover_minutes, shape.buffer_after)
    return Interval(start - before, end + beyond)


def _span(first: date, last: date, zone: ZoneInfo) -> Interval:
    return Interval(hours.moment(first, 0, zone), hours.moment(last, hours.MINUTES_PER_DAY, zone))


class _Working(NamedTuple):
    """Working time as planned and as left by closures and the license, and beginnings of shifts."""

    planned: Sequence[Interval]
    open: Sequence[Interval]
    begins: Sequence[Minute]


def _working(
    resources: Resources,
    weeks: Mapping[int, Week],
    closed: Sequence[closures.Closed],
    first: date,
    last: date,
) -> dict[int, _Working]:
    """When each practitioner works."""
    # Many practitioners work the same hours, so each week is computed once.
    days = shifts.dates(first, last)
    planned = {
        work: shifts.stretches(work, days, resources.zone)
        for work in {week.work for week in weeks.values()}
    }
    opened = {
        work: closures.cut(stretches, closed, resources.zone) for work, stretches in planned.items()
    }
    working = {}
    for practitioner in resources.practitioners:
        practitioner_id = stored_id(practitioner.id)
        work = weeks[practitioner_id].work
        working[practitioner_id] = _Working(
            planned[work],
            licenses.cut(opened[work], practitioner.license_expires_on, resources.zone),
            sorted(start for start, _ in planned[work]),
        )
    return working


def _limits(
    session: Session,
    resources: Resources,
    weeks: Mapping[int, Week],
    first: date,
    last: date,
    *,
    now: datetime,
    ignoring: Ignoring,
) -> dict[int, Limits]:
    """The breaks and full days of each practitioner."""
    limits: dict[int, Limits] = {
        stored_id(practitioner.id): ([], [], False) for practitioner in resources.practitioners
    }
    limited = [
        practitioner
        for practitioner in resources.practitioners
        if practitioner.max_sessions_per_day is not None or weeks[stored_id(practitioner.id)].breaks
    ]
    if not limited:
        return limits
    sessions = diary.sessions(
        session,
        [practitioner.calendar_id for practitioner in limited],
        _span(first, last, resources.zone),
        now=now,
        but_hold_id=ignoring.hold_id,
        but_appointment_ids=ignoring.appointment_ids,
    )
    days = shifts.dates(first, last)
    for practitioner in limited:
        taken = sessions[practitioner.calendar_id]
        most = practitioner.max_sessions_per_day
        rests = breaks(
            weeks[stored_id(practitioner.id)],
            days,
            [occupied.span for occupied in taken],
            resources.zone,
        )
        limits[stored_id(practitioner.id)] = (
            rests,
            _full_days(taken, most, resources.zone),
            most is not None or not all(rest.fixed for rest in rests),
        )
    return limits


def _full_days(taken: Sequence[Occupied], most: int | None, zone: ZoneInfo) -> list[Interval]:
    if most is None:
        return []
    held: dict[date, set[tuple[str, int]]] = defaultdict(set)
    for occupied in taken:
        held[hours.wall(occupied.span.start, zone)[0]].add(occupied.why)
    return [_span(day, day, zone) for day, whys in held.items() if len(whys) >= most]


def _by_id(candidates: Sequence[Given], wanted_id: int) -> Given:
    for candidate in candidates:
        if candidate.id == wanted_id:
            return candidate
    raise NotFound
