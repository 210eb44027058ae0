"""What one language must say for its replies to be understood. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Every(NamedTuple):
    """An answer that means all of the sessions on a list, not one of them."""

    how_many: int = 0
    """of how many it speaks: `both`; 0 where of any number"""
    may_be_hour: bool = False
    """`las dos` are both of them, or two o'clock"""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Words and patterns of one language, in small letters, without accents and apostrophes.

    Commands are whole texts; wishes and dangers are regular expressions, searched for anywhere in
    the words of a text, which are parted by single spaces.
    """

    polite: frozenset[str]
    """words that change nothing"""
    thanks: frozenset[str]
    """whole texts that need no answer"""
    confirm: frozenset[str]
    agree: frozenset[str]
    """whole texts that confirm only right after a question: ok, yes"""
    change: frozenset[str]
    change_wishes: tuple[str, ...]
    stop_words: frozenset[str]
    """each alone, or among other commands, asks for no more texts"""
    stop_wishes: tuple[str, ...]
    start: frozenset[str]
    help: frozenset[str]
    dangers: tuple[str, ...]
    danger_words: frozenset[str]
    """words of the dangers that are known also where they are typed wrongly"""
    unlike_danger: frozenset[str]
    """common words that are a slip away from those, and mean something else"""
    numbers: Mapping[str, int]
    ordinals: Mapping[str, int]
    beside_numbers: frozenset[str]
    """words that leave a number a score: about a 7"""
    of_ten: str
    """what stands between 7 and 10, as an expression"""
    says_pain: frozenset[str]
    """beside a number: it is a score, whatever else was asked"""
    says_choice: frozenset[str]
    """beside a number: it names one of the sessions on a list"""
    every: Mapping[str, Every]
    """whole texts that mean all of the sessions on a list"""
