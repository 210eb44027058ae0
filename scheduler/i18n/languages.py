"""The languages of texts and pages. A new language is a new folder and needs no code.

`locale/<code>/LC_MESSAGES/` has two gettext catalogs: `texts.po` and `pages.po`. The program reads
the .po files directly, so there is no build step to forget. English is the source language, and is
used where a catalog has no translation.

Days and times are formatted with explicit patterns and Babel's names of days and months. Babel's
short formats change between versions, and contain characters (a narrow space before AM) that double
the price of a text. A catalog can translate a pattern, in the context "pattern".
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
"""The language of the sentences in the code."""

FOLDER = Path(__file__).parent / "locale"

_ODD_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2009": " "})


@dataclass(frozen=True)
class Language:
    """One language, by its two-letter code. Its catalogs are read when they are first used."""

    code: str

    @property
    def texts(self) -> NullTranslations:
        """The catalog of texts: `gettext`, `ngettext`, `pgettext`, `npgettext`."""
        return _catalog(self.code, "texts")

    @property
    def pages(self) -> NullTranslations:
        """The catalog of pages."""
        return _catalog(self.code, "pages")

    @property
    def name(self) -> str:
        """Its name in itself: English, español."""
        return str(_locale(self.code).get_display_name(self.code))

    def say(self, moment: date | time, pattern: str, domain: Domain = "texts") -> str:
        """A local day or time in a CLDR pattern such as `EEE d MMM`, with plain spaces only.

        The catalog may translate the pattern.
        """
        pattern = _catalog(self.code, domain).pgettext("pattern", pattern)
        written = parse_pattern(pattern).apply(moment, _locale(self.code))
        return written.translate(_ODD_SPACES)

    def date(self, local: date) -> str:
        """A local day in the short form of texts: `Mon 11 Jan`."""
        return self.say(local, "EEE d MMM")

    def time(self, local: time | datetime, clock: Clock = "24") -> str:
        """A local time: `9:00`, or `9:00 AM` with the 12-hour clock."""
        if clock == "24":
            return f"{local.hour}:{local.minute:02}"
        half = self.texts.pgettext("clock", "PM" if local.hour >= 12 else "AM")
        return f"{local.hour % 12 or 12}:{local.minute:02} {half}"


@dataclass(frozen=True)
class Words(Mapping[str, str]):
    """The translations of one English text, by language code.

    A language without a translation is not a key. Catalogs are read on first access.
    """

    context: str
    english: str

    def __getitem__(self, code: str) -> str:
        if code == SOURCE:
            return self.english
        if not is_known(code):
            raise KeyError(code)
        translation = Language(code).texts.pgettext(self.context, self.english)
        if translation in {"", self.english}:
            raise KeyError(code)
        return translation

    def __iter__(self) -> Iterator[str]:
        return (code for code in codes() if code in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def codes() -> tuple[str, ...]:
    """The codes of all languages, English first."""
    return (SOURCE, *sorted(place.name for place in FOLDER.iterdir() if place.is_dir()))


def of(*wished: str) -> Language:
    """The first available language of these codes (`es`, `es-MX`), else English."""
    return Language(next(filter(is_known, map(_short, wished)), SOURCE))


def is_known(code: str) -> bool:
    """Whether there are catalogs in this language."""
    return code in codes()


def _short(code: str) -> str:
    return code.lower().partition("-")[0]


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)


@cache
def _catalog(code: str, domain: Domain) -> NullTranslations:
    """A catalog, compiled in memory. A missing one leaves everything in English."""
    place = FOLDER / code / "LC_MESSAGES" / f"{domain}.po"
    if not place.exists():
        return NullTranslations()
    compiled = BytesIO()
    with place.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=code, domain=domain, abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)
