"""Courses, slots and closures in every zone whose clocks change in the next three years.

All zones have a clinic, open day and night, in one database. The expected values are computed
minute by minute from what the clocks show, in other ways than the program uses.
"""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Date, bindparam, text
from sqlmodel import Session

from scheduler.api.http.fields import local
from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import closures
from scheduler.booking.availability import search
from scheduler.booking.courses import courses, rescheduling
from scheduler.booking.models import Appointment, Course
from scheduler.booking.pace.wishes import Wishes
from scheduler.booking.planning import plan_course
from scheduler.clinic import hours
from scheduler.clinic.models import Clinic, Treatment
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient
from scheduler.storage.database import Database, stored_id
from tests.builders import cast, rows
from tests.builders.cast import wanted
from tests.support.zones import FIRST, changes, changing, compiled

pytestmark = pytest.mark.slow

STEADY = ("Asia/Kolkata", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Niue")
ALIKE = ("America/New_York", "Europe/London", "Europe/Dublin", "Australia/Sydney", "Europe/Berlin")
"""Zones people ask about, though another has the same changes."""
DAY = timedelta(days=1)
GRID = 20


@dataclass(frozen=True)
class Place:
    """A clinic in a zone; the ids of what it has."""

    zone: ZoneInfo
    clinic: int
    treatment: int
    practitioner: int
    patients: tuple[int, int]

    @property
    def changes(self) -> tuple[tuple[int, int, int], ...]:
        """The two of the next year: UTC minute, minutes ahead before and after."""
        return every_zone().get(self.zone.key, ())[:2]

    def day_of(self, minute: int) -> date:
        return instant_of(minute).astimezone(self.zone).date()


@cache
def every_zone() -> dict[str, tuple[tuple[int, int, int], ...]]:
    return changing()


@pytest.fixture
def places(database: Database) -> list[Place]:
    with database.transaction() as session:
        return [settle(session, name) for name in (*every_zone(), *STEADY)]


def settle(session: Session, name: str) -> Place:
    clinic = rows.clinic(session, "Here", name=name, timezone=name, changed_at=FIRST)
    someone = rows.practitioner(session, clinic, "Noa", weekdays=range(7), hours=("00:00", "00:00"))
    beds = [rows.bed(session, clinic, f"Bed {number}") for number in (1, 2)]
    daily = rows.treatment(
        session,
        clinic,
        [someone],
        beds,
        phases=[{"sessions": 5, "every_days": 1}],
        horizon_days=1100,
        hands_on=[{"from_minute": 0, "to_minute": 10}],
    )
    enrolled = [
        cast.enroll(session, clinic, f"Patient {name}", f"+120255501{number:02}")
        for number, name in ((1, "One"), (2, "Two"))
    ]
    return Place(
        ZoneInfo(name),
        stored_id(clinic.id),
        stored_id(daily.id),
        stored_id(someone.id),
        (stored_id(enrolled[0].id), stored_id(enrolled[1].id)),
    )


def book(session: Session, place: Place, *starts: int, patient: int = 0) -> list[Appointment]:
    course = courses.book(
        session,
        OPERATOR,
        treatment=session.get_one(Treatment, place.treatment),
        patient=session.get_one(Patient, place.patients[patient]),
        wanted=wanted(*map(instant_of, starts)),
        now=FIRST,
    )
    return courses.appointments_of(session, course)


def test_the_zones_are_those_of_the_package() -> None:
    assert len(every_zone()) > 20
    covered = set(every_zone().values())
    assert {name for name in ALIKE if changes(ZoneInfo(name)) not in covered} == set()
    assert "Australia/LHI" in every_zone(), "half an hour"
    assert "NZ-CHAT" in every_zone(), "45 minutes"


@pytest.mark.slow
def test_a_course_across_a_change_keeps_its_wall_time_and_its_40_minutes(
    database: Database, places: list[Place]
) -> None:
    for place in places:
        for change, before, after in place.changes:
            with database.transaction() as session:
                start = place.day_of(change) - 2 * DAY
                wishes = Wishes(start, between=(580, 581))
                plan = plan_course.propose(
                    session, session.get_one(Treatment, place.treatment), wishes, now=FIRST
                )
                booked = book(
                    session,
                    place,
                    *(appointment.opening.starts_at for appointment in plan.sessions),
                )

                days = [start + number * DAY for number in range(5)]
                assert [appointment.wall_time for appointment in booked] == [
                    f"{day}T09:40" for day in days
                ]
                real = booked[-1].starts_at - booked[0].starts_at
                assert real == 4 * DAY - timedelta(minutes=after - before), place.zone
                assert {appointment.ends_at - appointment.starts_at for appointment in booked} == {
                    timedelta(minutes=40)
                }


def test_on_the_day_of_a_change_what_is_offered_is_what_clocks_show(
    database: Database, places: list[Place]
) -> None:
    for place in places:
        for change, _, _ in place.changes:
            with database.transaction(write=False) as session:
                check_offer(session, place, place.day_of(change))


def check_offer(session: Session, place: Place, day: date) -> None:
    """On an empty day each start on the grid of its clocks is offered, and nothing else."""
    minutes = shown_on(day, place.zone)
    expected = [
        minute
        for minute in minutes
        if _wall(minute, place.zone).minute % GRID == 0 and minute + 40 <= minutes[-1] + 1
    ]

    resources = search.find_resources(session, session.get_one(Treatment, place.treatment))
    free = search.free_slots(session, resources, first=day, last=day, now=FIRST)

    offered = [slot.starts_at for slot in free if slot.starts_at + 40 <= minutes[-1] + 1]
    assert offered == expected, (place.zone, day)


def shown_on(day: date, zone: ZoneInfo) -> list[int]:
    """All UTC minutes at which clocks show a date."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()) // 60
    around = range(noon - 2 * 1440, noon + 2 * 1440)
    return [minute for minute in around if _wall(minute, zone).date() == day]


def _wall(minute: int, zone: ZoneInfo) -> datetime:
    return instant_of(minute).astimezone(zone)


def test_the_hour_that_comes_twice_is_two_hours(database: Database, places: list[Place]) -> None:
    for place in places:
        for change, before, after in place.changes:
            if after >= before:
                continue
            # Five minutes after the first time that comes twice.
            first, second = change - (before - after) + 5, change + 5
            with database.transaction() as session:
                # Two patients, each for one of two equal wall times.
                [early] = book(session, place, first, patient=0)
                [late] = book(session, place, second, patient=1)
                zone = place.zone
                told = [local(slot.starts_at, zone) for slot in (early, late)]

            assert early.wall_time == late.wall_time, place.zone
            assert (early.fold, late.fold) == (0, 1), place.zone
            assert [datetime.fromisoformat(shown).utcoffset() for shown in told] == [
                timedelta(minutes=before),
                timedelta(minutes=after),
            ]
            assert [datetime.fromisoformat(shown) for shown in told] == [
                instant_of(first),
                instant_of(second),
            ]


def test_a_session_is_not_shifted_into_the_gap(database: Database, places: list[Place]) -> None:
    refused = 0
    for place in places:
        for change, before, after in place.changes:
            if after <= before:
                continue
            skipped = change + before + 5  # in minutes of the wall clock
            day, minute = divmod(skipped, 1440)
            there = date(1970, 1, 1) + timedelta(days=day)
            start = hours.resolve(there - DAY, minute, place.zone)
            assert start is not None
            with database.transaction() as session:
                [booked] = book(session, place, start)
                course = session.get_one(Course, booked.course_id)
                with pytest.raises(Invalid) as refusal:
                    rescheduling.shift_rest(
                        session, OPERATOR, course, from_number=1, by_days=1, now=FIRST
                    )

            gap = [_clock(change + before), _clock(change + after)]
            assert refusal.value.sentence == (
                f"On {there} clocks go from {gap[0]} straight to {gap[1]}: there is no"
                f" {_clock(skipped)}. Please choose a time before or after that for session 1."
            ), place.zone
            refused += 1
            break
    assert refused > 20


def _clock(minute: int) -> str:
    return f"{minute % 1440 // 60:02}:{minute % 60:02}"


@pytest.mark.both_databases
def test_a_closed_day_is_what_clocks_show_as_that_day(
    database: Database, places: list[Place]
) -> None:
    for place in places:
        for day in {place.day_of(change) for change, _, _ in place.changes}:
            minutes = shown_on(day, place.zone)
            with database.transaction() as session:
                clinic = session.get_one(Clinic, place.clinic)
                closures.close(session, OPERATOR, clinic, day=day, now=FIRST)
                found = session.execute(
                    text(
                        "SELECT MIN(from_minute), MAX(to_minute) FROM diary JOIN closures"
                        " ON closures.id = diary.closure_id"
                        " WHERE closures.clinic_id = :clinic AND closures.day = :day"
                    ).bindparams(bindparam("day", type_=Date())),
                    {"clinic": place.clinic, "day": day},
                ).one()

            assert tuple(found) == (minutes[0], minutes[-1] + 1), (place.zone, day)


def test_each_clinic_has_its_own_today(database: Database, places: list[Place]) -> None:
    days = set()
    for place in places:
        today = FIRST.astimezone(place.zone).date()
        days.add(today)
        with database.transaction(write=False) as session:
            resources = search.find_resources(session, session.get_one(Treatment, place.treatment))
            free = search.free_slots(
                session, resources, first=today - 3 * DAY, last=today, now=FIRST
            )

        # Two hours of notice; in the last two hours of a day there is nothing left of it.
        left = [
            minute
            for minute in shown_on(today, place.zone)
            if minute > FIRST.timestamp() // 60 + 120 and _wall(minute, place.zone).minute % 20 == 0
        ]
        assert [slot.starts_at for slot in free[:1]] == left[:1], place.zone
    assert len(days) == 2, "somewhere it is tomorrow already"


@pytest.mark.parametrize(
    "start",
    [
        date(2026, 12, 30),  # across a year
        date(2028, 2, 27),  # a leap day
        date(2027, 1, 2),  # the border of a week, on whichever day weeks begin
    ],
)
def test_a_course_crosses_years_leap_days_and_weeks(database: Database, start: date) -> None:
    with database.transaction() as session:
        place = settle(session, "America/New_York")
        plan = plan_course.propose(
            session, session.get_one(Treatment, place.treatment), Wishes(start), now=FIRST
        )
        booked = book(
            session, place, *(appointment.opening.starts_at for appointment in plan.sessions)
        )

    assert [appointment.wall_time[:10] for appointment in booked] == [
        (start + number * DAY).isoformat() for number in range(5)
    ]
    assert len({appointment.wall_time[11:] for appointment in booked}) == 1


# As tzdata writes it: an hour back for the month, rounded to Sundays by the government.
MOROCCO = """
Rule Morocco 2027 only - Feb  7 3:00 -1:00 -
Rule Morocco 2027 only - Mar 14 2:00     0 -
Rule Morocco 2028 only - Jan 23 3:00 -1:00 -
Rule Morocco 2028 only - Mar  5 2:00     0 -
Zone Test/Morocco 1:00 Morocco +01/+00
"""


@pytest.mark.parametrize(
    ("changed", "before", "after"),
    [
        (date(2027, 2, 7), 60, 0),
        (date(2027, 3, 14), 0, 60),
        (date(2028, 1, 23), 60, 0),
        (date(2028, 3, 5), 0, 60),
    ],
)
def test_a_course_keeps_its_wall_time_into_ramadan_and_out_of_it(
    database: Database, tmp_path: Path, changed: date, before: int, after: int
) -> None:
    with compiled(tmp_path, MOROCCO), database.transaction() as session:
        place = settle(session, "Test/Morocco")
        treatment = session.get_one(Treatment, place.treatment)
        check_offer(session, place, changed)
        start = changed - 2 * DAY
        plan = plan_course.propose(session, treatment, Wishes(start, between=(580, 581)), now=FIRST)
        booked = book(
            session, place, *(appointment.opening.starts_at for appointment in plan.sessions)
        )
        there = [
            datetime(day.year, day.month, day.day, 9, 40, tzinfo=UTC) - timedelta(minutes=ahead)
            for day, ahead in zip(
                [start + number * DAY for number in range(5)],
                # It changes in the night: by morning the day of the change is on the new time.
                [before, before, after, after, after],
                strict=True,
            )
        ]

        assert [appointment.wall_time[11:] for appointment in booked] == ["09:40"] * 5
        assert [appointment.starts_at for appointment in booked] == there
        assert len(shown_on(changed, place.zone)) == 1440 + before - after


def test_zone_data_is_the_package_s_own() -> None:
    assert zoneinfo.TZPATH == ()
