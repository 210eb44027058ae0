"""No text wakes a patient, even in the two nights when the clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.infra.errors import Invalid
from scheduler.reminders.schedule.quiet_hours import LEAST, QuietHours
from tests.support.chaos import examples

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = QuietHours(time(21), time(8), NEW_YORK)


def at(text: str) -> datetime:
    """A wall time in New York."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("wished", "earlier", "later"),
    [
        ("2027-01-11T12:00", "2027-01-11T12:00", "2027-01-11T12:00"),
        ("2027-01-11T08:00", "2027-01-11T08:00", "2027-01-11T08:00"),
        ("2027-01-11T07:59", "2027-01-10T20:45", "2027-01-11T08:00"),
        ("2027-01-11T20:44", "2027-01-11T20:44", "2027-01-11T20:44"),
        ("2027-01-11T20:59", "2027-01-11T20:45", "2027-01-11T20:59"),
        ("2027-01-11T21:00", "2027-01-11T20:45", "2027-01-12T08:00"),
        ("2027-01-12T00:00", "2027-01-11T20:45", "2027-01-12T08:00"),
        ("2027-03-14T03:30", "2027-03-13T20:45", "2027-03-14T08:00"),  # clocks go forward
        ("2027-11-07T01:30", "2027-11-06T20:45", "2027-11-07T08:00"),  # clocks go back
    ],
)
def test_a_text_is_moved_out_of_the_night(wished: str, earlier: str, later: str) -> None:
    assert NIGHT.earlier(at(wished)) == at(earlier).astimezone(UTC)
    assert NIGHT.later(at(wished)) == at(later).astimezone(UTC)


def test_quiet_hours_may_lie_within_a_day() -> None:
    siesta = QuietHours(time(13), time(16), NEW_YORK)

    assert siesta.later(at("2027-01-11T14:00")) == at("2027-01-11T16:00").astimezone(UTC)
    assert siesta.earlier(at("2027-01-11T14:00")) == at("2027-01-11T12:45").astimezone(UTC)


def test_when_the_evening_comes_twice_a_text_goes_before_the_first() -> None:
    quiet = QuietHours(time(1, 5), time(8), NEW_YORK)
    second_1_20 = datetime(2027, 11, 7, 6, 20, tzinfo=UTC)

    assert quiet.earlier(second_1_20) == at("2027-11-07T00:50").astimezone(UTC)


def test_equal_times_mean_none() -> None:
    none = QuietHours(time(0), time(0), NEW_YORK)

    assert at("2027-01-11T03:00") not in none
    assert none.earlier(at("2027-01-11T03:00")) == at("2027-01-11T03:00").astimezone(UTC)


def test_a_day_without_an_hour_to_send_in_is_refused() -> None:
    with pytest.raises(Invalid, match="at most 20 hours"):
        QuietHours(time(8), time(7), NEW_YORK)


# Mostly in the hour or two that come twice or never.
WALL = st.one_of(st.integers(50, 190), st.integers(0, 24 * 60 - 1)).map(
    lambda minute: time(*divmod(minute, 60))
)
ODD_NIGHTS = st.sampled_from(
    [datetime(2027, 3, 14, 7, tzinfo=UTC), datetime(2027, 11, 7, 6, tzinfo=UTC)]
)


@settings(max_examples=examples(400, 4000), deadline=None)
@given(
    starts=WALL,
    ends=WALL,
    night=ODD_NIGHTS,
    minutes=st.one_of(st.integers(-90, 90), st.integers(-1500, 1500)),
)
def test_both_ways_lead_out_on_the_odd_nights(
    starts: time, ends: time, night: datetime, minutes: int
) -> None:
    try:
        quiet = QuietHours(starts, ends, NEW_YORK)
    except Invalid:
        return
    instant = night + timedelta(minutes=minutes)

    assert quiet.earlier(instant) not in quiet
    assert instant - timedelta(hours=22) <= quiet.earlier(instant) <= instant
    assert quiet.later(instant) not in quiet
    assert quiet.later(instant) >= instant
    assert quiet.later(instant) - instant <= timedelta(hours=26)


MINUTE = timedelta(minutes=1)


@settings(max_examples=examples(200, 2000), deadline=None)
@given(
    starts=WALL,
    ends=WALL,
    night=ODD_NIGHTS,
    minutes=st.one_of(st.integers(-90, 90), st.integers(-1500, 1500)),
    seconds=st.integers(0, 59),
)
def test_up_to_their_next_start_no_instant_is_quiet_on_the_odd_nights(
    starts: time, ends: time, night: datetime, minutes: int, seconds: int
) -> None:
    try:
        quiet = QuietHours(starts, ends, NEW_YORK)
    except Invalid:
        return
    instant = night + timedelta(minutes=minutes, seconds=seconds)

    begins = quiet.next_start(instant)
    roomy = quiet.roomy(instant)

    if starts == ends:
        assert roomy == instant
        return
    assert begins in quiet
    assert instant <= begins <= instant + timedelta(hours=49)
    each = instant
    while each < begins:
        assert each not in quiet
        each += MINUTE
    assert roomy >= instant
    assert not any(near in quiet for near in (roomy, roomy + LEAST))
    assert quiet.next_start(roomy) - roomy > LEAST
    assert (roomy == instant) == (begins - instant > LEAST)


@pytest.mark.parametrize(
    ("instant", "begins", "roomy"),
    [
        ("2027-01-11T12:00", "2027-01-11T21:00", "2027-01-11T12:00"),
        ("2027-01-11T20:58:59", "2027-01-11T21:00", "2027-01-11T20:58:59"),
        ("2027-01-11T20:59", "2027-01-11T21:00", "2027-01-12T08:00"),
        ("2027-01-11T23:00", "2027-01-11T23:00", "2027-01-12T08:00"),
        ("2027-01-12T08:00", "2027-01-12T21:00", "2027-01-12T08:00"),
    ],
)
def test_a_text_keeps_a_minute_from_the_night(instant: str, begins: str, roomy: str) -> None:
    assert NIGHT.next_start(at(instant)) == at(begins)
    assert NIGHT.roomy(at(instant)) == at(roomy)


def test_clocks_that_jump_over_the_start_begin_the_quiet_as_they_jump() -> None:
    quiet = QuietHours(time(2, 30), time(8), NEW_YORK)

    begins = quiet.next_start(at("2027-03-14T01:45"))

    assert begins == datetime(2027, 3, 14, 7, tzinfo=UTC)
    assert quiet.roomy(begins - timedelta(seconds=59)) == at("2027-03-14T08:00")


def test_clocks_that_are_set_back_bring_the_quiet_back() -> None:
    quiet = QuietHours(time(21), time(1, 30), NEW_YORK)

    assert quiet.next_start(at("2027-11-07T01:45")) == datetime(2027, 11, 7, 6, tzinfo=UTC)
