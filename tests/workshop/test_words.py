"""The catalogs of the pages contain exactly the sentences of the code."""

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from scheduler.i18n import languages
from workshop import words

CATALOGS = sorted(languages.FOLDER.glob("*/LC_MESSAGES/pages.po"))


@pytest.mark.parametrize("place", CATALOGS, ids=lambda place: place.parts[-3])
def test_a_catalog_is_in_step_with_the_code(place: Path) -> None:
    """If this fails: `make words`, then translate what is empty."""
    assert words.updated(place, words.extracted()) == place.read_bytes()


def test_what_is_new_waits_for_its_translation_and_what_is_gone_is_gone(tmp_path: Path) -> None:
    place = tmp_path / "es" / "LC_MESSAGES" / "pages.po"
    place.parent.mkdir(parents=True)
    place.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Yes"\nmsgstr "Sí"\n\nmsgid "Nobody says this"\nmsgstr "Nadie"\n\n'
        'msgctxt "pattern"\nmsgid "d MMMM"\nmsgstr "d. MMMM"\n'
    )

    place.write_bytes(words.updated(place, words.extracted()))

    with place.open("rb") as lines:
        catalog = read_po(lines, locale="es")
    assert catalog["Yes"].string == "Sí"
    assert catalog["No"].string == ""
    assert "Nobody says this" not in catalog
    kept = catalog.get("d MMMM", context="pattern")
    assert kept is not None
    assert kept.string == "d. MMMM"


def test_sentences_of_errors_are_among_the_words() -> None:
    assert "Some of these times are no longer free. Nothing was booked." in words.extracted()
