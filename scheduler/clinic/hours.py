"""Weekly hours in wall time, and their UTC minutes on a date in a zone. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import Interval, Minute

MINUTES_PER_DAY = 1440
"""Minutes of a wall-clock day, and the minute of day that means midnight after it."""
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Work on one weekday (0 is Monday), in wall time. `ends` 00:00 is midnight after that day.

    `valid_from` and `valid_to` are inclusive; None leaves that side open.
    """

    weekday: int
    starts: time
    ends: time
    valid_from: date | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise Invalid(
                f"{self.weekday} is not a weekday. Give 0 (Monday) to 6 (Sunday).", field="weekly"
            )
        if end_of(self.ends) <= minute_of_day(self.starts):
            raise Invalid("Hours must end after they start, on the same day.", field="weekly")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise Invalid("valid_to must not be before valid_from.", field="valid_to")

    def holds_on(self, day: date) -> bool:
        """Whether these hours apply to a date."""
        return (
            day.weekday() == self.weekday
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day <= self.valid_to)
        )


def working(hours: Iterable[WeeklyHours], day: date, zone: ZoneInfo) -> list[Interval]:
    """The working time on a local date, in UTC minutes, sorted, with adjacent stretches joined.

    A wall time that the clock skips means the moment to which it jumps. Of a wall time that occurs
    twice, a start is the first and an end is the second one, so that the repeated hour is worked.
    But of a midnight that occurs twice, the first one ends the day.
    """
    stretches = sorted(
        Interval(
            moment(day, minute_of_day(weekly.starts), zone),
            moment(day, end_of(weekly.ends), zone, fold=int(end_of(weekly.ends) < MINUTES_PER_DAY)),
        )
        for weekly in hours
        if weekly.holds_on(day)
    )
    merged: list[Interval] = []
    for start, end in stretches:
        if start >= end:
            continue  # inside the hour that the clock skips
        if merged and start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(end, merged[-1].end))
        else:
            merged.append(Interval(start, end))
    return merged


def wall(minute: Minute, zone: ZoneInfo) -> tuple[date, int]:
    """The local date and the minute of that day that clocks show at an instant."""
    local = datetime.fromtimestamp(minute * 60, tz=zone)
    return local.date(), local.hour * 60 + local.minute


def resolve(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> Minute | None:
    """The instant at which clocks show a minute of a date; None if they skip it.

    Of a time that occurs twice, `fold` 0 is the first and 1 the second. Minute 1440 is midnight
    after that day.
    """
    instant = _utc(day, minute, zone, fold)
    wall_minute = (day.toordinal() - _EPOCH_DAY) * MINUTES_PER_DAY + minute
    return instant if instant + offset(instant, zone) == wall_minute else None


@lru_cache(maxsize=8192)
def moment(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> Minute:
    """Like `resolve`, but a time that the clock skips gives the moment to which it jumps."""
    instant = resolve(day, minute, zone, fold)
    if instant is not None:
        return instant
    # In a gap, fold 1 uses the offset after the jump, which gives an instant before the jump, and
    # fold 0 gives one after it. So the jump is between the two.
    return _change_between(_utc(day, minute, zone, 1), _utc(day, minute, zone, 0), zone)


def gap(day: date, minute: int, zone: ZoneInfo) -> tuple[str, str]:
    """The wall times before and after the jump that skips a time of a date: ("02:00", "03:00")."""
    jump = moment(day, minute, zone)
    last, first = (wall(jump - 1, zone)[1] + 1) % MINUTES_PER_DAY, wall(jump, zone)[1]
    return f"{last // 60:02}:{last % 60:02}", f"{first // 60:02}:{first % 60:02}"


def which_of_two(local: datetime) -> str:
    """The zone abbreviation if clocks show this local time twice: "EDT", "UTC-03"; else empty.

    `local` is an instant in a zone.
    """
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return ""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"


def offset(minute: Minute, zone: ZoneInfo) -> int:
    """How many minutes clocks are ahead of UTC at an instant."""
    difference = datetime.fromtimestamp(minute * 60, tz=zone).utcoffset() or timedelta()
    return int(difference.total_seconds()) // 60


def steady(span: Interval, zone: ZoneInfo) -> list[tuple[Interval, int]]:
    """The pieces of a span that have one UTC offset, each with that offset in minutes.

    It checks the offset once a day, so it would miss one of two changes within a day. No zone has
    done that in decades.
    """
    pieces: list[tuple[Interval, int]] = []
    start, current = span.start, offset(span.start, zone)
    for minute in range(span.start, span.end, MINUTES_PER_DAY):
        next_day = min(minute + MINUTES_PER_DAY, span.end - 1)
        if (following := offset(next_day, zone)) != current:
            change = _change_between(minute, next_day, zone)
            pieces.append((Interval(start, change), current))
            start, current = change, following
    pieces.append((Interval(start, span.end), current))
    return [piece for piece in pieces if piece[0].start < piece[0].end]


def minute_of_day(clock: time) -> int:
    """The minute of the day, without seconds: 09:30 is 570."""
    return clock.hour * 60 + clock.minute


def end_of(clock: time) -> int:
    """Like `minute_of_day`, but 00:00 is the end of the day: 1440."""
    return minute_of_day(clock) or MINUTES_PER_DAY


def _utc(day: date, minute: int, zone: ZoneInfo, fold: int) -> Minute:
    days, minute_of_that_day = divmod(minute, MINUTES_PER_DAY)
    wall_time = time(minute_of_that_day // 60, minute_of_that_day % 60)
    local = datetime.combine(day + timedelta(days=days), wall_time)
    return int(local.replace(tzinfo=zone, fold=fold).astimezone(UTC).timestamp() // 60)


def _change_between(before: Minute, after: Minute, zone: ZoneInfo) -> Minute:
    """The first minute after the clock change between two instants, by binary search."""
    old = offset(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after
