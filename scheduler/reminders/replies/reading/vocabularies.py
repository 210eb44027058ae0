"""Loads the words by which replies are read: one file per language, named by its code.

A file has sections. `[polite]` and its like list words or whole texts, separated by commas.
`[stop wish]` and its like have one regular expression per line, which is searched for among the
words of a reply. `[define]` names parts of expressions: `{TEXTS}`. Everything is in lower case,
without accents and apostrophes, because replies are folded the same way. `#` begins a comment.

Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

FOLDER = "scheduler.reminders.replies.reading.vocabulary"

LISTS = frozenset(
    {
        *("polite", "thanks", "confirm", "agree", "acknowledge", "change", "stop", "stop alone"),
        *("start", "help", "danger words", "unlike danger", "beside numbers", "says pain"),
        *("says choice", "beside yes"),
    }
)
"""Sections of words and whole texts."""

PATTERNS = frozenset(
    {
        *("change wish", "not change", "stop wish", "stop statement", "not stop", "start wish"),
        *(
            "harmless",
            "well",
            "refusal",
            "yes",
            "automatic",
            "ours",
            "reaction",
            "of ten",
            "temperature",
        ),
    }
)
"""Sections of regular expressions, beside the `danger` sections, which have a kind."""

DANGER = "danger "
SIGN = "sign "


class Every(NamedTuple):
    """An answer that means all appointments on a list."""

    how_many: int = 0
    """The number that it names (`both`: 2); 0 for any number."""
    may_be_hour: bool = False
    """Whether it may also be an hour: `las dos` means "both" or "two o'clock"."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words of one language, by section."""

    lists: Mapping[str, frozenset[str]]
    patterns: Mapping[str, tuple[str, ...]]
    dangers: Mapping[str, tuple[str, ...]]
    """Regular expressions by kind of danger: breathing, chest, suicide."""
    signs: Mapping[str, tuple[str, ...]]
    """The same for words whose mere mention is a sign of danger, unless `[well]` explains it."""
    numbers: Mapping[str, int]
    ordinals: Mapping[str, int]
    every: Mapping[str, Every]


class BrokenVocabulary(ValueError):
    """A row of a vocabulary file that cannot be read."""


class _Row(NamedTuple):
    section: str
    text: str
    line: int


@cache
def vocabularies() -> Mapping[str, Vocabulary]:
    """All vocabularies of the program by language code."""
    files = (file for file in resources.files(FOLDER).iterdir() if file.name.endswith(".txt"))
    return {
        file.name.removesuffix(".txt"): parse(file.read_text("utf-8"), name=file.name)
        for file in sorted(files, key=lambda file: file.name)
    }


def parse(content: str, *, name: str) -> Vocabulary:
    """The vocabulary in a file. Raises BrokenVocabulary, which names the file and the line."""
    sections = _Sections()
    for row in _rows(content, name):
        try:
            sections.add(row)
        except (ValueError, re.error) as problem:
            raise BrokenVocabulary(f"{name}, line {row.line}: {problem}.") from problem
    return Vocabulary(
        lists={section: frozenset(words) for section, words in sections.lists.items()},
        patterns={section: tuple(rows) for section, rows in sections.patterns.items()},
        dangers={kind: tuple(rows) for kind, rows in sections.dangers.items()},
        signs={kind: tuple(rows) for kind, rows in sections.signs.items()},
        numbers=sections.numbers["numbers"],
        ordinals=sections.numbers["ordinals"],
        every=sections.every,
    )


class _Sections:
    """Collects the rows of a file."""

    def __init__(self) -> None:
        self.defined: dict[str, str] = {}
        self.lists: dict[str, set[str]] = {section: set() for section in LISTS}
        self.patterns: dict[str, list[str]] = {section: [] for section in PATTERNS}
        self.dangers: dict[str, list[str]] = {}
        self.signs: dict[str, list[str]] = {}
        self.numbers: dict[str, dict[str, int]] = {"numbers": {}, "ordinals": {}}
        self.every: dict[str, Every] = {}

    def add(self, row: _Row) -> None:
        """Add a row to its section. Raises ValueError or re.error if it is broken."""
        section, text = row.section, row.text
        if section in LISTS:
            self.lists[section] |= set(_items(text))
        elif section in self.numbers:
            self.numbers[section] |= {word: int(n) for word, n in map(_pair, _items(text))}
        elif section == "every":
            self.every |= {words: _every(n) for words, n in map(_pair, _items(text))}
        elif section == "define":
            key, value = _pair(text)
            self.defined[f"{{{key}}}"] = _expanded(value, self.defined)
        elif section in PATTERNS:
            self.patterns[section].append(_expression(text, self.defined))
        elif section.startswith((DANGER, SIGN)):
            name, _, kind = section.partition(" ")
            kinds = self.dangers if name == DANGER.strip() else self.signs
            kinds.setdefault(kind, []).append(_expression(text, self.defined))
        else:
            raise ValueError(f"there is no section [{section}]")


def _rows(content: str, name: str) -> Iterator[_Row]:
    section = ""
    for line, text in enumerate(content.splitlines(), start=1):
        row = text.strip()
        if not row or row.startswith("#"):
            continue
        if row.startswith("[") and row.endswith("]"):
            section = row[1:-1]
        elif not section:
            raise BrokenVocabulary(f"{name}, line {line}: a row comes before the first section.")
        else:
            yield _Row(section, row, line)


def _items(text: str) -> list[str]:
    items = [item.strip() for item in text.split(",")]
    for item in items:
        if item and not re.fullmatch(r"[a-z0-9]+(?: [a-z0-9]+)*(?: = [a-z0-9 ]+)?", item):
            raise ValueError(f'"{item}" needs plain lower-case letters, without accents')
    return [item for item in items if item]


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition(" = ")
    if not equals:
        raise ValueError(f'"{text}" needs the form "word = value"')
    return key.strip(), value.strip()


def _expanded(text: str, defined: Mapping[str, str]) -> str:
    return re.sub(r"\{[A-Z]+\}", lambda name: _named(name[0], defined), text)


def _named(name: str, defined: Mapping[str, str]) -> str:
    if name not in defined:
        raise ValueError(f"{name} is not defined above")
    return defined[name]


def _expression(text: str, defined: Mapping[str, str]) -> str:
    expression = _expanded(text, defined)
    if re.compile(expression).match(""):
        raise ValueError(f'"{text}" matches an empty reply')
    return expression


def _every(value: str) -> Every:
    number, _, hour = value.partition(" or ")
    return Every(0 if number == "any" else int(number), may_be_hour=hour == "hour")
