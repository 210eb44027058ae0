"""Reads scores, choices from a list and body temperatures. Pure."""

import re
from functools import cache
from typing import Literal, NamedTuple

from scheduler.reminders.replies.reading.lexicon import lexicon
from scheduler.reminders.replies.reading.vocabularies import Every

HIGHEST_SCORE = 10
Subject = Literal["", "score", "choice"]

_ENUMERATED = re.compile(
    r"\W*\d(?:\s*,\s*\d)*\s*,?\s*(?:and|y|&|\+)\s*\d\W*(?:please|por favor)?\W*"
)
_DEGREES = re.compile(r"(?<![\d.,/:$-])(\d{2,3}(?:[.,]\d)?)(?![\d/:])")
_UNIT = re.compile(r" ?(?:[°º˚]|degrees?\b|grados?\b|[fc]\b)")
_HOUR = re.compile(r"(?<![\d:.,/-])(\d|1\d|2[0-3])(?::\d\d)?(?![\d:/]| (?:min|kids|of))")
_NEAR = 30
"""Characters between a number and the word that makes it a temperature."""

FEVER = ((37.8, 43), (100, 109))
"""Degrees Celsius and Fahrenheit that are a fever, by the NHS and CDC: 38 °C, 100.4 °F, and a
little less, because home thermometers differ."""


class Number(NamedTuple):
    """A number from 0 to 10, or an attempt at one."""

    value: int | None
    names: Subject = ""
    every: Every | None = None


def number(text: str) -> Number | None:
    """The number that a folded text consists of; None if a number is part of a longer text."""
    if re.search(r"\d:\d", text):
        return None  # a time of day
    words = lexicon()
    text = _number_words().sub(lambda found: str(words.numbers[found[0]]), text)
    text, of_ten = _of_ten().subn(r"\1 ", text)
    tokens = re.findall(r"\d+[a-z]+|-?\d+(?:[.,]\d+)?|[a-z]+", text)
    beside = words.lists["beside numbers"] | words.lists["says pain"] | words.lists["says choice"]
    rest = [token for token in tokens if token not in beside]
    if len(rest) == 1 and rest[0] in words.ordinals:
        return Number(words.ordinals[rest[0]], "choice")
    if not rest or not all(re.fullmatch(r"-?\d{1,2}(?:[.,]\d)?", token) for token in rest):
        return None
    names = _subject(tokens, of_ten=bool(of_ten))
    is_one = len(rest) == 1 and rest[0].isdecimal() and int(rest[0]) <= HIGHEST_SCORE
    return Number(int(rest[0]) if is_one else None, names, _every(text, rest, names))


def is_fever(text: str) -> bool:
    """Whether a folded text names a body temperature that is a fever: 39, 38,5 °C, 102.4 F."""
    for found in _DEGREES.finditer(text):
        degrees = float(found[1].replace(",", "."))
        if not any(low <= degrees <= high for low, high in FEVER):
            continue
        around = text[max(found.start() - _NEAR, 0) : found.end() + _NEAR]
        if _UNIT.match(text, found.end()) or lexicon().patterns["temperature"].search(around):
            return True
    return False


def hour(text: str) -> int | None:
    """The only hour that a folded text names, on a 12-hour clock; None for none or several."""
    hours = {int(found[1]) for found in _HOUR.finditer(text)}
    return hours.pop() % 12 or 12 if len(hours) == 1 else None


def _subject(tokens: list[str], *, of_ten: bool) -> Subject:
    if of_ten or lexicon().lists["says pain"].intersection(tokens):
        return "score"
    return "choice" if lexicon().lists["says choice"].intersection(tokens) else ""


def _every(text: str, listed: list[str], names: Subject) -> Every | None:
    # "1 and 2" (never "1 or 2") means all, if the numbers run from 1 on without a gap.
    if names == "score" or not _ENUMERATED.fullmatch(text):
        return None
    values = [int(token) for token in listed]
    return Every(len(values)) if values == list(range(1, len(values) + 1)) else None


@cache
def _number_words() -> re.Pattern[str]:
    # "One" in "the first one" or "this one" is not a number.
    return re.compile(
        r"(?<!\bfirst )(?<!\bsecond )(?<!\bthird )(?<!\bthis )(?<!\bthat )"
        rf"\b(?:{'|'.join(lexicon().numbers)})\b"
    )


@cache
def _of_ten() -> re.Pattern[str]:
    between = lexicon().patterns["of ten"].pattern
    return re.compile(rf"(?<!\d)(\d\d?(?:[.,]\d)?) ?(?:/|{between}) ?10(?!\d)")
