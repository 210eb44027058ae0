"""The words that a language must provide so that its replies can be read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Every(NamedTuple):
    """An answer that means all appointments on a list."""

    how_many: int = 0
    """The number that it names (`both`: 2); 0 for any number."""
    may_be_hour: bool = False
    """Whether it may also be an hour: `las dos` means "both" or "two o'clock"."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Words and patterns of one language, in lower case, without accents and apostrophes.

    Commands are whole texts. Wishes and dangers are regular expressions that are searched for
    anywhere in the words of a text, separated by single spaces.
    """

    polite: frozenset[str]
    """Words that do not change the meaning."""
    thanks: frozenset[str]
    """Whole texts that need no answer."""
    confirm: frozenset[str]
    agree: frozenset[str]
    """Whole texts that confirm only right after a question: ok, yes."""
    change: frozenset[str]
    change_wishes: tuple[str, ...]
    stop_words: frozenset[str]
    """Words that opt out, alone or among other commands."""
    stop_wishes: tuple[str, ...]
    start: frozenset[str]
    help: frozenset[str]
    dangers: tuple[str, ...]
    danger_words: frozenset[str]
    """Words of the dangers that are also recognized with typing errors."""
    unlike_danger: frozenset[str]
    """Common words that are one typing error away from those and mean something else."""
    numbers: Mapping[str, int]
    ordinals: Mapping[str, int]
    beside_numbers: frozenset[str]
    """Words beside which a number stays a score: about a 7."""
    of_ten: str
    """Regular expression for the words between 7 and 10."""
    says_pain: frozenset[str]
    """Words that make a number a score, whatever was asked."""
    says_choice: frozenset[str]
    """Words that make a number a choice from a list."""
    every: Mapping[str, Every]
    """Whole texts that mean all appointments on a list."""
