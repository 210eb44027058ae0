"""How many SMS segments a text takes, and how to keep it in the cheap alphabet. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

# 3GPP TS 23.038: the default alphabet, and the table behind ESC whose characters cost two.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWO = frozenset("\f^{}\\[~]|€")

# Only what Unicode's own compatibility forms do not already turn into GSM-7.
LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−•·", "-"),
        **dict.fromkeys("\t\v\f\u2028\u2029", " "),
        "⁄": "/",
        "×": "x",
        "÷": "/",
        "®": "(R)",
        "©": "(C)",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
    }
)
ZERO_WIDTH_JOINER = "\u200d"
ZERO_WIDTH_NON_JOINER = "\u200c"


class Segments(NamedTuple):
    """What a text costs: `units` are septets in GSM-7, UTF-16 code units in UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def count(text: str) -> Segments:
    """Count as the networks do: 160 septets or 70 UTF-16 units, 153 or 67 each when in parts."""
    if all(character in GSM or character in GSM_TWO for character in text):
        septets = [2 if character in GSM_TWO else 1 for character in text]
        return Segments("GSM-7", sum(septets), _parts(septets, whole=160, part=153))
    units = list(_clusters(text))
    return Segments("UCS-2", sum(units), _parts(units, whole=70, part=67))


def plain(text: str) -> str:
    """Replace what looks the same in GSM-7: curly quotes, long dashes, odd spaces, accents.

    One stray character would halve the room of the whole text. Accents that GSM-7 lacks are
    dropped from Latin letters (`sesión` becomes `sesion`); other scripts are left as they are.
    """
    return "".join(map(_plain_character, unicodedata.normalize("NFC", text)))


def _plain_character(character: str) -> str:
    # The form feed is in GSM-7's second table, but nobody means it.
    if character != "\f" and (character in GSM or character in GSM_TWO):
        return character
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if character in (ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER):
        return character  # Emoji and several scripts are written with them.
    replaced = character.translate(LOOK_ALIKES)
    if replaced != character:
        return replaced
    if category in ("Cc", "Cf"):
        return ""
    return _without_accents(character)


def _without_accents(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character).translate(LOOK_ALIKES)
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    return letters if letters and all(letter in GSM for letter in letters) else character


def _parts(units: Iterable[int], *, whole: int, part: int) -> int:
    """How many parts hold these pieces, none of which may be cut in two."""
    sizes = list(units)
    if sum(sizes) <= whole:
        return 1
    parts, used = 1, 0
    for size in sizes:
        if used + size > part:
            parts, used = parts + 1, 0
        used += size
    return parts


def _clusters(text: str) -> Iterator[int]:
    """The UTF-16 units of each character as people see it: a base with its marks and joins."""
    size, joined = 0, False
    for character in text:
        units = 2 if ord(character) > 0xFFFF else 1
        clings = (
            joined
            or character == ZERO_WIDTH_JOINER
            or unicodedata.category(character).startswith("M")
            or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        )
        if size and not clings:
            yield size
            size = 0
        size += units
        joined = character == ZERO_WIDTH_JOINER
    if size:
        yield size
