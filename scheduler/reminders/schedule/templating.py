"""Fills in templates with a fixed set of fields, with dates as a country writes them. Pure."""

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
    "crisis": "the country's line for people who think of suicide",
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
"""The fields that a template may use, with what they become. Staff read these descriptions."""

SECRETS = frozenset({"link", "code"})
"""Fields that stay placeholders until a message is sent, so that no secret is stored."""

MAX_CHARACTERS = 640
"""The longest template: four segments, more than patients read."""

MAX_CLINIC_NAME_IN_TEXT = 20
"""Septets of a practitioner's name, so that a long name does not add a segment."""

_FIELD = re.compile(r"\{([a-z_]+)\}")
_SECRET = re.compile(r"\{(link|code)\}")
_NAMED = re.compile(r"https://((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?=[:/]|$)", re.IGNORECASE)
"""An https address with a host name, not with an IP address."""

DEFAULT_LANGUAGE = languages.of("en")


def clock_of(country: str) -> Clock:
    """The clock that a country uses, by its two-letter code."""
    return "12" if country.upper() in {"US", "CA", "AU", "NZ", "PH", "IN"} else "24"


def when(
    local: datetime, language: Language = DEFAULT_LANGUAGE, clock: Clock = "24"
) -> dict[str, str]:
    """The fields {date}, {time} and {eat_by} of an appointment that starts at a local time.

    The local time must have a zone, because {eat_by} is two real hours before.
    """
    zone = local.tzinfo
    if zone is None:
        raise ValueError(f"{local} has no time zone")
    eat_by = datetime.fromtimestamp(local.timestamp() - 2 * 3600, zone)
    return {
        "date": language.date(local),
        "time": f"{language.time(local, clock)} {hours.which_of_two(local)}".strip(),
        "eat_by": language.time(eat_by, clock),
    }


def short_name(name: str) -> str:
    """A name in at most MAX_NAME septets: B. Featherstone for Beatrice Featherstone.

    Empty if its letters would put the whole text into the expensive alphabet.
    """
    words = plain(clean(name)).split()
    if count(" ".join(words)).encoding != "GSM-7":
        return ""
    for place, word in enumerate(words[:-1]):
        if count(" ".join(words)).units > MAX_CLINIC_NAME_IN_TEXT and not word.endswith("."):
            words[place] = f"{word[0]}."
    short = " ".join(words)
    while count(short).units > MAX_CLINIC_NAME_IN_TEXT:
        short = short[:-1]
    return short.strip()


def check(template: str) -> frozenset[str]:
    """The fields that a template uses. Raises Invalid for an unknown field or a stray brace."""
    if not template.strip():
        raise Invalid("A text cannot be empty.", field="template")
    if len(template) > MAX_CHARACTERS:
        raise Invalid(f"A text can have at most {MAX_CHARACTERS} characters.", field="template")
    names = frozenset(_FIELD.findall(template))
    for name in sorted(names - FIELDS.keys()):
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise Invalid(f"There is no field {{{name}}}. There are {known}.", field="template")
    if re.search(r"[{}]", _FIELD.sub("", template)):
        raise Invalid("Braces are only for fields such as {date}.", field="template")
    return names


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in a template, in plain characters. {link} and {code} stay.

    Raises Invalid for a field without a value. Values cannot add fields, line breaks or invisible
    characters.
    """
    missing = sorted(check(template) - SECRETS - values.keys())
    if missing:
        raise Invalid(f"This text needs {FIELDS[missing[0]]}, and there is none.", field="template")

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        return found[0] if name in SECRETS else clean(values[name])

    return plain(_FIELD.sub(fill, template))


def reveal(text: str, *, link: str | None = None, code: str | None = None) -> str:
    """Fill in the secrets of a rendered text, only right before it is sent.

    Raises Invalid if a secret is missing, because a patient cannot use `{link}`.
    """
    secrets = {"link": link, "code": code}

    def fill(found: re.Match[str]) -> str:
        secret = secrets[found[1]]
        if secret is None:
            raise Invalid(f"This text needs {FIELDS[found[1]]}, and there is none.")
        return secret

    return _SECRET.sub(fill, text)


def bound(text: str, *, code: str, public_url: str) -> str:
    """Add a last line that binds a code to our address: `@host #123456`.

    Phones then offer to fill in the code on our pages and on no others, see
    https://wicg.github.io/sms-one-time-codes/. The line is left out if our address is not https
    with a host name, which the format requires, or if the text would need another segment.
    """
    address = _NAMED.match(public_url)
    if address is None:
        return text
    longer = f"{text}\n\n@{address[1]} #{code}"
    return longer if count(longer).segments == count(text).segments else text


def clean(name: str) -> str:
    """A value in one line, without braces, control characters or changes of writing direction."""
    visible = "".join(
        " " if unicodedata.category(sign) in ("Zl", "Zp", "Zs") or sign in "\t\r\n" else sign
        for sign in name
        if sign in "\t\r\n" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return " ".join(visible.replace("{", "").replace("}", "").split())
