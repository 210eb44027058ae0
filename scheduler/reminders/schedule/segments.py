"""Counts the SMS segments of a text, and keeps it in the cheap alphabet. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

# 3GPP TS 23.038: the default alphabet, and the table behind ESC whose characters cost two.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWO = frozenset("\f^{}\\[~]|€")

# Only characters that Unicode's compatibility forms do not already turn into GSM-7.
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
SPACING = {"\u0e33", "\u0eb3"}
"""Thai and Lao vowels that join the letter before them, although Unicode does not call them marks.
"""

REGIONAL = {chr(point) for point in range(0x1F1E6, 0x1F200)}
"""Two of these letters make a flag."""

ALLOWED_AFTER = {"L": "LVSW", "V": "VT", "S": "VT", "T": "T", "W": "T"}
"""By Korean letter, the letters that join it: L leading, V vowel, T trailing, S a syllable without
and W one with a trailing letter."""


class Segments(NamedTuple):
    """The size of a text. `units` are septets in GSM-7 and UTF-16 code units in UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def count(text: str) -> Segments:
    """Count as the networks do: 160 septets or 70 units in one segment, 153 or 67 in several."""
    if all(character in GSM or character in GSM_TWO for character in text):
        septets = [2 if character in GSM_TWO else 1 for character in text]
        return Segments("GSM-7", sum(septets), _parts(septets, whole=160, part=153))
    units = list(_clusters(text))
    return Segments("UCS-2", sum(units), _parts(units, whole=70, part=67))


def plain(text: str) -> str:
    """Replace characters by similar ones in GSM-7: curly quotes, long dashes, odd spaces, accents.

    A single other character would more than halve the length of a segment. Accents that GSM-7 lacks
    are removed from Latin letters (`sesión` becomes `sesion`). Other scripts stay as they are.
    """
    return "".join(map(_plain_character, unicodedata.normalize("NFC", text)))


def _plain_character(character: str) -> str:
    # The form feed is in GSM-7's second table, but a text never needs it.
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
    """The number of segments for pieces that must not be split."""
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
    """The UTF-16 units of every character as a reader sees it. Networks do not split these.

    Follows Unicode's extended grapheme clusters (UAX 29) as far as the standard library knows them.
    Conjuncts of Indian scripts, which are one cluster since Unicode 15.1, count by the letter.
    """
    size = flags = 0
    before, pictured = "", False
    for character in text:
        if size and not _joins(character, before, flags=flags, pictured=pictured):
            yield size
            size = flags = 0
            pictured = False
        size += 2 if ord(character) > 0xFFFF else 1
        flags += character in REGIONAL
        pictured = _is_picture(character) or (pictured and _extends(character))
        before = character
    if size:
        yield size


def _joins(character: str, before: str, *, flags: int, pictured: bool) -> bool:
    """Whether a character joins the one before it. `flags` counts the regional letters so far."""
    if before == "\r" or character == "\r":
        return before == "\r" and character == "\n"
    if character == "\n" or before == "\n":
        return False
    if _extends(character) or character in SPACING or unicodedata.category(character) == "Mc":
        return True
    if before == ZERO_WIDTH_JOINER:
        return pictured and _is_picture(character)
    if character in REGIONAL:
        return flags % 2 == 1 and before in REGIONAL
    return _hangul(character) in ALLOWED_AFTER.get(_hangul(before), "")


def _extends(character: str) -> bool:
    return (
        character in (ZERO_WIDTH_JOINER, ZERO_WIDTH_NON_JOINER)
        or unicodedata.category(character) in ("Mn", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # the letters of a region's flag
    )


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) == "So" and character not in REGIONAL


def _hangul(character: str) -> str:
    if "\u1100" <= character <= "\u115f":
        return "L"
    if "\u1160" <= character <= "\u11a7":
        return "V"
    if "\u11a8" <= character <= "\u11ff":
        return "T"
    if "\uac00" <= character <= "\ud7a3":
        return "W" if (ord(character) - 0xAC00) % 28 else "S"
    return "-"
