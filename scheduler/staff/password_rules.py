"""Which passwords are hard enough to guess.

Length alone does not say it: `password1234` is among the first that an attacker tries. zxcvbn knows
common passwords, names, words, dates, sequences and keyboard patterns, and estimates the guesses.
"""

import re
from collections.abc import Iterable

from zxcvbn import zxcvbn  # type: ignore[import-untyped, unused-ignore]

from scheduler.infra.errors import Invalid

SHORTEST = 12
LONGEST = 256
JUDGED = 72
"""Characters that zxcvbn judges. Its time grows with the square of the length."""
SAFE_SCORE = 3
"""Of 0 to 4. From 3 on, over 10^8 guesses are needed: safe from attacks on a stolen hash."""
OUR_WORDS = ("scheduler", "clinic", "acupuncture", "akupunktur", "acupuntura")
"""Words that an attacker of a clinic tries first."""


def check(password: str, *, about: Iterable[str]) -> None:
    """Raise Invalid for a password that a stranger would guess.

    `about`: the member's name and email address.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"A password has {SHORTEST} to {LONGEST} characters.", field="password")
    known = [text for text in about if text]
    if any(text.lower() in password.lower() for text in known if "@" in text):
        raise Invalid("A password must not contain the email address.", field="password")
    words = [word for text in known for word in re.split(r"\W+", text) if len(word) > 2]
    judged = zxcvbn(password[:JUDGED], user_inputs=[*known, *words, *OUR_WORDS])
    if judged["score"] < SAFE_SCORE:
        warning = judged["feedback"]["warning"] or "It is made of parts that are often used."
        raise Invalid(
            f"This password is easy to guess. {warning} Choose another one, for example four words"
            " that have nothing to do with each other.",
            field="password",
        )
