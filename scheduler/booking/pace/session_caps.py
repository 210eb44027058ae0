"""Caps on sessions, as insurers set them: when a cap allows the next session. Pure.

A period begins with a session and lasts the days of the cap. Once it has as many sessions as the
cap allows, the next session must wait until it is over, and begins a new period. Days are ordinals.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scheduler.clinic.phases import Cap, Phase

Period = tuple[int, int]
"""The first day of the current period, and the sessions in it."""

Periods = tuple[Period, ...]
"""The period of each cap."""


class SessionCaps(NamedTuple):
    """The caps of a course, and their periods before its first session."""

    caps: tuple[Cap, ...]
    before: Periods

    def after(self, periods: Periods, day: int) -> Periods:
        """The periods after a session on this day."""
        return tuple(
            (day, 1) if day >= start + cap.days else (start, min(cap.sessions, count + 1))
            for cap, (start, count) in zip(self.caps, periods, strict=True)
        )

    def until(self, periods: Periods) -> int:
        """The first day on which another session is allowed; 0 if every day is."""
        return max((end for _, end in self._full(periods)), default=0)

    def why(self, periods: Periods) -> Cap:
        """The cap that makes the next session wait longest."""
        return max(self._full(periods), key=lambda capped: capped[1])[0]

    def _full(self, periods: Periods) -> list[tuple[Cap, int]]:
        return [
            (cap, start + cap.days)
            for cap, (start, count) in zip(self.caps, periods, strict=True)
            if count >= cap.sessions
        ]

    def over(self, days: Iterable[int]) -> Periods:
        """The periods after sessions on all of these days."""
        periods = self.before
        for day in days:
            periods = self.after(periods, day)
        return periods


def of(phases: Sequence[Phase]) -> SessionCaps:
    """The caps that a course can reach. A cap of any phase applies to the whole course."""
    caps = {cap: None for phase in phases for cap in phase.caps}
    earlier = sorted({day.toordinal() for phase in phases for day in phase.earlier})
    sessions = sum(phase.sessions for phase in phases) + len(earlier)
    kept = tuple(cap for cap in caps if sessions > cap.sessions)
    reachable = SessionCaps(kept, tuple((-cap.days, 0) for cap in kept))
    return reachable._replace(before=reachable.over(earlier))
