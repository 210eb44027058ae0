"""The hours at which no unasked text may arrive, and the way out of them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduler.infra.errors import Invalid

MARGIN = timedelta(minutes=15)
"""A text moved earlier goes this long before the quiet begins: a queue of them takes a while."""

LEAST = timedelta(minutes=1)
"""A text that the carrier could keep for less than this before the quiet begins waits it out."""

LONGEST = timedelta(hours=20)


@dataclass(frozen=True)
class QuietHours:
    """From `starts` up to, not including, `ends`, by the wall clock of `zone`; may cross midnight.

    Equal times mean no quiet hours. More than 20 hours: Unfit, for then no text could be sent.
    """

    starts: time
    ends: time
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if _length(self.starts, self.ends) > LONGEST:
            raise Invalid("Quiet hours can be at most 20 hours long.", field="quiet_hours")

    def __contains__(self, instant: datetime) -> bool:
        """Whether an aware instant lies in the quiet hours."""
        wall = instant.astimezone(self.zone).time()
        if self.starts <= self.ends:
            return self.starts <= wall < self.ends
        return wall >= self.starts or wall < self.ends

    def earlier(self, instant: datetime) -> datetime:
        """The instant itself, or the last good one before the quiet hours; aware, UTC.

        What would come in the margin before them is moved too, so that order is kept.
        """
        instant = instant.astimezone(UTC)
        disturbs = next((near for near in (instant, instant + MARGIN) if near in self), None)
        if disturbs is None:
            return instant
        moved = min(instant, self._began(disturbs) - MARGIN)
        # A clock set back can make the same wall time come twice: look again where we landed.
        return self.earlier(moved) if moved in self else moved

    def later(self, instant: datetime) -> datetime:
        """The instant itself, or the first one after the quiet hours; aware, UTC."""
        instant = instant.astimezone(UTC)
        return self._end(instant) if instant in self else instant

    def roomy(self, instant: datetime) -> datetime:
        """The instant itself or, where it lies in the quiet hours or just before them, so that a
        text would hardly leave the carrier in time, the first one after them; aware, UTC."""
        instant = instant.astimezone(UTC)
        disturbs = next((near for near in (instant, instant + LEAST) if near in self), None)
        return instant if disturbs is None else self.roomy(self._end(disturbs))

    def next_start(self, instant: datetime) -> datetime:
        """The first instant of quiet hours from an aware one on; UTC. The end of time if there are
        none."""
        instant = instant.astimezone(UTC)
        if self.starts == self.ends:
            return datetime.max.replace(tzinfo=UTC)
        if instant in self:
            return instant
        start = next(start for start in self._starts(instant) if start > instant and start in self)
        # Clocks that jump may skip the usual start, or bring the quiet hours back once more.
        if self._offset(instant) != self._offset(start):
            jump = self._jump(instant, start)
            start = jump if jump in self else start
        return start

    def _starts(self, instant: datetime) -> Iterator[datetime]:
        """When the wall clock shows the start, from the day of an instant on; twice on odd days."""
        day = instant.astimezone(self.zone).date()
        for ahead in range(3):
            for fold in (0, 1):
                yield self._at(day + timedelta(days=ahead), self.starts, fold=fold)

    def _jump(self, before: datetime, after: datetime) -> datetime:
        """When the clocks jump between two instants that differ in their offset; UTC."""
        offset = self._offset(before)
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            before, after = (middle, after) if self._offset(middle) == offset else (before, middle)
        return after.replace(microsecond=0)

    def _offset(self, instant: datetime) -> timedelta | None:
        return instant.astimezone(self.zone).utcoffset()

    def _began(self, instant: datetime) -> datetime:
        """When the quiet hours that an instant lies in began."""
        local = instant.astimezone(self.zone)
        day = local.date()
        if local.time() < self.starts:
            day -= timedelta(days=1)
        # The later of two readings of a wall time that comes twice, unless it is yet to come.
        again = self._at(day, self.starts, fold=1)
        return again if again <= instant else self._at(day, self.starts, fold=0)

    def _end(self, instant: datetime) -> datetime:
        """When the quiet hours that an instant lies in end."""
        local = instant.astimezone(self.zone)
        day = local.date()
        if local.time() >= self.ends:
            day += timedelta(days=1)
        first = self._at(day, self.ends, fold=0)
        return first if first >= instant else self._at(day, self.ends, fold=1)

    def _at(self, day: date, wall: time, *, fold: int) -> datetime:
        return datetime.combine(day, wall, tzinfo=self.zone).replace(fold=fold).astimezone(UTC)


def _length(starts: time, ends: time) -> timedelta:
    day = date(2000, 1, 1)
    return (datetime.combine(day, ends) - datetime.combine(day, starts)) % timedelta(days=1)
