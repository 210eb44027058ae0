"""Classifies the intent of a reply, as far as a program may decide it. Pure.

Structure comes before words: quoted text of ours is removed, reactions and the stock replies of
phones are recognized, and then plain rules are tried in the order of `parse`. A reply that fits no
rule is left to staff.
"""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from scheduler.reminders.intents import Intent
from scheduler.reminders.replies.reading import numbers, quotations
from scheduler.reminders.replies.reading.folding import folded, words_of
from scheduler.reminders.replies.reading.lexicon import Dangers, lexicon
from scheduler.reminders.replies.reading.vocabularies import Every

MAX_REPLY_CHARACTERS = 1600
"""The most characters that are read. Carriers pass on no more."""

FEVER = "fever"
SUICIDE = "suicide"
"""The kind of danger that also needs the crisis line."""

GAP = " . "
"""Stands for words that were set aside, so that no pattern reaches across them."""


class Danger(NamedTuple):
    """A sign of danger in a reply."""

    kind: str
    """The section of the vocabulary: breathing, chest, suicide."""
    language: str
    words: str


class ParsedReply(NamedTuple):
    """The intent of a reply and its parameters."""

    meaning: Intent
    score: int | None = None
    """0 to 10 for a SCORE; None for a number that is not one clear score: `7 or 8`, `7.5`, `11`."""
    names: numbers.Subject = ""
    """The subject that the words beside a number name: `pain 2`, `session 2`."""
    also_stop: bool = False
    """An EMERGENCY that also opts out."""
    weak: bool = False
    """A CONFIRM that counts only right after a question: `ok`."""
    acknowledges: bool = False
    """A weak CONFIRM that needs nobody if no question was open: `ok thanks`."""
    says_more: bool = False
    """The reply has more than the bare word, so staff should read it."""
    hour: int | None = None
    """The hour that a CONFIRM names, 1 to 12: `see you at 10`."""
    danger: Danger | None = None
    every: Every | None = None
    """Set if the reply means all items of a list: `both`, `1 and 2`."""
    because: str = ""
    """The words that decided the reading, folded; empty if none did."""

    @property
    def language(self) -> str:
        """The language of an EMERGENCY."""
        return self.danger.language if self.danger else ""


def parse(body: str, *, sent: Collection[str] = ()) -> ParsedReply:
    """Read a reply in any language that has a vocabulary file.

    `sent`: our own texts to this phone, which the reply may quote. An emergency has precedence,
    because a false alarm is better than a missed one. An opt-out comes next: in the US, the law
    requires that any clear wording of it is honored.
    """
    body = quotations.without_signature(body[:MAX_REPLY_CHARACTERS])
    if quotations.is_reaction(text := folded(body)):
        return ParsedReply(Intent.REACTION, because=text)
    body = quotations.own_words(body, sent)
    text = folded(body)
    words = _joined(words_of(text))
    phrase = " ".join(words)
    if lexicon().patterns["automatic"].fullmatch(phrase):
        return ParsedReply(Intent.REACTION, because=phrase)
    danger = _danger(text, words)
    body = quotations.without_our_lines(body)
    text = folded(body)
    words = _joined(words_of(text))
    stop = _opt_out(body, text, words)
    if danger:
        return ParsedReply(
            Intent.EMERGENCY, also_stop=bool(stop), danger=danger, because=danger.words
        )
    if stop:
        return ParsedReply(Intent.STOP, because=stop)
    return _other(text, words)


def _other(text: str, words: list[str]) -> ParsedReply:
    """A reply that neither speaks of danger nor opts out."""
    if not words:
        return _symbols(text)
    # A question never confirms or scores: "C?", "ok?", "7?".
    is_question, phrase = "?" in text, " ".join(words)
    number = None if is_question or phrase in lexicon().lists["agree"] else numbers.number(text)
    return _score(number, phrase) if number else _command(text, words, is_question=is_question)


def _score(number: numbers.Number, phrase: str) -> ParsedReply:
    value, names, every = number
    return ParsedReply(Intent.SCORE, score=value, names=names, every=every, because=phrase)


def _joined(words: list[str]) -> list[str]:
    """Joins spelled-out commands such as S.T.O.P. into one word."""
    lists = lexicon().lists
    whole = "".join(words)
    spelt = len(words) > 2 and all(len(word) == 1 for word in words)
    return [whole] if spelt and whole in lists["stop"] | lists["start"] | lists["help"] else words


def _danger(text: str, words: list[str]) -> Danger | None:
    """The first danger that the text mentions.

    Words as written have precedence over corrected words.
    """
    harmless = lexicon().patterns["harmless"]
    as_written = harmless.sub(GAP, " ".join(words))
    if danger := _named_danger(lambda _: as_written):
        return danger
    if numbers.is_fever(harmless.sub(GAP, text)):
        return Danger(FEVER, "", text)
    return _named_danger(lambda dangers: " ".join(map(dangers.corrected, as_written.split())))


def _named_danger(spelled: Callable[[Dangers], str]) -> Danger | None:
    """The first danger among the words, spelled as a language's words of danger."""
    for language, dangers in lexicon().dangers.items():
        phrase = spelled(dangers)
        unexplained = lexicon().patterns["well"].sub(GAP, phrase)
        for searched, patterns in ((phrase, dangers.patterns), (unexplained, dangers.signs)):
            for kind, pattern in patterns.items():
                if found := pattern.search(searched):
                    return Danger(kind, language, found[0])
    return None


