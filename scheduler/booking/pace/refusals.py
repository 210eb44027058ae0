"""Why a course cannot be planned, as facts, and what would make it possible. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from scheduler.booking.pace.wishes import Wish
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Invalid


@dataclass(frozen=True, slots=True)
class CalendarEnds:
    """The session would come after the last day that is open for booking."""

    until: date
    kind: Literal["calendar_ends"] = "calendar_ends"


@dataclass(frozen=True, slots=True)
class NothingFree:
    """Nothing that keeps the pace is free on these days; with `until`, the calendar ends there."""

    first: date
    last: date
    until: date | None = None
    kind: Literal["nothing_free"] = "nothing_free"


class TooTangled(Invalid):
    sentence = "This course has too many limits to be planned. Please leave some of them out."

    slug = "too-tangled"


class NoPlan(Invalid):
    """No dates keep the pace with the times that are free.

    `session_number`: the first session that cannot be placed. `first` and `last`: the days on
    which it could have been. `until`: the last day that is open for booking.
    """

    sentence = "No plan keeps the pace with the times that are free."

    slug = "no-plan"

    def __init__(self, session_number: int, *, first: date, last: date, until: date) -> None:
        super().__init__()
        self.session_number = session_number
        self.first, self.last, self.until = first, last, until

    @property
    def ends_too_soon(self) -> bool:
        """Whether the calendar ends before all days have come that the session could be on."""
        return self.last > self.until

    @property
    def planner_reason(self) -> CalendarEnds | NothingFree:
        """As much of the reason as the planner knows."""
        if self.first > self.until:
            return CalendarEnds(self.until)
        return NothingFree(self.first, self.last, self.until if self.ends_too_soon else None)


RemedyKind = Literal[
    "practitioner",
    "weekdays",
    "hours",
    "any_weekday",
    "earlier",
    "later",
    "pause",
    "slower",
    "fewer",
]


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change that makes the course possible.

    `first` and `last`: the first and last day of the course that it makes possible.
    `session_number`: the session that cannot be placed without it. The last three are what to
    ask for instead; only what the change affects is set.

    Kinds: practitioner, weekdays, hours (the wish is no longer strict), any_weekday, earlier,
    later, pause (before the session), slower, fewer (only the sessions before it).
    """

    kind: RemedyKind
    first: date
    last: date
    session_number: int
    start_on: date | None = None
    phases: tuple[Phase, ...] | None = None
    strict: frozenset[Wish] | None = None
