"""Checks and normalizes the names of patients."""

import re
import unicodedata

from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid
from scheduler.infra.plain_names import ADDRESS, JOINERS, LINE_BREAK

MAX_PATIENT_NAME = 80

MAQAF = "\N{HEBREW PUNCTUATION MAQAF}"
ALLOWED = frozenset(
    " .,'-()/"
    "\N{LEFT SINGLE QUOTATION MARK}"
    "\N{ACUTE ACCENT}"
    "\N{MIDDLE DOT}"
    "\N{KATAKANA MIDDLE DOT}" + MAQAF
)
"""Characters that a name may contain besides letters, marks and digits."""

_ONE_FORM = str.maketrans(
    {
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
    }
)
_DIGITS_IN_A_ROW = re.compile(r"\d\W*\d")


def clean_name(typed: str) -> str:
    """A normalized name, as staff enter it. Raises Invalid for what no name contains.

    Names are shown on pages and in calendars and are texted, where control and direction
    characters, line breaks, addresses of websites and emoji could mislead the reader.
    """
    typed = typed.strip()
    if LINE_BREAK.search(typed):
        raise Invalid(_("A name is a single line. Please remove the line break."), field="name")
    name = unicodedata.normalize("NFC", " ".join(typed.split())).translate(_ONE_FORM)
    if not name:
        raise Invalid(_("Please give a name."), field="name")
    if len(name) > MAX_PATIENT_NAME:
        raise Invalid(
            _("A name can have at most %(most)s characters.") % {"most": MAX_PATIENT_NAME},
            field="name",
        )
    for position, character in enumerate(name):
        if not _is_allowed(name, position):
            raise Invalid(_refusal(character), field="name")
    if not any(unicodedata.category(character)[0] == "L" for character in name):
        raise Invalid(_("A name needs letters."), field="name")
    if ADDRESS.search(name):
        raise Invalid(
            _(
                "A name cannot contain the address of a website. Please write a space after each"
                " point."
            ),
            field="name",
        )
    return name


def clean_web_name(typed: str) -> str:
    """A normalized name, as a patient enters it on the web. Raises Invalid as `clean_name` does.

    A stranger could have a phone number texted to somebody else as a name.
    """
    name = clean_name(typed)
    if _DIGITS_IN_A_ROW.search(name):
        raise Invalid(_("A name cannot contain a number. Please remove the digits."), field="name")
    return name


def _refusal(character: str) -> str:
    if not character.isprintable():
        return _(
            "A name cannot contain the invisible character %(code)s. Please type it again."
        ) % {"code": f"U+{ord(character):04X}"}
    return _("A name cannot contain “%(character)s”. Please remove it.") % {"character": character}


def _is_allowed(name: str, position: int) -> bool:
    """Whether a name may have this character at this position."""
    character = name[position]
    if character in JOINERS:
        before, after = name[max(0, position - 1) : position], name[position + 1 : position + 2]
        return bool(before and after) and _is_letter(before) and _is_letter(after)
    return _is_letter(character) or character.isdecimal() or character in ALLOWED


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"
