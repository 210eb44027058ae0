"""Folds what a patient typed, so that case, accents and the kind of phone do not matter. Pure."""

import re
import unicodedata

_APOSTROPHES = re.compile(r"['\u2018\u2019\u02bc\u2032\u00b4\u0060\uff07]")
_LOOKALIKES = str.maketrans({"\u0421": "C", "\u0441": "c"})
"""The Cyrillic letter that looks like C."""
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_WORDS = re.compile(r"[a-z0-9]+")


def folded(body: str) -> str:
    """The text in lower case without accents, apostrophes and invisible characters."""
    short = _APOSTROPHES.sub("", body).translate(_LOOKALIKES)
    lower = unicodedata.normalize("NFKD", short).casefold()
    # Without marks a keycap emoji becomes its digit.
    seen = "".join(
        character
        for character in lower
        if unicodedata.category(character)[0] not in "MC" or character in "\n\t"
    )
    return _DRAWN_OUT.sub(r"\1", seen).strip()


def words_of(text: str) -> list[str]:
    """The words of a folded text."""
    return _WORDS.findall(text)
