"""Weekly hours by the wall clock, and the instants they mean on one date of one zone. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import Interval, Minute

DAY = 1440
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Work on one weekday (0 is Monday), wall time; `ends` 00:00 is midnight after that day.

    Valid from and to are dates that still count; None leaves that side open.
    """

    weekday: int
    starts: time
    ends: time
    valid_from: date | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise Invalid("Weekdays run from 0, Monday, to 6, Sunday.", field="weekly")
        if end_of(self.ends) <= minute_of_day(self.starts):
            raise Invalid("Hours end after they start, on the same day.", field="weekly")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise Invalid("Hours cannot end being valid before they begin.", field="valid_to")

    def holds_on(self, day: date) -> bool:
        """Whether these hours are worked on a date."""
        return (
            day.weekday() == self.weekday
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day <= self.valid_to)
        )


def working(hours: Iterable[WeeklyHours], day: date, zone: ZoneInfo) -> list[Interval]:
    """The stretches worked on a local date, in UTC minutes, sorted, touching ones made one.

    A wall time that the clock skips means the moment it jumped to; where a wall time comes twice,
    a start is the first and an end the second, so that the repeated hour is worked as well. But of
    a midnight that comes twice the first ends the day: what follows is the next day already.
    """
    stretches = sorted(
        Interval(
            moment(day, minute_of_day(each.starts), zone),
            moment(day, end_of(each.ends), zone, fold=int(end_of(each.ends) < DAY)),
        )
        for each in hours
        if each.holds_on(day)
    )
    merged: list[Interval] = []
    for start, end in stretches:
        if start >= end:
            continue  # wholly inside the hour that the clock skips
        if merged and start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(end, merged[-1].end))
        else:
            merged.append(Interval(start, end))
    return merged


def wall(minute: Minute, zone: ZoneInfo) -> tuple[date, int]:
    """The local date and the minute of that day which clocks show at an instant."""
    local = datetime.fromtimestamp(minute * 60, tz=zone)
    return local.date(), local.hour * 60 + local.minute


def resolve(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> Minute | None:
    """The instant at which clocks show a minute of a date, None if they skip it.

    Of a time that comes twice, `fold` 0 is the first and 1 the second. Minute 1440 is midnight
    after that day.
    """
    instant = _utc(day, minute, zone, fold)
    asked = (day.toordinal() - _EPOCH_DAY) * DAY + minute
    return instant if instant + offset(instant, zone) == asked else None


@lru_cache(maxsize=8192)
def moment(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> Minute:
    """Like `resolve`, but a time that the clock skips is the moment it jumped to."""
    instant = resolve(day, minute, zone, fold)
    if instant is not None:
        return instant
    # In a gap, fold 1 counts with the offset after the jump and lands before it, fold 0 beyond it.
    return _change_between(_utc(day, minute, zone, 1), _utc(day, minute, zone, 0), zone)


def gap(day: date, minute: int, zone: ZoneInfo) -> tuple[str, str]:
    """From which wall time to which clocks jump over a time of a date: ("02:00", "03:00")."""
    jump = moment(day, minute, zone)
    last, first = (wall(jump - 1, zone)[1] + 1) % DAY, wall(jump, zone)[1]
    return f"{last // 60:02}:{last % 60:02}", f"{first // 60:02}:{first % 60:02}"


def which_of_two(local: datetime) -> str:
    """What tells a local time from the other of the same name: "EDT", "UTC-03"; mostly nothing.

    Only the hour that clocks show twice needs it. `local` is an instant in a zone.
    """
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return ""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"


def offset(minute: Minute, zone: ZoneInfo) -> int:
    """How many minutes clocks are ahead of UTC at an instant."""
    ahead = datetime.fromtimestamp(minute * 60, tz=zone).utcoffset() or timedelta()
    return int(ahead.total_seconds()) // 60


def steady(span: Interval, zone: ZoneInfo) -> list[tuple[Interval, int]]:
    """A span in pieces in which clocks keep one distance from UTC, each with that distance.

    Two changes within one day would be taken for one; no zone has done that in living memory.
    """
    pieces: list[tuple[Interval, int]] = []
    start, ahead = span.start, offset(span.start, zone)
    for here in range(span.start, span.end, DAY):
        there = min(here + DAY, span.end - 1)
        if (later := offset(there, zone)) != ahead:
            change = _change_between(here, there, zone)
            pieces.append((Interval(start, change), ahead))
            start, ahead = change, later
    pieces.append((Interval(start, span.end), ahead))
    return [piece for piece in pieces if piece[0].start < piece[0].end]


def minute_of_day(clock: time) -> int:
    """09:30 is 570; seconds are dropped."""
    return clock.hour * 60 + clock.minute


def end_of(clock: time) -> int:
    """Like `minute_of_day`, with 00:00 read as the end of the day: 1440."""
    return minute_of_day(clock) or DAY


def _utc(day: date, minute: int, zone: ZoneInfo, fold: int) -> Minute:
    later, rest = divmod(minute, DAY)
    local = datetime.combine(day + timedelta(days=later), time(rest // 60, rest % 60))
    return int(local.replace(tzinfo=zone, fold=fold).astimezone(UTC).timestamp() // 60)


def _change_between(before: Minute, after: Minute, zone: ZoneInfo) -> Minute:
    """The first minute after a clock change that lies between two instants."""
    old = offset(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after
