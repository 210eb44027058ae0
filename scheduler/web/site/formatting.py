"""Dates, times and rhythms as people read them, in the clinic's wall time.

They are in the active language. Babel names days and months; the patterns around the names are in
the catalog like any other sentence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _

_TWELVE_HOURS = frozenset({"US", "CA", "AU", "NZ", "IN", "PH"})


@dataclass(frozen=True)
class DateFormat:
    """How a country writes days and times: 9:00 or 9:00 am, 11 January or January 11."""

    twelve_hours: bool
    month_first: bool

    def clock(self, when: time) -> str:
        """A time of day: 9:00, 14:40, 2:40 pm."""
        if not self.twelve_hours:
            return f"{when.hour}:{when.minute:02d}"
        half = _("am") if when.hour < 12 else _("pm")
        return f"{self._short(when)} {half}"

    def span(self, start: time, end: time) -> str:
        """From when to when: 9:00 to 9:40. "am" is written once if both are am."""
        once = self.twelve_hours and (start.hour < 12) == (end.hour < 12)
        return _("%(start)s to %(end)s") % {
            "start": self._short(start) if once else self.clock(start),
            "end": self.clock(end),
        }

    def on(self, day: date, *, today: date | None = None) -> str:
        """A day without its weekday: 11 January. With the year if it is not the current one."""
        return self._on(day, year=today is not None and day.year != today.year)

    def day(self, day: date, *, today: date | None = None) -> str:
        """A day with its weekday: Monday 11 January, or Monday, January 11."""
        if today is not None and day.year != today.year:
            return translation.format_day(
                day, "EEEE, MMMM d, y" if self.month_first else "EEEE d MMMM y"
            )
        return translation.format_day(day, "EEEE, MMMM d" if self.month_first else "EEEE d MMMM")

    def moment(self, when: datetime, *, today: date | None = None) -> str:
        """A day and a time: Monday 11 January, 9:00."""
        return _("%(day)s, %(time)s") % {
            "day": self.day(when.date(), today=today),
            "time": self.clock(when.time()),
        }

    def week(self, monday: date) -> str:
        """The days of a week: 11 to 17 January, 29 March to 4 April.

        With the year if one of the days is not in the current year.
        """
        sunday = monday + timedelta(days=6)
        far = translation.is_far(monday) or translation.is_far(sunday)
        # The month is written once, at the end, if both days share it.
        if monday.month != sunday.month:
            pattern = _("%(first)s to %(last)s")
        elif self.month_first:
            pattern = _("%(first)s to %(last_day)s")
        else:
            pattern = _("%(first_day)s to %(last)s")
        return pattern % {
            "first": self._on(monday, year=far and monday.year != sunday.year),
            "last": self._on(sunday, year=far),
            "first_day": monday.day,
            "last_day": f"{sunday.day}, {sunday.year}" if far else sunday.day,
        }

    def _on(self, day: date, *, year: bool) -> str:
        if year:
            return translation.format_day(day, "MMMM d, y" if self.month_first else "d MMMM y")
        return translation.format_day(day, "MMMM d" if self.month_first else "d MMMM")

    def _short(self, when: time) -> str:
        hour = when.hour % 12 or 12 if self.twelve_hours else when.hour
        return f"{hour}:{when.minute:02d}"


def date_format_of(country: str) -> DateFormat:
    """The date format of a country (US, DE ...)."""
    return DateFormat(
        twelve_hours=country in _TWELVE_HOURS, month_first=translation.is_month_first(country)
    )


def letters() -> list[str]:
    """A letter for each weekday, Monday first."""
    return [
        translation.format_day(date(2024, 1, day), "ccccc") for day in range(1, 8)
    ]  # 1 January 2024 was a Monday


def small(number: int) -> str:
    """A number as part of a sentence: a word from 0 to 10, else digits."""
    numbers = (
        *(_("no"), _("one"), _("two"), _("three"), _("four"), _("five")),
        *(_("six"), _("seven"), _("eight"), _("nine"), _("ten")),
    )
    return numbers[number] if 0 <= number < len(numbers) else str(number)


def duration(minutes: int) -> str:
    """A length of time: 40 minutes, 1 hour, 6 hours and 40 minutes."""
    hours, rest = divmod(minutes, 60)
    parts = []
    if hours:
        parts.append(translation.hours(hours))
    if rest or not hours:
        parts.append(translation.minutes(rest))
    return translation.join(parts)


def rhythm(starts: Iterable[datetime], dates: DateFormat) -> str:
    """The weekdays and the time of a regular rhythm: "Mondays and Thursdays at 9:00".

    Without a common time: "Mondays and Thursdays, at different times".
    """
    wall = list(starts)
    days = sorted({when.weekday() for when in wall})
    times = {when.time() for when in wall}
    at = {"days": _weekdays_of(days), "time": dates.clock(min(times))}
    if len(wall) == 1:
        return _("%(day)s at %(time)s") % {**at, "day": translation.weekday_names()[days[0]]}
    if len(times) == 1:
        return _("%(days)s at %(time)s") % at
    return _("%(days)s, at different times") % at


def _weekdays_of(days: Sequence[int]) -> str:
    plural = (
        *(_("Mondays"), _("Tuesdays"), _("Wednesdays"), _("Thursdays")),
        *(_("Fridays"), _("Saturdays"), _("Sundays")),
    )
    return (
        translation.join([plural[day] for day in days])
        if len(days) <= 3
        else _("different weekdays")
    )
