"""Published courses, planned on a calendar as clinics have it; their pace counted from the dates.

The count does not use the planner. It reads the published data in tests/booking/pace/regimens.py.
"""

import random
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from scheduler.booking.availability import search, slots
from scheduler.booking.availability.slots import PractitionerTime, RoomTime, SessionShape
from scheduler.booking.pace.planner import Wishes, plan
from scheduler.clinic.hours import moment
from scheduler.clinic.phases import WEEKDAYS, from_json, written_out
from scheduler.infra.intervals import Interval
from tests.booking.pace.regimens import REGIMENS

ZONE = ZoneInfo("America/New_York")  # its clocks change on 8 March 2026
START = date(2026, 2, 16)
UNTIL = START + timedelta(days=300)
SHAPE = SessionShape(minutes=40, hands_on=((0, 12), (32, 40)), turnover_minutes=10)
DAY = timedelta(days=1)


def days_on(first=START, last=UNTIL):
    return [first + DAY * number for number in range((last - first).days + 1)]


def calendar(*, closed=(), full=0.5, seed=1):
    """Three who work on different days, two beds, half of the hours booked; some days closed."""
    chance = random.Random(seed)  # noqa: S311 - the same calendar each time
    working = {1: range(5), 2: (0, 2, 4, 5, 6), 3: (1, 3, 5, 6)}
    open_days = [day for day in days_on() if day not in closed]

    def taken():
        return [
            Interval(moment(day, hour * 60, ZONE), moment(day, hour * 60 + 60, ZONE))
            for day in open_days
            for hour in range(9, 17)
            if chance.random() < full
        ]

    practitioners = [
        PractitionerTime(
            who,
            [
                Interval(moment(day, 540, ZONE), moment(day, 1020, ZONE))
                for day in open_days
                if day.weekday() in weekdays
            ],
            taken(),
        )
        for who, weekdays in working.items()
    ]
    rooms = [RoomTime(number, taken()) for number in (1, 2)]
    span = Interval(moment(START, 0, ZONE), moment(UNTIL, 1440, ZONE))
    return search.openings(slots.free(span, SHAPE, practitioners, rooms, zone=ZONE), ZONE)


def planned(given, openings, *, optional=False):
    phases = [from_json(score) for score in given]
    phases = [phase for phase in written_out(phases) if optional or not phase.optional]
    return plan(phases, openings, Wishes(START), until=UNTIL)


def counted(said, days):
    """(what is faster or elsewhere than published, what is slower), counted from dates alone."""
    wrong, slower, start = [], [], 0
    for stretch in said:
        own = days[start : start + stretch["sessions"]]
        if (
            start
            and (gap := stretch.get("gap_weeks"))
            and (own[0] - days[start - 1]).days <= 7 * gap
        ):
            wrong.append("too little rest")
        start += stretch["sessions"]
        gaps = [(there - here).days for here, there in pairwise(own)]
        if any(gap < 1 for gap in gaps):
            wrong.append("two on one day")
        names = stretch.get("weekdays")
        if names and any(WEEKDAYS[day.weekday()] not in names for day in own):
            wrong.append("off its weekdays")
        if every := stretch.get("every_days"):
            wrong += ["too soon"] * any(gap < every for gap in gaps)
            slower += ["a gap"] * any(gap > every for gap in gaps)
        span = (own[-1] - own[0]).days + 1
        length = 7 * stretch.get("every_weeks", 1)
        if "every_weeks" in stretch or "per_week" in stretch:
            windows = [(day - own[0]).days // length for day in own]
            most = stretch.get("per_week", 1)
            wrong += ["too many"] * any(windows.count(window) > most for window in windows)
            slower += ["too few"] * any(
                windows.count(number) < most for number in range(windows[-1])
            )
        weeks = stretch.get("weeks") or stretch.get("weeks_max")
        if weeks and span > 7 * weeks:
            slower.append("too long")
        if (least := stretch.get("weeks_min")) and span <= 7 * (least - 1):
            wrong.append("too short")
    assert start == len(days)
    return wrong, slower


def judged(row, openings, *, optional=False):
    """Like counted; what is slower must be what the plan names as a compromise."""
    found = planned(row.phases, openings, optional=optional)
    days = [session.opening.day for session in found.sessions]
    assert [appointment.opening in set(openings) for appointment in found.sessions] == [True] * len(
        days
    )
    said = [part for part in row.said if optional or not part.get("optional")]
    wrong, slower = counted(said, days)
    kinds = {compromise.kind for compromise in found.compromises}
    return wrong, bool(slower), bool(kinds & {"late", "short", "gap"})


@pytest.mark.parametrize("row", REGIMENS, ids=lambda row: row.name)
def test_each_published_course_keeps_its_pace(row):
    assert judged(row, calendar()) == ([], False, False)


@pytest.mark.parametrize("row", REGIMENS, ids=lambda row: row.name)
def test_with_its_optional_part_too(row):
    assert judged(row, calendar(seed=2), optional=True) == ([], False, False)


@pytest.mark.parametrize("row", REGIMENS, ids=lambda row: row.name)
def test_over_closed_days_it_is_never_faster_and_says_where_it_is_slower(row):
    closed = set(days_on(date(2026, 2, 25), date(2026, 3, 3)))

    wrong, slower, named = judged(row, calendar(closed=closed, full=0.8))

    assert wrong == []
    assert slower == named


def test_six_days_running_and_a_free_one_four_times():
    found = planned(
        [{"sessions": 6, "every_days": 1, "repeat": 4, "pause_days": 1}], calendar(full=0.3)
    )

    offsets = [(appointment.opening.day - START).days for appointment in found.sessions]
    assert offsets == [7 * week + day for week in range(4) for day in range(6)]
    assert [appointment.phase for appointment in found.sessions] == [
        n for n in (1, 2, 3, 4) for _ in range(6)
    ]


def test_ten_sessions_a_pause_of_five_days_and_again():
    found = planned(
        [{"sessions": 10, "every_days": 1, "repeat": 3, "pause_days": 5}], calendar(full=0.3)
    )

    offsets = [(appointment.opening.day - START).days for appointment in found.sessions]
    assert offsets == [15 * block + day for block in range(3) for day in range(10)]


def test_every_day_but_weekends():
    named = ["mon", "tue", "wed", "thu", "fri"]
    found = planned([{"sessions": 12, "every_days": 1, "weekdays": named}], calendar(full=0.3))

    offsets = [(appointment.opening.day - START).days for appointment in found.sessions]
    assert offsets == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15]
    assert found.compromises == ()


def test_three_in_two_weeks():
    found = planned([{"sessions": 9, "per_week": 1.5}], calendar())

    fortnights = [(appointment.opening.day - START).days // 14 for appointment in found.sessions]
    assert fortnights == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_two_weeks_before_a_date_and_over_three_days_before_it():
    theirs = date(2026, 5, 8)
    phase = {"sessions": 4, "per_week": 2, "from_day": -14, "to_day": -3}

    found = planned([{**phase, "anchor_on": theirs.isoformat()}], calendar())

    days = [appointment.opening.day for appointment in found.sessions]
    assert theirs - 14 * DAY <= days[0] < theirs - 7 * DAY
    assert days[-1] <= theirs - 3 * DAY
    assert found.compromises == ()


@pytest.mark.parametrize("row", REGIMENS, ids=lambda row: row.name)
def test_the_count_itself_finds_what_is_too_fast(row):
    days = [START + DAY * (number // 2) for number in range(sum(s["sessions"] for s in row.said))]

    assert counted(row.said, days)[0] != []
