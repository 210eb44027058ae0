"""Words of danger that somebody typed wrongly, for whoever is short of breath types badly. Pure.

A letter that is missing, extra, wrong or in the wrong place is a slip: two words are one slip apart
where leaving out one letter of either makes them the same. Long words may have two; in words of
four letters only the order may be wrong, or half the dictionary would be near them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection

SHORT = 4
"""Letters of a word in which letters may only be out of order. Shorter ones are read as written."""

LONG = 10
"""Letters from which a word may have two slips."""

LONGEST = 25
"""Letters beyond which nothing is looked for."""


def mender(words: Collection[str], *, ordinary: Collection[str]) -> Callable[[str], str]:
    """What gives, for a word, the one of `words` that it was meant for, or the word itself.

    `ordinary`: words that are near to one of them and mean something else.
    """
    left_alone = {*words, *ordinary}
    near: dict[str, str] = {}
    mixed: dict[str, str] = {}
    by_slips = defaultdict[int, list[str]](list)
    for word in sorted(words):
        if len(word) == SHORT:
            mixed[_mixed(word)] = word
        else:
            by_slips[_slips(word)].append(word)
    # One slip before two: a nearer word is the likelier one.
    for slips in range(3):
        for allowed, some in by_slips.items():
            for word in some if slips <= allowed else ():
                for form in _without(word, slips):
                    near.setdefault(form, word)

    def mend(word: str) -> str:
        if word in left_alone or not SHORT <= len(word) <= LONGEST:
            return word
        if len(word) == SHORT and (found := mixed.get(_mixed(word))):
            return found
        for slips in range(_slips(word) + 1):
            for form in sorted(_without(word, slips)):
                if (found := near.get(form)) and slips <= _slips(found):
                    return found
        return word

    return mend


def _slips(word: str) -> int:
    return 2 if len(word) >= LONG else 1


def _mixed(word: str) -> str:
    return word[0] + "".join(sorted(word[1:]))


def _without(word: str, letters: int) -> set[str]:
    """The word with so many letters left out."""
    forms = {word}
    for _ in range(letters):
        forms = {form[:at] + form[at + 1 :] for form in forms for at in range(len(form))}
    return forms
