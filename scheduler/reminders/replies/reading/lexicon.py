"""The vocabularies of all languages, compiled for reading. Pure.

All languages are tried on every reply, because patients answer in any of them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from scheduler.reminders.replies.reading import typos
from scheduler.reminders.replies.reading.vocabularies import (
    LISTS,
    PATTERNS,
    Every,
    Vocabulary,
    vocabularies,
)


@dataclass(frozen=True)
class Dangers:
    """The dangers of one language."""

    patterns: Mapping[str, re.Pattern[str]]
    """By kind: breathing, chest, suicide."""
    signs: Mapping[str, re.Pattern[str]]
    """The same for words whose mere mention is a sign of danger."""
    corrected: Callable[[str], str]
    """Corrects a typing error in a word of danger."""


@dataclass(frozen=True)
class Lexicon:
    """What can be looked up or searched for in a reply, by section of the vocabulary files."""

    lists: Mapping[str, frozenset[str]]
    patterns: Mapping[str, re.Pattern[str]]
    dangers: Mapping[str, Dangers]
    """By language code."""
    numbers: Mapping[str, int]
    ordinals: Mapping[str, int]
    every: Mapping[str, Every]


@cache
def lexicon() -> Lexicon:
    """The lexicon of this program."""
    return merged(vocabularies())


def merged(languages: Mapping[str, Vocabulary]) -> Lexicon:
    """One lexicon for several languages."""
    some = languages.values()
    lists = {
        section: frozenset(word for vocabulary in some for word in vocabulary.lists[section])
        for section in LISTS
    }
    return Lexicon(
        lists=lists,
        patterns={
            section: _any(row for vocabulary in some for row in vocabulary.patterns[section])
            for section in PATTERNS
        },
        dangers={
            code: Dangers(
                {kind: _any(rows) for kind, rows in vocabulary.dangers.items()},
                {kind: _any(rows) for kind, rows in vocabulary.signs.items()},
                typos.corrector(vocabulary.lists["danger words"], ordinary=lists["unlike danger"]),
            )
            for code, vocabulary in languages.items()
        },
        numbers={word: n for vocabulary in some for word, n in vocabulary.numbers.items()},
        ordinals={word: n for vocabulary in some for word, n in vocabulary.ordinals.items()},
        every={text: every for vocabulary in some for text, every in vocabulary.every.items()},
    )


def _any(rows: Iterable[str]) -> re.Pattern[str]:
    alternatives = "|".join(rows)
    return re.compile(rf"\b(?:{alternatives})\b" if alternatives else r"(?!)")
