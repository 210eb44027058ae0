"""A text that did not go out is tried again, ever more patiently, five times in all."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.reminders.sending.backoff import next_try

NOON = datetime(2027, 1, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 30), (2, 120), (3, 480), (4, 1920), (5, None), (9, None)]
)
def test_each_wait_is_longer(tries: int, seconds: int | None) -> None:
    expected = None if seconds is None else NOON + timedelta(seconds=seconds)

    assert next_try(tries, NOON) == expected


def test_the_carrier_may_ask_for_longer_but_not_for_shorter() -> None:
    assert next_try(1, NOON, timedelta(minutes=5)) == NOON + timedelta(minutes=5)
    assert next_try(2, NOON, timedelta(seconds=1)) == NOON + timedelta(minutes=2)
    assert next_try(2, NOON, timedelta(seconds=-9)) == NOON + timedelta(minutes=2)


@settings(deadline=None)
@given(tries=st.integers(1, 4), jitter=st.floats(0, 1), after=st.integers(0, 9999))
def test_jitter_never_makes_it_early(tries: int, jitter: float, after: int) -> None:
    steady = next_try(tries, NOON, timedelta(seconds=after))
    shaken = next_try(tries, NOON, timedelta(seconds=after), jitter=jitter)

    assert steady is not None
    assert shaken is not None
    assert steady <= shaken <= NOON + (steady - NOON) * 1.25 + timedelta(microseconds=1)


@pytest.mark.parametrize(("tries", "jitter"), [(0, 0.0), (1, -0.1), (1, 1.1)])
def test_nonsense_is_refused(tries: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        next_try(tries, NOON, jitter=jitter)
