"""Separates the patient's own words from what phones quote: reactions and our own texts. Pure."""

import re
from collections.abc import Collection
from functools import cache

from scheduler.reminders.replies.reading.folding import folded, words_of
from scheduler.reminders.replies.reading.lexicon import lexicon

_SIGNATURE = re.compile(r"\n[ \t]*(?:sent from|enviado desde) my?i? .{1,40}$", re.IGNORECASE)
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_IN_QUOTES = re.compile(r"[\"“«][^\"“”«»]{20,}[\"”»]")
_SYMBOLS = r"[^\w\s\"“”«»?!.,;:()]{1,8}"


def without_signature(body: str) -> str:
    """The reply without the line that a phone adds: "Sent from my iPhone"."""
    return _SIGNATURE.sub("", body)


def own_words(body: str, sent: Collection[str] = ()) -> str:
    """The reply without our own texts, quoted in whole or in part.

    `sent`: the texts that this phone got from us lately.
    """
    body = _QUOTED_LINE.sub("", body)
    for text in sent:
        body = body.replace(text, " ")
    return _IN_QUOTES.sub(lambda quoted: " " if _is_ours(quoted[0]) else quoted[0], body)


def without_our_lines(body: str) -> str:
    """The reply without lines that contain an instruction of ours: "Reply C to confirm".

    The patient may have added words to such a line, so it still counts where danger is looked for.
    """
    return "\n".join(line for line in body.split("\n") if not _is_ours(line))


def _is_ours(text: str) -> bool:
    return bool(lexicon().patterns["ours"].search(" ".join(words_of(folded(text)))))


def is_reaction(text: str) -> bool:
    """Whether a folded text is a reaction, which phones send as a text that quotes ours.

    The quotation must end it: words after it are the patient's own and may mention danger.
    """
    return bool(_reaction().match(text))


@cache
def _reaction() -> re.Pattern[str]:
    verbs = lexicon().patterns["reaction"].pattern
    return re.compile(
        rf"(?:{verbs}|{_SYMBOLS}(?: ?(?:to|a))?)\s*[:a]?\s*[\"“«][^\"“”«»]*[\"”»]"
        rf"(?:\s*(?:with|con)\s*{_SYMBOLS})?$"
    )
