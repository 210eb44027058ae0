"""The times that a waiting patient accepts. Pure."""

from dataclasses import dataclass
from datetime import date

from scheduler.booking.pace.wishes import Opening


@dataclass(frozen=True)
class Preferences:
    """The times that a waiting patient accepts. An empty field accepts everything.

    `between` limits the start, half-open, in minutes of the clinic's day. `first` and `last` are
    included.
    """

    weekdays: frozenset[int] = frozenset()
    between: tuple[int, int] | None = None
    practitioner_id: int | None = None
    first: date | None = None
    last: date | None = None

    def met_by(self, opening: Opening) -> bool:
        """Whether the patient can come then. Preferences are never overridden."""
        return (
            (not self.weekdays or opening.day.weekday() in self.weekdays)
            and (self.between is None or self.between[0] <= opening.minute < self.between[1])
            and self.practitioner_id in {None, opening.practitioner_id}
            and (self.first is None or self.first <= opening.day)
            and (self.last is None or opening.day <= self.last)
        )
