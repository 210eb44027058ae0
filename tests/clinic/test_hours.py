from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.clinic.hours import WeeklyHours, resolve, steady, wall, working
from scheduler.clinic.licenses import cut, ends_at, valid_on
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import Interval, minute_of
from tests.support.zones import changing

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
SANTIAGO = ZoneInfo("America/Santiago")
CAIRO = ZoneInfo("Africa/Cairo")
BEIRUT = ZoneInfo("Asia/Beirut")
CHANGING = changing()
ZONES = [NEW_YORK, BERLIN, LORD_HOWE, KATHMANDU, SANTIAGO, CAIRO, BEIRUT]


def daily(starts, ends, **validity):
    return [WeeklyHours(weekday, starts, ends, **validity) for weekday in range(7)]


def utc(text):
    return minute_of(datetime.fromisoformat(f"{text}:00Z"))


@pytest.mark.parametrize(
    ("zone", "day", "starts", "ends", "begins", "minutes"),
    [
        # Spring: 01:00 to 04:00 is two real hours, a start that is skipped is the jump itself.
        (NEW_YORK, date(2026, 3, 8), time(1), time(4), "2026-03-08T06:00", 120),
        (NEW_YORK, date(2026, 3, 8), time(2, 30), time(4), "2026-03-08T07:00", 60),
        (NEW_YORK, date(2026, 3, 8), time(1), time(2, 30), "2026-03-08T06:00", 60),
        (BERLIN, date(2026, 3, 29), time(1), time(4), "2026-03-29T00:00", 120),
        (LORD_HOWE, date(2026, 10, 4), time(1), time(4), "2026-10-03T14:30", 150),
        (LORD_HOWE, date(2026, 10, 4), time(2, 15), time(3), "2026-10-03T15:30", 30),
        # The clock jumps at midnight: the day begins at 01:00, the one before ends there.
        (SANTIAGO, date(2026, 9, 6), time(0), time(2), "2026-09-06T04:00", 60),
        (SANTIAGO, date(2026, 9, 5), time(22), time(0), "2026-09-06T02:00", 120),
        (CAIRO, date(2026, 4, 24), time(0), time(3), "2026-04-23T22:00", 120),
        (BEIRUT, date(2026, 3, 29), time(0), time(2), "2026-03-28T22:00", 60),
        # Autumn: what comes twice is worked twice.
        (NEW_YORK, date(2026, 11, 1), time(1), time(4), "2026-11-01T05:00", 240),
        (NEW_YORK, date(2026, 11, 1), time(1), time(1, 30), "2026-11-01T05:00", 90),
        (BERLIN, date(2026, 10, 25), time(2, 30), time(4), "2026-10-25T00:30", 150),
        (LORD_HOWE, date(2026, 4, 5), time(1), time(4), "2026-04-04T14:00", 210),
        (SANTIAGO, date(2026, 4, 4), time(22), time(0), "2026-04-05T01:00", 180),
        (CAIRO, date(2026, 10, 29), time(23), time(23, 30), "2026-10-29T20:00", 90),
        (BEIRUT, date(2026, 10, 24), time(20), time(0), "2026-10-24T17:00", 300),
        # And where the clock never changes.
        (KATHMANDU, date(2026, 3, 8), time(9), time(17), "2026-03-08T03:15", 480),
    ],
)
def test_hours_are_right_across_clock_changes(*, zone, day, starts, ends, begins, minutes):
    start = utc(begins)

    assert working(daily(starts, ends), day, zone) == [Interval(start, start + minutes)]


def test_hours_inside_the_skipped_hour_are_empty():
    assert working(daily(time(2, 10), time(2, 50)), date(2026, 3, 8), NEW_YORK) == []


def test_hours_count_on_their_weekday_and_while_valid():
    mondays = [WeeklyHours(0, time(9), time(12), date(2026, 3, 9), date(2026, 3, 16))]
    worked = [
        date(2026, 3, 1) + timedelta(days=day)
        for day in range(31)
        if working(mondays, date(2026, 3, 1) + timedelta(days=day), BERLIN)
    ]

    assert worked == [date(2026, 3, 9), date(2026, 3, 16)]


