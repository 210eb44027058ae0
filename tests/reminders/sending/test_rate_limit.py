"""How many texts may go now, whatever the clocks do."""

from hypothesis import given
from hypothesis import strategies as st

from scheduler.reminders.sending import rate_limit


def test_the_pace_lets_through_what_a_second_allows() -> None:
    assert rate_limit.room(0.0, 100.0, 2.0) == 2
    emptied = rate_limit.used(0.0, 100.0, 2.0, 2)

    assert rate_limit.room(emptied, 100.0, 2.0) == 0
    assert rate_limit.next_in(emptied, 100.0, 2.0) == 0.5
    assert rate_limit.room(emptied, 100.5, 2.0) == 1
    assert rate_limit.room(emptied, 200.0, 2.0) == 2


def test_less_than_one_a_second_is_one_after_some_seconds() -> None:
    emptied = rate_limit.used(0.0, 100.0, 0.5, 1)

    assert rate_limit.room(emptied, 101.0, 0.5) == 0
    assert rate_limit.room(emptied, 102.0, 0.5) == 1


def test_a_clock_that_is_set_back_does_not_delay_sending() -> None:
    emptied = rate_limit.used(0.0, 7200.0, 1.0, 1)

    assert rate_limit.room(emptied, 10.0, 1.0) == 1
    assert rate_limit.next_in(emptied, 10.0, 1.0) == 0.0


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, rate_limit.MOST_SEGMENTS)), max_size=40),
    st.sampled_from([0.5, 1.0, 3.0, 20.0]),
)
def test_no_sequence_of_claims_is_faster_than_the_pace(
    steps: list[tuple[float, int]], per_second: float
) -> None:
    """After the first burst, the segment rate never exceeds the limit over any time, except for the
    last message's further segments."""
    seconds, filled_at, went, last = 1000.0, 0.0, 0, 1
    for wait, segments in steps:
        seconds += wait
        if rate_limit.room(filled_at, seconds, per_second) >= 1:
            filled_at = rate_limit.used(filled_at, seconds, per_second, segments)
            went, last = went + segments, segments

    assert went <= max(1.0, per_second) + (seconds - 1000.0) * per_second + last - 1 + 1e-3


def test_a_text_of_three_segments_costs_three() -> None:
    owing = rate_limit.used(0.0, 100.0, 1.0, 3)

    assert rate_limit.room(owing, 100.0, 1.0) < 1
    assert rate_limit.room(owing, 102.9, 1.0) < 1
    assert rate_limit.next_in(owing, 101.0, 1.0) == 2.0
    assert rate_limit.room(owing, 103.0, 1.0) == 1
    assert rate_limit.used(owing, 103.0, 1.0, 1) == 103.0


def test_a_debt_is_no_larger_than_one_text_can_make_it() -> None:
    assert (
        rate_limit.next_in(rate_limit.used(0.0, 100.0, 1.0, 99), 100.0, 1.0)
        == rate_limit.MOST_SEGMENTS + 1
    )
