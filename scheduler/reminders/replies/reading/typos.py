"""Corrects typing errors in words of danger: a patient who is short of breath types badly. Pure.

An error is a letter that is missing, extra, wrong or misplaced. Two words are one error apart if
leaving out one letter of each makes them equal. Long words may have two errors. In words of four
letters only the order may be wrong, because too many words would match otherwise.
"""

from collections import defaultdict
from collections.abc import Callable, Collection

SHORT = 4
"""Length of a word in which only the order may be wrong. Shorter words are never corrected."""

LONG = 10
"""Length from which a word may have two errors."""

MOST_LETTERS = 25
"""Longer words are never corrected."""


def corrector(words: Collection[str], *, ordinary: Collection[str]) -> Callable[[str], str]:
    """A function that returns the one of `words` that a word stands for, or the word itself.

    `ordinary`: words that are close to one of `words` and mean something else.
    """
    exact = {*words, *ordinary}
    near: dict[str, str] = {}
    reordered: dict[str, str] = {}
    by_errors = defaultdict[int, list[str]](list)
    for word in sorted(words):
        if len(word) == SHORT:
            reordered[_reordered(word)] = word
        else:
            by_errors[_most_errors(word)].append(word)
    # One error before two: the closer word is the likelier one.
    for errors in range(3):
        for allowed, candidates in by_errors.items():
            for word in candidates if errors <= allowed else ():
                for form in _without(word, errors):
                    near.setdefault(form, word)

    def correct(word: str) -> str:
        if word in exact or not SHORT <= len(word) <= MOST_LETTERS:
            return word
        if len(word) == SHORT and (found := reordered.get(_reordered(word))):
            return found
        for errors in range(_most_errors(word) + 1):
            for form in sorted(_without(word, errors)):
                if (found := near.get(form)) and errors <= _most_errors(found):
                    return found
        return word

    return correct


def _most_errors(word: str) -> int:
    return 2 if len(word) >= LONG else 1


def _reordered(word: str) -> str:
    return word[0] + "".join(sorted(word[1:]))


def _without(word: str, letters: int) -> set[str]:
    """The word with that many letters left out."""
    forms = {word}
    for _ in range(letters):
        forms = {form[:at] + form[at + 1 :] for form in forms for at in range(len(form))}
    return forms
