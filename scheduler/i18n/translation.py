"""The language, year and country of the current request, and sentences in that language.

The edge sets them once per request (`activate`, `set_display_year`, `set_country`) with context
variables, so that concurrent requests do not affect each other. The default is English, which the
API uses. Texts do not use this module: the dispatcher passes the language of each text.

Catalog extraction recognizes `gettext` (usually imported as `_`), `ngettext` and `marked`.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import date

from scheduler.i18n import languages
from scheduler.i18n.languages import Language

_LANGUAGE: ContextVar[str] = ContextVar("language", default=languages.SOURCE)
"""A language code."""

_YEAR: ContextVar[int | None] = ContextVar("year", default=None)
"""The year in which the page is read. Dates in other years show their year."""

_COUNTRY: ContextVar[str] = ContextVar("country", default="")
"""The country of the clinic on the page, which decides the order of day and month in English."""

_DAY_FIRST = ("d MMMM", "d MMMM y")
_MONTH_FIRST = ("MMMM d", "MMMM d, y")
_MONTH_FIRST_COUNTRIES = frozenset({"US", "PH"})

_MONDAY_TO_SUNDAY = [date(2024, 1, day) for day in range(1, 8)]


def activate(*wished: str) -> Language:
    """Use the first available of these languages in this request, else English."""
    chosen = languages.of(*wished)
    _LANGUAGE.set(chosen.code)
    return chosen


def set_display_year(year: int) -> None:
    """Show the year of dates that are not in this year, in this request."""
    _YEAR.set(year)


def set_country(country: str) -> None:
    """Write dates as in this country (US, DE ...), in this request."""
    _COUNTRY.set(country)


def is_month_first(country: str) -> bool:
    """Whether people in this country write March 8, not 8 March."""
    # Only in English: Spanish in New York also has the day first.
    return country in _MONTH_FIRST_COUNTRIES and _LANGUAGE.get() == "en"


def language() -> Language:
    """The language of this request."""
    return Language(_LANGUAGE.get())


def is_far(day: date) -> bool:
    """Whether a day is in another year than the display year."""
    return _YEAR.get() not in {None, day.year}


def format_day(day: date, pattern: str = "") -> str:
    """A day in a CLDR pattern, which the catalog may translate.

    Without a pattern: 8 March or March 8, with the year if it is not the display year.
    """
    if not pattern:
        plain, with_year = _MONTH_FIRST if is_month_first(_COUNTRY.get()) else _DAY_FIRST
        pattern = with_year if is_far(day) else plain
    return language().say(day, pattern, "pages")


def weekday_names() -> list[str]:
    """The names of the weekdays, Monday first."""
    return [format_day(day, "cccc") for day in _MONDAY_TO_SUNDAY]


def join(words: Sequence[str], *, either: bool = False) -> str:
    """A list in a sentence: "a, b and c", or with `either` "a, b or c"."""
    if len(words) < 2:
        return "".join(words)
    pattern = gettext("%(those)s or %(last)s") if either else gettext("%(those)s and %(last)s")
    return pattern % {"those": ", ".join(words[:-1]), "last": words[-1]}


def sessions(number: int) -> str:
    """1 session, 10 sessions."""
    return ngettext("%(count)s session", "%(count)s sessions", number) % {"count": number}


def minutes(number: int) -> str:
    """1 minute, 40 minutes."""
    return ngettext("%(count)s minute", "%(count)s minutes", number) % {"count": number}


def hours(number: int) -> str:
    """1 hour, 3 hours."""
    return ngettext("%(count)s hour", "%(count)s hours", number) % {"count": number}


def days(number: int) -> str:
    """1 day, 3 days."""
    return ngettext("%(count)s day", "%(count)s days", number) % {"count": number}


def weeks(number: int) -> str:
    """1 week, 7 weeks."""
    return ngettext("%(count)s week", "%(count)s weeks", number) % {"count": number}


def gettext(message: str) -> str:
    """The translation of a sentence, or the English sentence if there is none."""
    return language().pages.gettext(message) if message else ""


def ngettext(one: str, many: str, number: int) -> str:
    """The translation of a sentence that depends on a number."""
    return language().pages.ngettext(one, many, number)


def marked(message: str) -> str:
    """The message itself. Marks it for translation where it is shown."""
    return message