def test_touching_and_overlapping_hours_are_one_stretch():
    hours = [*daily(time(13), time(15)), *daily(time(9), time(12)), *daily(time(12), time(13, 30))]
    start = utc("2026-01-15T08:00")

    assert working(hours, date(2026, 1, 15), BERLIN) == [Interval(start, start + 360)]


@pytest.mark.parametrize(
    "facts",
    [
        (0, time(9), time(9)),
        (0, time(17), time(9)),
        (7, time(9), time(17)),
        (0, time(9), time(17), date(2026, 2, 1), date(2026, 1, 1)),
    ],
)
def test_impossible_hours_are_refused(facts):
    with pytest.raises(Invalid):
        WeeklyHours(*facts)


def test_a_skipped_time_has_no_instant_and_a_repeated_one_has_two():
    assert resolve(date(2026, 3, 8), 150, NEW_YORK) is None
    assert resolve(date(2026, 3, 8), 150, NEW_YORK, fold=1) is None
    assert resolve(date(2026, 10, 4), 135, LORD_HOWE) is None
    assert resolve(date(2026, 11, 1), 90, NEW_YORK) == utc("2026-11-01T05:30")
    assert resolve(date(2026, 11, 1), 90, NEW_YORK, fold=1) == utc("2026-11-01T06:30")
    assert resolve(date(2026, 10, 29), 1440, CAIRO) == utc("2026-10-29T22:00")


@given(st.sampled_from(ZONES), st.integers(utc("2024-01-01T00:00"), utc("2030-01-01T00:00")))
def test_every_instant_can_be_recovered_from_its_wall_time(zone, minute):
    day, minute_of_day = wall(minute, zone)

    assert minute in {resolve(day, minute_of_day, zone, fold) for fold in (0, 1)}


@given(
    st.sampled_from(ZONES),
    st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
def test_worked_minutes_have_a_wall_time_within_the_hours(zone, day, start, length):
    end = min(1440, start + length)
    ends = time(end // 60 % 24, end % 60)
    hours = daily(time(start // 60, start % 60), ends)
    noon = minute_of(datetime(day.year, day.month, day.day, 12, tzinfo=zone))
    around = range(noon - 1500, noon + 1500)
    shown = [minute for minute in around if wall(minute, zone)[0] == day]
    expected = [minute for minute in shown if start <= wall(minute, zone)[1] < end]

    worked = [minute for stretch in working(hours, day, zone) for minute in range(*stretch)]

    # Between the first and the last moment of the hours all is worked, also what comes twice.
    assert worked == (list(range(expected[0], expected[-1] + 1)) if expected else [])


def test_a_span_is_split_where_clocks_change():
    year = Interval(utc("2026-01-01T00:00"), utc("2027-01-01T00:00"))

    assert steady(year, KATHMANDU) == [(year, 345)]
    assert [(piece.end, ahead) for piece, ahead in steady(year, LORD_HOWE)] == [
        (utc("2026-04-04T15:00"), 660),
        (utc("2026-10-03T15:30"), 630),
        (year.end, 660),
    ]


def test_a_license_is_valid_on_its_last_day_and_not_after():
    last = date(2026, 3, 8)

    assert valid_on(last, date(2026, 3, 8))
    assert not valid_on(last, date(2026, 3, 9))
    assert ends_at(last, NEW_YORK) == utc("2026-03-09T04:00")


def test_working_time_ends_with_the_license():
    last = date(2026, 3, 8)
    end = ends_at(last, NEW_YORK)
    worked = [Interval(end - 600, end - 300), Interval(end - 60, end + 60), Interval(end, end + 9)]

    assert cut(worked, last, NEW_YORK) == [worked[0], Interval(end - 60, end)]


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_days_worked_from_midnight_to_midnight_touch_and_never_overlap(name):
    """Havana and the Azores have a midnight that comes twice."""
    zone = ZoneInfo(name)
    round_the_clock = [WeeklyHours(weekday, time(0), time(0)) for weekday in range(7)]
    for at, before, after in CHANGING[name]:
        first = wall(at, zone)[0] - timedelta(days=2)
        days = [first + timedelta(days=ahead) for ahead in range(5)]

        stretches = [stretch for day in days for stretch in working(round_the_clock, day, zone)]

        assert [end for _, end in stretches[:-1]] == [start for start, _ in stretches[1:]]
        assert stretches[-1].end - stretches[0].start == 5 * 1440 - (after - before)
