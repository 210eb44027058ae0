"""Preferences of waiting patients, without a database."""

from datetime import date

import pytest

from scheduler.booking.pace.wishes import Opening
from scheduler.booking.waitlist.preferences import Preferences

TUESDAY = date(2027, 1, 12)
TEN = Opening(TUESDAY, 600, 0, practitioner_id=1, room_id=1)


@pytest.mark.parametrize(
    ("suits", "met"),
    [
        (Preferences(), True),
        (Preferences(weekdays=frozenset({1})), True),
        (Preferences(weekdays=frozenset({0, 2})), False),
        (Preferences(between=(600, 601)), True),
        (Preferences(between=(540, 600)), False),
        (Preferences(practitioner_id=1), True),
        (Preferences(practitioner_id=2), False),
        (Preferences(first=TUESDAY, last=TUESDAY), True),
        (Preferences(first=date(2027, 1, 13)), False),
        (Preferences(last=date(2027, 1, 11)), False),
    ],
)
def test_a_wish_is_met_or_not(suits: Preferences, *, met: bool) -> None:
    assert suits.met_by(TEN) is met
