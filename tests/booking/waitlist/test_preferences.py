"""What suits whom, without a database."""

from datetime import date

import pytest

from scheduler.booking.pace.compromises import Opening
from scheduler.booking.waitlist.preferences import Suits

TUESDAY = date(2027, 1, 12)
TEN = Opening(TUESDAY, 600, 0, practitioner_id=1, room_id=1)


@pytest.mark.parametrize(
    ("suits", "met"),
    [
        (Suits(), True),
        (Suits(weekdays=frozenset({1})), True),
        (Suits(weekdays=frozenset({0, 2})), False),
        (Suits(between=(600, 601)), True),
        (Suits(between=(540, 600)), False),
        (Suits(practitioner_id=1), True),
        (Suits(practitioner_id=2), False),
        (Suits(first=TUESDAY, last=TUESDAY), True),
        (Suits(first=date(2027, 1, 13)), False),
        (Suits(last=date(2027, 1, 11)), False),
    ],
)
def test_a_wish_is_met_or_not(suits: Suits, *, met: bool) -> None:
    assert suits.met_by(TEN) is met
