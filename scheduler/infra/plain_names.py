"""Faults that no name of a clinic, a person or a thing may have. Pure.

Names are shown in lists and calendars, and some are texted. A second line, a change of direction or
an invisible character can disguise a name; phones turn the address of a website into a link.
"""

import re
import unicodedata

LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")

# Phones turn these into links. "St.John" and "J.R. Example" are names: after the point comes a
# capital with small letters, or a single letter.
ADDRESS = re.compile(
    r"//|(?i:\bwww\.)"
    r"|[^\W_]\.(?![A-Z][a-z]+\b)[A-Za-z]{2,}"
    r"|[^\W_]\.(?i:com|net|org|info|biz|app|shop|link|site|online|xyz|top|io|co|me|ly)\b"
)
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Invisible characters that Persian and Indic names need."""
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories: control and format characters, half pairs, private and unassigned ones."""


def fault_of(name: str) -> str:
    """The fault of a name and its remedy, in English; empty for a name without one."""
    if LINE_BREAK.search(name):
        return "A name is a single line. Remove the line break."
    for character in name:
        if unicodedata.category(character) in _HIDDEN and character not in JOINERS:
            return f"A name contains the invisible character U+{ord(character):04X}. Remove it."
    if ADDRESS.search(name):
        return "A name cannot contain the address of a website. Write a space after each point."
    return ""
