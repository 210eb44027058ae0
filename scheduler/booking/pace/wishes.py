"""Free times for the planner, and the wishes of a patient. Pure."""

from datetime import date
from typing import Literal, NamedTuple

from scheduler.infra.intervals import Minute


class Opening(NamedTuple):
    """A free start on a local day, `minute` of that day by the wall clock."""

    day: date
    minute: int
    starts_at: Minute
    practitioner_id: int
    room_id: int


Wish = Literal["hours", "practitioner", "weekdays"]


class Wishes(NamedTuple):
    """The wishes of a patient. No weekdays means any; `between` is half-open, for the start.

    `strict`: which of practitioner, weekdays and hours no session may miss.
    """

    start_on: date
    weekdays: frozenset[int] = frozenset()
    between: tuple[int, int] | None = None
    practitioner_id: int | None = None
    strict: frozenset[Wish] = frozenset()

    @property
    def only_weekdays(self) -> frozenset[int]:
        """The weekdays that every session must be on; empty: any."""
        return self.weekdays if "weekdays" in self.strict else frozenset()

    def allow(self, opening: Opening) -> bool:
        """Whether an opening misses none of the strict wishes."""
        met = {
            "weekdays": self.day_met(opening.day),
            "hours": self.time_met(opening),
            "practitioner": self.person_met(opening),
        }
        return all(met[wish] for wish in self.strict)

    def missed_by(self, opening: Opening) -> int:
        """How many of the three wishes, weekday, hours and practitioner, an opening misses."""
        met = (self.day_met(opening.day), self.time_met(opening), self.person_met(opening))
        return met.count(False)

    def day_met(self, day: date) -> bool:
        return not self.weekdays or day.weekday() in self.weekdays

    def time_met(self, opening: Opening) -> bool:
        return self.between is None or self.between[0] <= opening.minute < self.between[1]

    def person_met(self, opening: Opening) -> bool:
        return self.practitioner_id in {None, opening.practitioner_id}
