"""The language in which the one who is being answered is spoken to.

A door says it once (`speak`), before it reads or writes a word for that person; rooms ask it for
their sentences, as they would ask for a word in a dictionary. It belongs to the request at hand:
requests that run at the same time do not hear each other. Where nobody has said anything, as in
the API, it is English. Texts are not written by it: the dispatcher names each one's language.

For pybabel: `gettext` (mostly imported as `_`), `ngettext` and `marked` name what is to be
translated, in the catalogue `pages`.
"""

from contextvars import ContextVar

from scheduler import languages
from scheduler.languages import Language

_SPOKEN: ContextVar[str] = ContextVar("spoken", default=languages.SOURCE)
"""The code of the language."""


def speak(*wished: str) -> Language:
    """From now on, in this request, the first of these languages that there is, else English."""
    chosen = languages.of(*wished)
    _SPOKEN.set(chosen.code)
    return chosen


def language() -> Language:
    """What is being spoken."""
    return Language(_SPOKEN.get())


def gettext(message: str) -> str:
    """A sentence of a page as this language has it; in English where it has none."""
    return language().pages.gettext(message) if message else ""


def ngettext(one: str, many: str, number: int) -> str:
    """The same for a sentence that depends on a number."""
    return language().pages.ngettext(one, many, number)


def marked(message: str) -> str:
    """The message itself: it is to be translated, but not here and now."""
    return message
