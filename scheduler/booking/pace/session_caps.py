"""At most so many sessions in so many days: when the next one may be. Pure.

A period begins with a session and lasts its days; when it has as many sessions as its cap, the
next is not before it is over and begins a new one. Insurers count so. Days are ordinals.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scheduler.clinic.phases import Cap, Phase

Period = tuple[int, int]
"""The first day of the period that runs, and the sessions in it."""

Periods = tuple[Period, ...]
"""One for each cap."""


class SessionCaps(NamedTuple):
    """The caps of a course, and where their periods stand before it."""

    caps: tuple[Cap, ...]
    before: Periods

    def after(self, periods: Periods, day: int) -> Periods:
        """Where the periods stand after a session on this day."""
        return tuple(
            (day, 1) if day >= start + cap.days else (start, min(cap.sessions, count + 1))
            for cap, (start, count) in zip(self.caps, periods, strict=True)
        )

    def until(self, periods: Periods) -> int:
        """The first day on which another session may be; 0 where any may."""
        return max((end for _, end in self._full(periods)), default=0)

    def why(self, periods: Periods) -> Cap:
        """The cap that holds longest."""
        return max(self._full(periods), key=lambda each: each[1])[0]

    def _full(self, periods: Periods) -> list[tuple[Cap, int]]:
        return [
            (cap, start + cap.days)
            for cap, (start, count) in zip(self.caps, periods, strict=True)
            if count >= cap.sessions
        ]

    def over(self, days: Iterable[int]) -> Periods:
        """Where the periods stand after sessions on all of these days."""
        periods = self.before
        for day in days:
            periods = self.after(periods, day)
        return periods


def of(phases: Sequence[Phase]) -> SessionCaps:
    """The caps that a course can reach: those of all phases hold for the whole of it."""
    caps = {cap: None for phase in phases for cap in phase.caps}
    earlier = sorted({day.toordinal() for phase in phases for day in phase.earlier})
    sessions = sum(phase.sessions for phase in phases) + len(earlier)
    kept = tuple(cap for cap in caps if sessions > cap.sessions)
    locks = SessionCaps(kept, tuple((-cap.days, 0) for cap in kept))
    return locks._replace(before=locks.over(earlier))
