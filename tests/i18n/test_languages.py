"""A language is a folder of catalogues: what is asked of it, and of every one that we ship."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import cast

import pytest
from babel.messages.pofile import read_po

from scheduler.i18n import languages
from scheduler.patients import consent
from scheduler.reminders.texts.default_texts import CASES, COLLEAGUE, REPLY_TEMPLATES, TEMPLATES

EVERY = (
    consent.WORDING,
    COLLEAGUE,
    *TEMPLATES.values(),
    *CASES["day_before"].values(),
    *REPLY_TEMPLATES.values(),
)
CATALOGUES = sorted(languages.FOLDER.glob("*/LC_MESSAGES/*.po"))
FIELD = re.compile(r"\{[a-z_]+\}|%\([a-z_]+\)[sd]")
JANUARY_13 = date(2027, 1, 13)
FRENCH = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n > 1);\\n"

msgctxt "pattern"
msgid "EEE d MMM"
msgstr "EEE dd/MM"

msgctxt "help"
msgid "one"
msgid_plural "many"
msgstr[0] "une"
msgstr[1] "plusieurs"
"""


@pytest.mark.parametrize(
    ("wished", "code"),
    [
        (["en"], "en"),
        (["es-MX"], "es"),
        (["ES"], "es"),
        (["tlh"], "en"),
        ([""], "en"),
        (["tlh", "es"], "es"),
        (["en", "es"], "en"),
        (["../es"], "en"),
        ([], "en"),
    ],
)
def test_the_first_available_language_is_chosen(wished: list[str], code: str) -> None:
    assert languages.of(*wished).code == code


def test_english_and_spanish_are_available_with_their_names() -> None:
    assert languages.codes() == ("en", "es")
    assert [languages.of(code).name for code in languages.codes()] == ["English", "español"]


def test_days_are_written_with_the_names_of_the_language() -> None:
    english, spanish = map(languages.of, languages.codes())

    assert (english.date(JANUARY_13), spanish.date(JANUARY_13)) == ("Wed 13 Jan", "mié 13 ene")
    assert spanish.say(JANUARY_13, "EEEE d MMMM y") == "miércoles 13 enero 2027"


def test_days_and_times_contain_plain_spaces_only() -> None:
    for code in languages.codes():
        for pattern in ("h:mm a", "EEEE d MMMM, HH:mm"):
            written = languages.of(code).say(datetime(2027, 1, 13, 19, 5), pattern)  # noqa: DTZ001
            assert [sign for sign in written if sign.isspace() and sign != " "] == []


@pytest.fixture
def french(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[languages.Language]:
    """A language that is only a file."""
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "texts.po").write_text(FRENCH)
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    languages.codes.cache_clear()
    languages._catalog.cache_clear()
    yield languages.of("fr-FR")
    monkeypatch.undo()
    languages.codes.cache_clear()
    languages._catalog.cache_clear()


def test_a_new_language_needs_only_a_file(french: languages.Language) -> None:
    assert (french.code, french.name) == ("fr", "français")
    assert french.date(JANUARY_13) == "mer. 13/01"
    assert [french.texts.npgettext("help", "one", "many", number) for number in (1, 2)] == [
        "une",
        "plusieurs",
    ]


def test_missing_translations_fall_back_to_english(french: languages.Language) -> None:
    assert french.texts.pgettext("help", "Call us") == "Call us"
    assert french.pages.gettext("Book") == "Book"


@pytest.mark.parametrize("place", CATALOGUES, ids=lambda place: f"{place.parts[-3]}-{place.stem}")
def test_a_catalog_is_complete(place: Path) -> None:
    """Nothing in it is uncertain or empty, and each translation has the fields of what it says."""
    with place.open("rb") as lines:
        catalogue = read_po(lines, locale=place.parts[-3], abort_invalid=True)

    assert [message.id for message in catalogue if message.id and message.fuzzy] == []
    assert dict(catalogue.obsolete) == {}
    for message in catalogue:
        written, meant = _forms(message.string), _forms(message.id)
        if message.id:
            assert all(written), message.id
            assert {*FIELD.findall(written[-1])} == {*FIELD.findall(meant[-1])}, message.id


def _forms(words: object) -> list[str]:
    """The singular and plural of a message, or its only form."""
    return [words] if isinstance(words, str) else [str(form) for form in cast("list[str]", words)]


def test_no_catalog_has_a_text_that_is_no_longer_sent() -> None:
    english = {(words.context, words.english) for words in EVERY}
    for place in languages.FOLDER.glob("*/LC_MESSAGES/texts.po"):
        with place.open("rb") as lines:
            translated = {(message.context, message.id) for message in read_po(lines) if message.id}
        assert {key for key in translated if key[0] not in {"pattern", "clock"}} == english
