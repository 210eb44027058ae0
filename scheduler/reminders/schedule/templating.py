"""Templates with a fixed set of fields, and dates as people in a country write them. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from scheduler.clinic import hours
from scheduler.i18n import languages
from scheduler.i18n.languages import Clock, Language
from scheduler.infra.errors import Invalid
from scheduler.reminders.schedule.segments import count, plain

FIELDS = {
    "clinic": "the clinic's name",
    "phone": "the clinic's telephone number",
    "emergency": "the number to call in an emergency",
    "date": "the day of the session, Mon 11 Jan",
    "time": "when the session begins, 9:00 or 9:00 AM",
    "eat_by": "two hours before the session begins",
    "number": "which session of the course this is",
    "total": "how many sessions the course has",
    "practitioner": "who gives the session, in at most 20 characters",
    "until": "until when an offered time is kept",
    "score": "the number the patient has sent",
    "choices": "sessions to choose from, numbered",
    "link": "the patient's private link, filled in as the text is sent",
    "code": "the code that proves a telephone, filled in as the text is sent",
}
"""What a template may say between braces, and what stands there then."""

SECRETS = frozenset({"link", "code"})
"""Fields that stay placeholders until the moment of sending, so that no secret is stored."""

LONGEST = 640
"""Characters a template may have: four segments, more than anyone wants to read."""

NAME_ROOM = 20
"""What of a text a practitioner's name may take: a long one must not make it two."""

_FIELD = re.compile(r"\{([a-z_]+)\}")
_SECRET = re.compile(r"\{(link|code)\}")
_NAMED = re.compile(r"https://((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?=[:/]|$)", re.IGNORECASE)
"""An https address by a name, not by numbers."""


ENGLISH = languages.of("en")


def clock_of(country: str) -> Clock:
    """The clock people read in a country, given by its two letters."""
    return "12" if country.upper() in {"US", "CA", "AU", "NZ", "PH", "IN"} else "24"


def when(local: datetime, language: Language = ENGLISH, clock: Clock = "24") -> dict[str, str]:
    """The fields {date}, {time} and {eat_by} of a session that begins at a local time.

    The local time must carry its zone: two hours before are two real hours.
    """
    zone = local.tzinfo
    if zone is None:
        raise ValueError("a local time needs its zone")
    eat_by = datetime.fromtimestamp(local.timestamp() - 2 * 3600, zone)
    return {
        "date": language.date(local),
        "time": f"{language.time(local, clock)} {hours.which_of_two(local)}".strip(),
        "eat_by": language.time(eat_by, clock),
    }


def short_name(name: str) -> str:
    """A person's name in at most NAME_ROOM septets: B. Featherstone for Beatrice Featherstone.

    Empty where it is written in letters that would make the whole text dearer.
    """
    words = plain(clean(name)).split()
    if count(" ".join(words)).encoding != "GSM-7":
        return ""
    for place, word in enumerate(words[:-1]):
        if count(" ".join(words)).units > NAME_ROOM and not word.endswith("."):
            words[place] = f"{word[0]}."
    short = " ".join(words)
    while count(short).units > NAME_ROOM:
        short = short[:-1]
    return short.strip()


def check(template: str) -> frozenset[str]:
    """The fields a template uses. One that we do not have, or a stray brace: Unfit."""
    if not template.strip():
        raise Invalid("A text cannot be empty.", field="template")
    if len(template) > LONGEST:
        raise Invalid(f"A text can have at most {LONGEST} characters.", field="template")
    names = frozenset(_FIELD.findall(template))
    for name in sorted(names - FIELDS.keys()):
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise Invalid(f"There is no field {{{name}}}. There are {known}.", field="template")
    if re.search(r"[{}]", _FIELD.sub("", template)):
        raise Invalid("Braces are only for fields such as {date}.", field="template")
    return names


def render(template: str, values: Mapping[str, str]) -> str:
    """The text that a template gives, in plain characters; {link} and {code} stay as they are.

    A field without a value: Unfit. Values cannot bring in fields, line breaks or hidden signs.
    """
    missing = sorted(check(template) - SECRETS - values.keys())
    if missing:
        raise Invalid(f"This text needs {FIELDS[missing[0]]}, and there is none.", field="template")

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        return found[0] if name in SECRETS else clean(values[name])

    return plain(_FIELD.sub(fill, template))


def reveal(text: str, *, link: str | None = None, code: str | None = None) -> str:
    """A rendered text with its secrets filled in, for the moment of sending only.

    A text that asks for a secret which is not given: Unfit, for nobody can use `{link}`.
    """
    secrets = {"link": link, "code": code}

    def fill(found: re.Match[str]) -> str:
        secret = secrets[found[1]]
        if secret is None:
            raise Invalid(f"This text needs {FIELDS[found[1]]}, and there is none.")
        return secret

    return _SECRET.sub(fill, text)


def bound(text: str, *, code: str, public_url: str) -> str:
    """A text with a code, and a last line that binds the code to our address: `@host #123456`.

    Phones read it, offer to fill the code in on that page, and on no other that asks for it:
    https://wicg.github.io/sms-one-time-codes/. Left out where the address is no https one with a
    name, which the format does not know, or where the text would cost another segment.
    """
    address = _NAMED.match(public_url)
    if address is None:
        return text
    longer = f"{text}\n\n@{address[1]} #{code}"
    return longer if count(longer).segments == count(text).segments else text


def clean(name: str) -> str:
    """A value in one line, without braces, control characters or signs that turn the writing."""
    visible = "".join(
        " " if unicodedata.category(sign) in ("Zl", "Zp", "Zs") or sign in "\t\r\n" else sign
        for sign in name
        if sign in "\t\r\n" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return " ".join(visible.replace("{", "").replace("}", "").split())
