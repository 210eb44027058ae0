"""Vocabulary files of all languages have one form, and a broken row is named by its line."""

import pytest

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies.reading import vocabularies
from scheduler.reminders.replies.reading.intent import parse
from scheduler.reminders.replies.reading.lexicon import lexicon, merged

FRENCH = """
[define]
PART = (?:bras|jambe)

[danger chest]
mal (?:\\w+ )?poitrine|douleur au {PART}

[numbers]
sept = 7
"""


def test_another_language_needs_only_a_file(monkeypatch):
    languages = {**vocabularies.vocabularies(), "fr": vocabularies.parse(FRENCH, name="fr.txt")}
    monkeypatch.setattr(
        "scheduler.reminders.replies.reading.intent.lexicon", lambda: merged(languages)
    )

    parsed = parse("Douleur au bras")

    assert (parsed.meaning, parsed.language) == (Intent.EMERGENCY, "fr")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[polite]\n\n# greetings\nhello, Bonjour", "xx.txt, line 4"),
        ("[danger chest]\nchest (pain", "xx.txt, line 2"),
        ("[danger chest]\n{PART} hurts", "xx.txt, line 2: {PART} is not defined above."),
        ("[numbers]\none = 1\ntwo = many", "xx.txt, line 3"),
        ("[ordinals]\nfirst", "xx.txt, line 2"),
        ("[dangers]\nchest", "xx.txt, line 2: there is no section [dangers]."),
        ("hello", "xx.txt, line 1: a row comes before the first section."),
        ("[yes]\n(?:yes)?", "xx.txt, line 2"),
    ],
)
def test_a_broken_row_is_named_by_its_line(content: str, message: str) -> None:
    with pytest.raises(vocabularies.BrokenVocabulary) as broken:
        vocabularies.parse(content, name="xx.txt")

    assert str(broken.value).startswith(message)


def test_all_languages_know_the_same_dangers() -> None:
    kinds = {language: set(dangers.patterns) for language, dangers in lexicon().dangers.items()}

    assert kinds["en"] == kinds["es"]
