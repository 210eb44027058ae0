"""What is free: one place decides, for offers, plans, bookings and moves alike."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.booking import diary, slots
from scheduler.booking.compromises import Opening
from scheduler.booking.slots import PractitionerTime, RoomTime, SessionShape, Slot, Stretch
from scheduler.clinic import hours, licences
from scheduler.clinic.hours import WeeklyHours
from scheduler.clinic.models import (
    Clinic,
    Closure,
    Practitioner,
    Room,
    Treatment,
    TreatmentPractitioner,
    TreatmentRoom,
    WorkingHours,
)
from scheduler.database import known
from scheduler.errors import NotFound
from scheduler.intervals import Interval, Minute, minute_of

Given = TypeVar("Given", Practitioner, Room)


@dataclass(frozen=True)
class Resources:
    """Who and what can give a treatment."""

    treatment: Treatment
    zone: ZoneInfo
    shape: SessionShape
    practitioners: Sequence[Practitioner]
    rooms: Sequence[Room]

    def gives(self, practitioner_id: int) -> bool:
        """Whether a practitioner is one of those who give this treatment."""
        return any(each.id == practitioner_id for each in self.practitioners)

    def practitioner(self, practitioner_id: int) -> Practitioner:
        """One of those who give this treatment; NotFound for another."""
        return _by_id(self.practitioners, practitioner_id)

    def room(self, room_id: int) -> Room:
        """One of the rooms in which it is given; NotFound for another."""
        return _by_id(self.rooms, room_id)


@dataclass(frozen=True)
class Times:
    """When those who give a treatment work, and what is taken, over some days."""

    practitioners: Sequence[PractitionerTime]
    rooms: Sequence[RoomTime]
    patient_busy: Sequence[Stretch]


@dataclass(frozen=True)
class Leaving:
    """What to overlook while looking: somebody's own hold, or sessions that are to be moved."""

    hold_id: int | None = None
    appointment_ids: Sequence[int] = ()


NOTHING = Leaving()


def resources(session: Session, treatment: Treatment) -> Resources:
    """Who and what can give a treatment, those retired left out."""
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
    """How long a session of a treatment takes, and which minutes need hands."""
    return SessionShape(
        minutes=treatment.minutes,
        hands_on=tuple((each["from_minute"], each["to_minute"]) for each in treatment.hands_on)
        or ((0, treatment.minutes),),
        turnover_minutes=treatment.turnover_minutes,
        step=treatment.start_every_minutes,
    )


def times(
    session: Session,
    means: Resources,
    *,
    first: date,
    last: date,
    now: datetime,
    patient_calendar_id: int | None = None,
    leaving: Leaving = NOTHING,
) -> Times:
    """Working hours less licence and closures, and what is taken, on local dates (both count)."""
    worked = _working(session, means, first, last)
    calendars = [who.calendar_id for who in means.practitioners]
    calendars += [room.calendar_id for room in means.rooms]
    taken = diary.busy(
        session,
        [*calendars, *([patient_calendar_id] if patient_calendar_id else [])],
        _span(first, last, means.zone),
        now=now,
        but_hold_id=leaving.hold_id,
        but_appointment_ids=leaving.appointment_ids,
    )
    return Times(
        practitioners=[
            PractitionerTime(known(who.id), worked[known(who.id)], taken[who.calendar_id])
            for who in means.practitioners
        ],
        rooms=[RoomTime(known(room.id), taken[room.calendar_id]) for room in means.rooms],
        patient_busy=taken.get(patient_calendar_id or 0, []),
    )


def free_slots(
    session: Session,
    means: Resources,
    *,
    first: date,
    last: date,
    now: datetime,
    practitioner_id: int | None = None,
    patient_calendar_id: int | None = None,
    leaving: Leaving = NOTHING,
) -> list[Slot]:
    """Free starts of a treatment on local dates, both of which count, by start and practitioner.

    None sooner than the treatment's notice, none beyond its horizon.
    """
    today = now.astimezone(means.zone).date()
    first = max(first, today)
    last = min(last, today + timedelta(days=means.treatment.horizon_days))
    if last < first:
        return []
    found = times(
        session,
        means,
        first=first,
        last=last,
        now=now,
        patient_calendar_id=patient_calendar_id,
        leaving=leaving,
    )
    return slots.free(
        _span(first, last, means.zone),
        means.shape,
        [
            who
            for who in found.practitioners
            if practitioner_id is None or who.practitioner_id == practitioner_id
        ],
        found.rooms,
        zone=means.zone,
        not_before=_soonest(means.treatment, now),
        patient_busy=found.patient_busy,
    )


def openings(free: Sequence[Slot], zone: ZoneInfo) -> list[Opening]:
    """Free starts with the local date and minute at which they lie, for the planner."""
    placed = []
    for slot in free:
        day, minute = hours.wall(slot.starts_at, zone)
        placed.append(Opening(day, minute, slot.starts_at, slot.practitioner_id, slot.room_id))
    return placed


def _soonest(treatment: Treatment, now: datetime) -> Minute:
    soonest = now + timedelta(minutes=treatment.min_notice_minutes + 1)
    return minute_of(soonest.replace(second=0, microsecond=0))


def _span(first: date, last: date, zone: ZoneInfo) -> Interval:
    return Interval(hours.moment(first, 0, zone), hours.moment(last, hours.DAY, zone))


def _working(
    session: Session, means: Resources, first: date, last: date
) -> dict[int, list[Interval]]:
    closed = set(
        session.exec(
            select(col(Closure.day)).where(
                Closure.clinic_id == means.treatment.clinic_id,
                col(Closure.day) >= first,
                col(Closure.day) <= last,
            )
        )
    )
    days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    days = [day for day in days if day not in closed]
    weekly = _weekly_hours(session, [known(who.id) for who in means.practitioners])
    # Many work the same hours; what those come to is worked out once.
    stretches: dict[tuple[WeeklyHours, ...], list[Interval]] = {
        week: _stretches(week, days, means.zone) for week in set(weekly.values())
    }
    return {
        known(who.id): licences.cut(
            stretches[weekly[known(who.id)]], who.license_expires_on, means.zone
        )
        for who in means.practitioners
    }


def _stretches(week: Sequence[WeeklyHours], days: Sequence[date], zone: ZoneInfo) -> list[Interval]:
    by_weekday: dict[int, list[WeeklyHours]] = defaultdict(list)
    for each in week:
        by_weekday[each.weekday].append(each)
    return [
        stretch for day in days for stretch in hours.working(by_weekday[day.weekday()], day, zone)
    ]


def _weekly_hours(
    session: Session, practitioner_ids: list[int]
) -> dict[int, tuple[WeeklyHours, ...]]:
    weekly: dict[int, list[WeeklyHours]] = {each: [] for each in practitioner_ids}
    for row in session.exec(
        select(WorkingHours)
        .where(col(WorkingHours.practitioner_id).in_(practitioner_ids))
        .order_by(col(WorkingHours.weekday), col(WorkingHours.starts))
    ):
        weekly[row.practitioner_id].append(
            WeeklyHours(
                row.weekday,
                time.fromisoformat(row.starts),
                time.fromisoformat(row.ends),
                row.valid_from,
                row.valid_to,
            )
        )
    return {each: tuple(week) for each, week in weekly.items()}


def _by_id(those: Sequence[Given], wanted: int) -> Given:
    for each in those:
        if each.id == wanted:
            return each
    raise NotFound
