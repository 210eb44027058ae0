"""The language in which the one who is being answered is spoken to.

A door says it once (`speak`), before it reads or writes a word for that person; rooms ask it for
their sentences, as they would ask for a word in a dictionary. It belongs to the request at hand:
requests that run at the same time do not hear each other. Where nobody has said anything, as in
the API, it is English. The year in which the answer is read is told in the same way (`read_in`).
Texts are not written by it: the dispatcher names each one's language.

For pybabel: `gettext` (mostly imported as `_`), `ngettext` and `marked` name what is to be
translated, in the catalogue `pages`.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import date

from scheduler.i18n import languages
from scheduler.i18n.languages import Language

_SPOKEN: ContextVar[str] = ContextVar("spoken", default=languages.SOURCE)
"""The code of the language."""

_YEAR: ContextVar[int | None] = ContextVar("year", default=None)
"""The year in which the answer is read; None where no door has said it."""

_DAY_FIRST = ("d MMMM", "d MMMM y")

_A_WEEK = [date(2024, 1, day) for day in range(1, 8)]  # the first of them is a Monday


_COUNTRY: ContextVar[str] = ContextVar("country", default="")
"""The country of the clinic that is spoken of; empty where no door has said it."""

_MONTH_FIRST = frozenset({"US", "PH"})


def activate(*wished: str) -> Language:
    """From now on, in this request, the first of these languages that there is, else English."""
    chosen = languages.of(*wished)
    _SPOKEN.set(chosen.code)
    return chosen


def set_display_year(year: int) -> None:
    """From now on, in this request, days of other years are named with theirs."""
    _YEAR.set(year)


def set_country(country: str) -> None:
    """From now on, in this request, days are written as in this country (US, DE ...)."""
    _COUNTRY.set(country)


def is_month_first(country: str) -> bool:
    """Whether a day is March 8 there, not 8 March."""
    # Only in English: who reads Spanish in New York still reads the day first.
    return country in _MONTH_FIRST and _SPOKEN.get() == "en"


def language() -> Language:
    """What is being spoken."""
    return Language(_SPOKEN.get())


def is_far(day: date) -> bool:
    """Whether a day is of another year than the one in which the answer is read."""
    return _YEAR.get() not in {None, day.year}


def format_day(day: date, pattern: str = "") -> str:
    """A day by a pattern of Unicode's CLDR, or as the catalogue has that pattern.

    Without one: 8 March, or March 8, and 8 March 2028 in another year than that.
    """
    if not pattern:
        plain, far = ("MMMM d", "MMMM d, y") if is_month_first(_COUNTRY.get()) else _DAY_FIRST
        pattern = far if is_far(day) else plain
    return language().say(day, pattern, "pages")


def weekday_names() -> list[str]:
    """The names of the weekdays, Monday first."""
    return [format_day(day, "cccc") for day in _A_WEEK]


def join(words: Sequence[str], *, either: bool = False) -> str:
    """Words as a list in a sentence: a, b and c; `either`: a, b or c."""
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
    """A sentence of a page as this language has it; in English where it has none."""
    return language().pages.gettext(message) if message else ""


def ngettext(one: str, many: str, number: int) -> str:
    """The same for a sentence that depends on a number."""
    return language().pages.ngettext(one, many, number)


def marked(message: str) -> str:
    """The message itself: it is to be translated, but not here and now."""
    return message
