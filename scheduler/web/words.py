"""Dates, times and rhythms as people read them, in the clinic's wall time. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

_TWELVE_HOURS = frozenset({"US", "CA", "AU", "NZ", "IN", "PH"})
_MONTH_FIRST = frozenset({"US", "PH"})


@dataclass(frozen=True)
class Manner:
    """How a country writes days and times: 9:00 or 9:00 am, 11 January or January 11."""

    twelve_hours: bool
    month_first: bool

    def clock(self, when: time) -> str:
        """A time of day: 9:00, 14:40, 2:40 pm."""
        if not self.twelve_hours:
            return f"{when.hour}:{when.minute:02d}"
        return f"{when.hour % 12 or 12}:{when.minute:02d} {'am' if when.hour < 12 else 'pm'}"

    def span(self, start: time, end: time) -> str:
        """From when to when: 9:00 to 9:40. "am" is said once where it holds for both."""
        if self.twelve_hours and (start.hour < 12) == (end.hour < 12):
            return f"{self.clock(start)[:-3]} to {self.clock(end)}"
        return f"{self.clock(start)} to {self.clock(end)}"

    def on(self, day: date, *, today: date | None = None) -> str:
        """A day without its weekday: 11 January. With the year where that is not today's."""
        name = MONTHS[day.month - 1]
        if self.month_first:
            words = f"{name} {day.day}"
            year = f", {day.year}"
        else:
            words, year = f"{day.day} {name}", f" {day.year}"
        return words + year if today is not None and day.year != today.year else words

    def day(self, day: date, *, today: date | None = None) -> str:
        """A day with its weekday: Monday 11 January, or Monday, January 11."""
        comma = "," if self.month_first else ""
        return f"{WEEKDAYS[day.weekday()]}{comma} {self.on(day, today=today)}"

    def moment(self, when: datetime, *, today: date | None = None) -> str:
        """A day and a time: Monday 11 January, 9:00."""
        return f"{self.day(when.date(), today=today)}, {self.clock(when.time())}"

    def week(self, monday: date) -> str:
        """The days of a week: 11 to 17 January, 28 December to 3 January."""
        sunday = monday + timedelta(days=6)
        if monday.month != sunday.month:
            return f"{self.on(monday)} to {self.on(sunday)}"
        if self.month_first:
            return f"{self.on(monday)} to {sunday.day}"
        return f"{monday.day} to {self.on(sunday)}"


def manner_of(country: str) -> Manner:
    """How people of a country (US, DE ...) write days and times."""
    return Manner(twelve_hours=country in _TWELVE_HOURS, month_first=country in _MONTH_FIRST)


def join(words: Sequence[str], last: str = "and") -> str:
    """Words as a list in a sentence: a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def count(number: int, noun: str) -> str:
    """So many of something: 1 session, 10 sessions."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def small(number: int) -> str:
    """A small number as a word, as it is written within a sentence."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def duration(minutes: int) -> str:
    """A length of time: 40 minutes, 1 hour, 6 hours and 40 minutes."""
    hours, rest = divmod(minutes, 60)
    parts = [count(hours, "hour")] if hours else []
    if rest or not hours:
        parts.append(count(rest, "minute"))
    return join(parts)


def rhythm(starts: Iterable[datetime], manner: Manner) -> str:
    """On which weekdays and when, if it is regular: "Mondays and Thursdays at 9:00".

    Another rhythm is told as far as it goes: "Mondays and Thursdays, at different times".
    """
    wall = list(starts)
    days = sorted({when.weekday() for when in wall})
    times = {when.time() for when in wall}
    named = join([f"{WEEKDAYS[day]}s" for day in days]) if len(days) <= 3 else "different weekdays"
    if len(wall) == 1:
        return f"{WEEKDAYS[days[0]]} at {manner.clock(times.pop())}"
    if len(times) == 1:
        return f"{named} at {manner.clock(times.pop())}"
    return f"{named}, at different times"
