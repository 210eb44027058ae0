"""Days, weeks, weekdays and hours as words inside a sentence, in the language of the reader."""

from collections.abc import Collection
from datetime import date

from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _


def format_day(day: date | int) -> str:
    """8 March. `day`: a date or its ordinal."""
    return translation.format_day(date.fromordinal(day) if isinstance(day, int) else day)


def weeks_from(day: date | int, length: int = 7) -> str:
    """ "the week of 8 March", or "the 4 weeks from 8 March". `length`: in days."""
    if length == 7:
        return _("the week of %(day)s") % {"day": format_day(day)}
    return _("the %(weeks)s weeks from %(day)s") % {"weeks": length // 7, "day": format_day(day)}


def stretch(first: date | int, last: date | int) -> str:
    """ "on 8 March", "in the week of 8 March" or "from 8 March to 10 March"; both days count."""
    first, last = (day if isinstance(day, int) else day.toordinal() for day in (first, last))
    length = last - first + 1
    if length == 1:
        return _("on %(day)s") % {"day": format_day(first)}
    if length % 7 == 0:
        return _("in %(weeks)s") % {"weeks": weeks_from(first, length)}
    return _("from %(first)s to %(last)s") % {
        "first": format_day(first),
        "last": format_day(last),
    }


def weeks_late(number: int) -> str:
    """ "a week", "2 weeks"."""
    return _("a week") if number == 1 else translation.weeks(number)


def weekdays(days: Collection[int], *, either: bool = False) -> str:
    """ "Monday and Friday"; `either`: "Monday or Friday". 0 is Monday."""
    names = translation.weekday_names()
    return translation.join([names[day] for day in days], either=either)


def clock(minute: int) -> str:
    """A minute of the day: 9:05."""
    return f"{minute // 60}:{minute % 60:02}"
