"""Classifies the intent of a reply, as far as a program may decide it. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies import typos
from scheduler.reminders.replies.vocabulary.english import ENGLISH
from scheduler.reminders.replies.vocabulary.spanish import SPANISH
from scheduler.reminders.replies.vocabulary.words import Every, Vocabulary

MAX_REPLY_CHARACTERS = 1600
"""The most characters that are read. Carriers pass on no more."""


VOCABULARIES = {"en": ENGLISH, "es": SPANISH}
"""By language code. All are tried on every reply, because patients answer in any of them."""


class ParsedReply(NamedTuple):
    """The intent of a reply and its parameters."""

    meaning: Intent
    score: int | None = None
    """0 to 10 for a SCORE; None for a number that is not one clear score: `7 or 8`, `7.5`, `11`."""
    names: Literal["", "score", "choice"] = ""
    """The subject that the words beside a number name: `pain 2`, `session 2`."""
    also_stop: bool = False
    """An EMERGENCY that also opts out."""
    weak: bool = False
    """A CONFIRM that counts only right after a question: `ok`."""
    says_more: bool = False
    """The reply has more than the bare word, so staff should read it."""
    language: str = ""
    """The language of an EMERGENCY."""
    every: Every | None = None
    """Set if the reply means all items of a list: `both`, `1 and 2`."""


def parse(body: str) -> ParsedReply:
    """Read a reply in any language of `VOCABULARIES`, ignoring case, accents and punctuation.

    An emergency has precedence, because a false alarm is better than a missed one. An opt-out comes
    next: in the US, the law requires that any clear wording of it is honored.
    """
    body = _SIGNATURE.sub("", body[:MAX_REPLY_CHARACTERS])
    text = _normal(body)
    if _REACTION.match(text):
        return ParsedReply(Intent.REACTION)
    words = _joined(re.findall(r"[a-z0-9]+", text))
    phrase = " ".join(words)
    stop = _wants_no_texts(words, phrase) or bool(_STOP_APART.search(body))
    if language := _danger(words):
        return ParsedReply(Intent.EMERGENCY, also_stop=stop, language=language)
    if stop:
        return ParsedReply(Intent.STOP)
    # A question never confirms or scores: "C?", "ok?", "7?".
    is_question = "?" in text and bool(words)
    number = None if is_question else _number(text)
    return number or _command(text, words, phrase, is_question=is_question)


def _normal(body: str) -> str:
    short = _APOSTROPHES.sub("", body).translate(_LOOKALIKES)
    folded = unicodedata.normalize("NFKD", short).casefold()
    # Drop accents and invisible characters; a keycap emoji becomes its digit.
    seen = "".join(
        character
        for character in folded
        if unicodedata.category(character)[0] not in "MC" or character in "\n\t"
    )
    return _DRAWN_OUT.sub(r"\1", seen).strip()


def _joined(words: list[str]) -> list[str]:
    """Joins spelled-out commands such as S.T.O.P. into one word."""
    whole = "".join(words)
    spelt = len(words) > 2 and all(len(word) == 1 for word in words)
    return [whole] if spelt and whole in _STOP_WORDS | _START | _HELP else words


def _danger(words: list[str]) -> str:
    """The language of the first danger that the text mentions; empty if it mentions none.

    Words as written have precedence over corrected words.
    """
    phrase = " ".join(words)
    for language, dangers in _DANGERS.items():
        if dangers.search(phrase):
            return language
    for language, dangers in _DANGERS.items():
        if dangers.search(" ".join(map(_CORRECTORS[language], words))):
            return language
    return ""


def _wants_no_texts(words: list[str], phrase: str) -> bool:
    rest = [word for word in words if word not in _POLITE]
    alone = any(word in _STOP_WORDS for word in rest) and all(
        word in _STOP_WORDS or word in _COMMANDS for word in rest
    )
    return alone or any(wish.search(phrase) for wish in _STOP_WISHES)


def _number(text: str) -> ParsedReply | None:
    """A number from 0 to 10, or an attempt at one; None if a number is part of a longer text."""
    if re.search(r"\d:\d", text):
        return None  # a time of day
    text = _NUMBER_WORDS.sub(lambda found: str(_NUMBERS[found[0]]), text)
    text, of_ten = _OF_TEN.subn(r"\1 ", text)
    tokens = re.findall(r"\d+[a-z]+|-?\d+(?:[.,]\d+)?|[a-z]+", text)
    rest = [token for token in tokens if token not in _BESIDE_NUMBERS]
    if not rest:
        return None
    if len(rest) == 1 and rest[0] in _ORDINALS:
        return ParsedReply(Intent.SCORE, score=_ORDINALS[rest[0]], names="choice")
    if not all(re.fullmatch(r"-?\d{1,2}(?:[.,]\d)?", token) for token in rest):
        return None
    names: Literal["", "score", "choice"] = ""
    if of_ten or _SAYS_PAIN.intersection(tokens):
        names = "score"
    elif _SAYS_CHOICE.intersection(tokens):
        names = "choice"
    is_one = len(rest) == 1 and rest[0].isdecimal() and int(rest[0]) <= 10
    every = None
    # "1 and 2" (never "1 or 2") means all, if the numbers run from 1 on without a gap.
    if names != "score" and _ENUMERATED.fullmatch(text):
        listed = [int(token) for token in rest]
        if listed == list(range(1, len(listed) + 1)):
            every = Every(len(listed))
    score = int(rest[0]) if is_one else None
    return ParsedReply(Intent.SCORE, score=score, names=names, every=every)


def _command(text: str, words: list[str], phrase: str, *, is_question: bool) -> ParsedReply:
    plain = " ".join(word for word in words if word not in _POLITE)
    if text in {"?", "??", "???"}:
        return ParsedReply(Intent.HELP)
    for commands, meaning in ((_HELP, Intent.HELP), (_START, Intent.START), (_CHANGE, _R)):
        if plain in commands:
            return ParsedReply(meaning)
    if any(wish.search(phrase) for wish in _CHANGE_WISHES):
        return ParsedReply(Intent.RESCHEDULE, says_more=True)
    return ParsedReply(Intent.UNCLEAR) if is_question else _assent(text, plain, phrase)


def _assent(text: str, plain: str, phrase: str) -> ParsedReply:
    if plain in _CONFIRM | _AGREE:
        return ParsedReply(Intent.CONFIRM, weak=plain in _AGREE)
    if phrase in _THANKS:
        return ParsedReply(Intent.REACTION)
    # "C, and my son comes along": a letter that stands apart is a command.
    if letter := _LETTER_APART.match(text):
        return ParsedReply(Intent.CONFIRM if letter[1] == "c" else _R, says_more=True)
    return ParsedReply(Intent.UNCLEAR, every=_EVERY.get(plain))


def _all(words: Callable[[Vocabulary], Iterable[str]]) -> frozenset[str]:
    return frozenset(word for vocabulary in VOCABULARIES.values() for word in words(vocabulary))


def _any(patterns: Iterable[str]) -> str:
    return rf"\b(?:{'|'.join(patterns)})\b"


_R = Intent.RESCHEDULE
_POLITE = _all(lambda vocabulary: vocabulary.polite)
_THANKS = _all(lambda vocabulary: vocabulary.thanks)
_CONFIRM = _all(lambda vocabulary: vocabulary.confirm)
_AGREE = _all(lambda vocabulary: vocabulary.agree)
_CHANGE = _all(lambda vocabulary: vocabulary.change)
_START = _all(lambda vocabulary: vocabulary.start)
_HELP = _all(lambda vocabulary: vocabulary.help)
_STOP_WORDS = _all(lambda vocabulary: vocabulary.stop_words)
_COMMANDS = _CONFIRM | _AGREE | _CHANGE | _START | _HELP
_STOP_WISHES = tuple(map(re.compile, sorted(_all(lambda vocabulary: vocabulary.stop_wishes))))
_CHANGE_WISHES = tuple(map(re.compile, sorted(_all(lambda vocabulary: vocabulary.change_wishes))))
_DANGERS = {code: re.compile(_any(vocabulary.dangers)) for code, vocabulary in VOCABULARIES.items()}

_UNLIKE_DANGER = _all(lambda vocabulary: vocabulary.unlike_danger)
_CORRECTORS = {
    code: typos.corrector(vocabulary.danger_words, ordinary=_UNLIKE_DANGER)
    for code, vocabulary in VOCABULARIES.items()
}

_BESIDE_NUMBERS = _all(
    lambda vocabulary: vocabulary.beside_numbers | vocabulary.says_pain | vocabulary.says_choice
)
_SAYS_PAIN = _all(lambda vocabulary: vocabulary.says_pain)
_SAYS_CHOICE = _all(lambda vocabulary: vocabulary.says_choice)
_NUMBERS = {
    word: n for vocabulary in VOCABULARIES.values() for word, n in vocabulary.numbers.items()
}
_ORDINALS = {
    word: n for vocabulary in VOCABULARIES.values() for word, n in vocabulary.ordinals.items()
}
_EVERY = {
    text: every for vocabulary in VOCABULARIES.values() for text, every in vocabulary.every.items()
}
_ENUMERATED = re.compile(
    r"\W*\d(?:\s*,\s*\d)*\s*,?\s*(?:and|y|&|\+)\s*\d\W*(?:please|por favor)?\W*"
)
# "One" in "the first one" or "this one" is not a number.
_NUMBER_WORDS = re.compile(
    rf"(?<!\bfirst )(?<!\bsecond )(?<!\bthird )(?<!\bthis )(?<!\bthat ){_any(_NUMBERS)}"
)
_OF_TEN = re.compile(
    r"(?<!\d)(\d\d?(?:[.,]\d)?) ?"
    rf"(?:{'|'.join(vocabulary.of_ten for vocabulary in VOCABULARIES.values())})"
    r" ?10(?!\d)"
)

_APOSTROPHES = re.compile(r"['\u2018\u2019\u02bc\u2032\u00b4\u0060\uff07]")
_LOOKALIKES = str.maketrans({"\u0421": "C", "\u0441": "c"})
"""The Cyrillic letter that looks like C."""
_SIGNATURE = re.compile(r"\n[ \t]*(?:sent from|enviado desde) my?i? .{1,40}$", re.IGNORECASE)
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_LETTER_APART = re.compile(r"[\"(]?([cr])[\")]?\s*[-.,;:!\n]\s*(?!(?:or|o)\b)\w{2,}")

# STOP as a sentence of its own, before or after other sentences, or in capitals at the beginning.
_STOP_APART = re.compile(
    r"^\W*(?:STOP|UNSUBSCRIBE|ALTO|BAJA)\b(?![^\n.!]*\?)"
    r"|^\W*(?i:stop|unsubscribe|alto)\s*[.,!;:\n-]+\s"
    r"|[.,!;:\n-]\s*(?i:stop|unsubscribe|alto)\W*$"
)

# Phones send a reaction (a thumbs-up) as a text that quotes ours, warning signs included. The match
# must end with the quotation: words after it are the patient's own and may mention danger.
_REACTION = re.compile(
    r"(?:liked|loved|disliked|laughed at|emphasized|questioned|reacted .{1,30} to"
    r"|removed an? .{1,30} from|me gusto|me gusta|le gusto|le encanto|reacciono .{1,30})"
    r"\s*[:a]?\s*[\"“«][^\"“”«»]*[\"”»]$"
)
