"""The hours in which no unasked message may arrive, and how times move out of them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scheduler.infra.errors import Invalid

MARGIN = timedelta(minutes=15)
"""How long before the quiet hours a message that is moved earlier goes out. A queue of them takes
a while to send."""

LEAST = timedelta(minutes=1)
"""A message with less time than this to arrive before the quiet hours waits until after them."""

MAX_LENGTH = timedelta(hours=20)


@dataclass(frozen=True)
class QuietHours:
    """From `starts` until before `ends`, by the wall clock of `zone`. They may cross midnight.

    Equal times mean no quiet hours. Raises Invalid for more than 20 hours, because hardly any
    message could be sent.
    """

    starts: time
    ends: time
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if _length(self.starts, self.ends) > MAX_LENGTH:
            raise Invalid("Quiet hours can be at most 20 hours long.", field="quiet_hours")

    def __contains__(self, instant: datetime) -> bool:
        """Whether an aware instant is in the quiet hours."""
        wall = instant.astimezone(self.zone).time()
        if self.starts <= self.ends:
            return self.starts <= wall < self.ends
        return wall >= self.starts or wall < self.ends

    def earlier(self, instant: datetime) -> datetime:
        """The instant itself, or MARGIN before the quiet hours that it is in; aware, UTC.

        An instant in the margin before them is moved too, so that the order of messages stays.
        """
        instant = instant.astimezone(UTC)
        disturbs = next((near for near in (instant, instant + MARGIN) if near in self), None)
        if disturbs is None:
            return instant
        moved = min(instant, self._began(disturbs) - MARGIN)
        # When clocks are set back, a wall time comes twice, so the result is checked again.
        return self.earlier(moved) if moved in self else moved

    def later(self, instant: datetime) -> datetime:
        """The instant itself, or the end of the quiet hours that it is in; aware, UTC."""
        instant = instant.astimezone(UTC)
        return self._end(instant) if instant in self else instant

    def roomy(self, instant: datetime) -> datetime:
        """The instant itself, or the end of the quiet hours if it is in them or less than LEAST
        before them, when a message would hardly arrive in time; aware, UTC."""
        instant = instant.astimezone(UTC)
        disturbs = next((near for near in (instant, instant + LEAST) if near in self), None)
        return instant if disturbs is None else self.roomy(self._end(disturbs))

    def next_start(self, instant: datetime) -> datetime:
        """The next instant in quiet hours, from an aware one on; UTC. Without quiet hours, the
        greatest datetime."""
        instant = instant.astimezone(UTC)
        if self.starts == self.ends:
            return datetime.max.replace(tzinfo=UTC)
        if instant in self:
            return instant
        start = next(start for start in self._starts(instant) if start > instant and start in self)
        # A clock change may skip the usual start or repeat a part of the quiet hours.
        if self._offset(instant) != self._offset(start):
            jump = self._jump(instant, start)
            start = jump if jump in self else start
        return start

    def _starts(self, instant: datetime) -> Iterator[datetime]:
        """The instants at which the wall clock shows the start, from the day of an instant on.

        There are two on a day when clocks are set back over the start.
        """
        day = instant.astimezone(self.zone).date()
        for ahead in range(3):
            for fold in (0, 1):
                yield self._at(day + timedelta(days=ahead), self.starts, fold=fold)

    def _jump(self, before: datetime, after: datetime) -> datetime:
        """The instant of a clock change between two instants with different offsets; UTC."""
        offset = self._offset(before)
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            before, after = (middle, after) if self._offset(middle) == offset else (before, middle)
        return after.replace(microsecond=0)

    def _offset(self, instant: datetime) -> timedelta | None:
        return instant.astimezone(self.zone).utcoffset()

    def _began(self, instant: datetime) -> datetime:
        """The start of the quiet hours that an instant is in."""
        local = instant.astimezone(self.zone)
        day = local.date()
        if local.time() < self.starts:
            day -= timedelta(days=1)
        # If clocks show this wall time twice, take the later instant unless it is in the future.
        again = self._at(day, self.starts, fold=1)
        return again if again <= instant else self._at(day, self.starts, fold=0)

    def _end(self, instant: datetime) -> datetime:
        """The end of the quiet hours that an instant is in."""
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