def _opt_out(body: str, text: str, words: list[str]) -> str:
    """The words that opt out; empty if none do."""
    lists, patterns = lexicon().lists, lexicon().patterns
    phrase = " ".join(words)
    if phrase in lists["stop alone"]:
        return phrase
    commands = lists["confirm"] | lists["agree"] | lists["change"] | lists["start"] | lists["help"]
    for part in (phrase, *(" ".join(words_of(part)) for part in _sentences(text))):
        rest = [word for word in part.split() if word not in lists["polite"]]
        stops = lists["stop"].intersection(rest)
        if stops and all(word in lists["stop"] or word in commands for word in rest):
            return part
    remaining = patterns["not stop"].sub(GAP, phrase)
    first = body.split(maxsplit=1)[0].strip(".,!:;-") if body.strip() else ""
    if first.isupper() and len(first) > 1 and "?" not in body:
        opening = first.casefold()
        if opening in lists["stop"] and remaining.startswith(opening):
            return opening
    found = patterns["stop wish"].search(remaining)
    if not found and "?" not in text:
        found = patterns["stop statement"].search(remaining)
    return found[0] if found else ""


def _sentences(text: str) -> list[str]:
    return re.split(r"[.,!;:\n]+|\s-+\s", text) if "?" not in text else []


def _symbols(text: str) -> ParsedReply:
    """A reply without words: a question mark, a thumbs-up, another emoji."""
    if re.fullmatch(r"\?{1,3}", text):
        return ParsedReply(Intent.HELP, because=text)
    if any(symbol in text for symbol in YES_SYMBOLS):
        return ParsedReply(Intent.CONFIRM, weak=True, acknowledges=True, because=text)
    if any(symbol in text for symbol in MOOD_SYMBOLS):
        return ParsedReply(Intent.REACTION, because=text)
    return ParsedReply(Intent.UNCLEAR)


def _command(text: str, words: list[str], *, is_question: bool) -> ParsedReply:
    lists, patterns = lexicon().lists, lexicon().patterns
    phrase, plain = " ".join(words), _plain(words)
    for section, meaning in (
        ("help", Intent.HELP),
        ("start", Intent.START),
        ("change", Intent.RESCHEDULE),
    ):
        if plain in lists[section]:
            return ParsedReply(meaning, because=plain)
    if found := patterns["start wish"].search(phrase):
        return ParsedReply(Intent.START, because=found[0])
    if found := patterns["change wish"].search(patterns["not change"].sub(GAP, phrase)):
        return ParsedReply(Intent.RESCHEDULE, says_more=True, because=found[0])
    return ParsedReply(Intent.UNCLEAR) if is_question else _assent(text, words)


def _assent(text: str, words: list[str]) -> ParsedReply:
    phrase, plain = " ".join(words), _plain(words)
    if every := lexicon().every.get(plain):
        return ParsedReply(Intent.UNCLEAR, every=every, because=plain)
    if plain in lexicon().lists["confirm"]:
        return ParsedReply(Intent.CONFIRM, because=plain)
    if phrase in lexicon().lists["thanks"]:
        return ParsedReply(Intent.REACTION, because=phrase)
    # "8/10 works for me" is a date or a score.
    if _is_agreement(words) and not re.search(r"\d ?/ ?\d", text):
        acknowledges = {phrase, plain} & lexicon().lists["acknowledge"]
        is_weak = not any(word.startswith(("confirm", "asist")) or word == "c" for word in words)
        return ParsedReply(
            Intent.CONFIRM,
            weak=is_weak,
            acknowledges=bool(acknowledges),
            hour=numbers.hour(text),
            because=phrase,
        )
    if letter := _LETTER_APART.match(text):
        return _letter(letter[1], text, phrase)
    return ParsedReply(Intent.UNCLEAR)


def _letter(letter: str, text: str, phrase: str) -> ParsedReply:
    """A command letter that stands apart: "C, and my son comes along". A refusal beats a C."""
    if letter == "r":
        return ParsedReply(Intent.RESCHEDULE, says_more=True, because=letter)
    refusal = lexicon().patterns["refusal"].search(phrase)
    if refusal:
        return ParsedReply(Intent.UNCLEAR, because=refusal[0])
    return ParsedReply(Intent.CONFIRM, says_more=True, hour=numbers.hour(text), because=letter)


def _is_agreement(words: list[str]) -> bool:
    """Whether the reply says yes and nothing else: every word must belong to a yes."""
    lists, phrase = lexicon().lists, " ".join(words)
    if phrase in lists["agree"] or _plain(words) in lists["agree"]:
        return True
    rest, agreements = lexicon().patterns["yes"].subn(" ", phrase)
    return bool(agreements) and all(
        word in lists["polite"] or word in lists["beside yes"] or word.isdecimal()
        for word in rest.split()
    )


def _plain(words: list[str]) -> str:
    return " ".join(word for word in words if word not in lexicon().lists["polite"])


YES_SYMBOLS = "👍👌✅✔☑💯🆗"
MOOD_SYMBOLS = "❤💕💖🙏😀😁😂🤣😃😄😅😊🙂😉😍🥰😘😎🤗🙌👏🎉😭😢💪🌸🌹"

_LETTER_APART = re.compile(r"[\"(]?([cr])[\")]?\s*[-.,;:!\n]+\s*(?!(?:or|o)\b)\w{2,}")
