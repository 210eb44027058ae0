"""How many texts may go now, whatever the clocks do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.reminders import pace


def test_the_pace_lets_through_what_a_second_allows() -> None:
    assert pace.room(0.0, 100.0, 2.0) == 2
    emptied = pace.used(0.0, 100.0, 2.0, 2)

    assert pace.room(emptied, 100.0, 2.0) == 0
    assert pace.next_in(emptied, 100.0, 2.0) == 0.5
    assert pace.room(emptied, 100.5, 2.0) == 1
    assert pace.room(emptied, 200.0, 2.0) == 2


def test_less_than_one_a_second_is_one_after_some_seconds() -> None:
    emptied = pace.used(0.0, 100.0, 0.5, 1)

    assert pace.room(emptied, 101.0, 0.5) == 0
    assert pace.room(emptied, 102.0, 0.5) == 1


def test_a_clock_that_is_set_back_costs_no_more_than_a_second() -> None:
    emptied = pace.used(0.0, 7200.0, 1.0, 1)

    assert pace.room(emptied, 10.0, 1.0) == 0
    assert pace.next_in(emptied, 10.0, 1.0) == pytest.approx(1.0)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 9)), max_size=40),
    st.sampled_from([0.5, 1.0, 3.0, 20.0]),
)
def test_no_sequence_of_claims_is_faster_than_the_pace(
    steps: list[tuple[float, int]], per_second: float
) -> None:
    """After the first burst, never more than so many a second, over any time."""
    seconds, filled_at, went = 1000.0, 0.0, 0
    for wait, wanted in steps:
        seconds += wait
        texts = min(wanted, pace.room(filled_at, seconds, per_second))
        filled_at = pace.used(filled_at, seconds, per_second, texts)
        went += texts

    assert went <= max(1.0, per_second) + (seconds - 1000.0) * per_second + 1e-3
