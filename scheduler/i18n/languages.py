"""The languages of texts and pages. One more language is one more folder, not code.

`locale/<code>/LC_MESSAGES/` holds gettext catalogues: `texts.po` for what is texted, `pages.po` for
what patients see. They are shipped and read as translators write them, so that no step of building
can be forgotten. English is what they translate from, and stands in for what one of them lacks.

Days and times are written by explicit patterns with the names that Babel has for them: a library's
short forms change with its version, and bring in signs (a narrow space before AM) that double the
price of a text. A catalogue may translate a pattern too, in the context "pattern".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import parse_pattern
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Domain = Literal["texts", "pages"]
Clock = Literal["24", "12"]

SOURCE = "en"
"""The language of the words in the code."""

FOLDER = Path(__file__).parent / "locale"

_ODD_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2009": " "})


@dataclass(frozen=True)
class Language:
    """One language, by its code of two letters. Its files are read when it first says something."""

    code: str

    @property
    def texts(self) -> NullTranslations:
        """The words of texts: `gettext`, `ngettext`, `pgettext`, `npgettext`."""
        return _catalogue(self.code, "texts")

    @property
    def pages(self) -> NullTranslations:
        """The words of pages."""
        return _catalogue(self.code, "pages")

    @property
    def name(self) -> str:
        """What it calls itself: English, español."""
        return str(_locale(self.code).get_display_name(self.code))

    def say(self, moment: date | time, pattern: str, domain: Domain = "texts") -> str:
        """A local day or time by a pattern of Unicode's CLDR, `EEE d MMM`, or as the catalogue has
        it in this language. Only plain spaces are in it.
        """
        pattern = _catalogue(self.code, domain).pgettext("pattern", pattern)
        written = parse_pattern(pattern).apply(moment, _locale(self.code))
        return written.translate(_ODD_SPACES)

    def date(self, local: date) -> str:
        """`Mon 11 Jan`, from a local day or time, as short as texts need it."""
        return self.say(local, "EEE d MMM")

    def time(self, local: time | datetime, clock: Clock = "24") -> str:
        """`9:00` or, by the 12-hour clock, `9:00 AM`, from a local time."""
        if clock == "24":
            return f"{local.hour}:{local.minute:02}"
        half = self.texts.pgettext("clock", "PM" if local.hour >= 12 else "AM")
        return f"{local.hour % 12 or 12}:{local.minute:02} {half}"


@dataclass(frozen=True)
class Words(Mapping[str, str]):
    """One text by the code of a language: English as it is here, others as catalogues have it.

    A language that lacks the text is not in it. Nothing is read before something is asked for.
    """

    context: str
    english: str

    def __getitem__(self, code: str) -> str:
        if code == SOURCE:
            return self.english
        said = Language(code).texts.pgettext(self.context, self.english) if is_known(code) else ""
        if said in {"", self.english}:
            raise KeyError(code)
        return said

    def __iter__(self) -> Iterator[str]:
        return (code for code in codes() if code in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def codes() -> tuple[str, ...]:
    """Every language there is, English first."""
    return (SOURCE, *sorted(place.name for place in FOLDER.iterdir() if place.is_dir()))


def of(*wished: str) -> Language:
    """The first of these (`es`, `es-MX`) that there is: the patient's, else the clinic's. Else
    English.
    """
    return Language(next(filter(is_known, map(_short, wished)), SOURCE))


def is_known(code: str) -> bool:
    """Whether there are words in a language."""
    return code in codes()


def _short(code: str) -> str:
    return code.lower().partition("-")[0]


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)


@cache
def _catalogue(code: str, domain: Domain) -> NullTranslations:
    """A catalogue, compiled in memory. One that is missing says everything in English."""
    place = FOLDER / code / "LC_MESSAGES" / f"{domain}.po"
    if not place.exists():
        return NullTranslations()
    compiled = BytesIO()
    with place.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=code, domain=domain, abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)
