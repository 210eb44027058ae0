"""How a text may come out, case by case, and what each costs: what staff see before they save it.

The words are put together by the same function that writes what is sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.i18n.languages import Language
from scheduler.infra.errors import Invalid
from scheduler.reminders.outbox import message_text
from scheduler.reminders.schedule import reserved_words, templating
from scheduler.reminders.schedule.segments import GSM, GSM_TWO, Segments, count, plain

TOKEN = "x" * 22
"""As long as what stands at the end of a private link."""

ENOUGH = 24
"""Sessions of a long course: two digits, as most have at most."""

LONG_NAME = "Maximiliana Examples"
"""As long as a practitioner's name is in a text at most."""

NOT_IN_REMINDERS = {"code", "score", "choices", "until"}


@dataclass(frozen=True)
class Proof:
    """One case of a text, as it would be sent."""

    case: str
    text: str
    counted: Segments


@dataclass(frozen=True)
class Setting:
    """Who sends a text, when it is tried, and the address that its links begin with."""

    clinic: Clinic
    now: datetime
    public_url: str


def check(setting: Setting, template: str, language: str) -> None:
    """Unfit for words that cannot be sent, or cost more than the clinic allows."""
    if strange := templating.check(template) & NOT_IN_REMINDERS:
        raise Invalid(f"A reminder has no {{{min(strange)}}}.", field="template")
    reserved_words.check(template)
    most = setting.clinic.segments_per_text
    for proof in of(setting, template, language):
        if proof.counted.encoding == "UCS-2" and not needs_ucs2(languages.of(language)):
            strange_sign = next(sign for sign in proof.text if sign not in GSM | GSM_TWO)
            raise Invalid(
                f"With {strange_sign} in it the text holds 70 characters instead of 160.",
                field="template",
            )
        if proof.counted.segments > most:
            raise Invalid(
                f"Too long: {proof.counted.segments} segments ({proof.counted.units} characters of"
                f" the carrier's), and the clinic allows {most}. The case:"
                f" {proof.case}.",
                field="template",
            )


def needs_ucs2(language: Language) -> bool:
    """Whether a language is written in letters that only the expensive alphabet has."""
    names = (language.say(datetime(2027, 1, day), "EEEE") for day in range(1, 8))  # noqa: DTZ001
    return any(count(plain(name)).encoding == "UCS-2" for name in names)


def of(setting: Setting, template: str, language: str) -> list[Proof]:
    """Each case of a template. A private link is as long as the real ones are."""
    spoken = languages.of(language, setting.clinic.language)
    return [
        Proof(case, text, count(text))
        for case, example in _cases(setting, spoken)
        for text in [_sent(setting, template, spoken, example)]
    ]


def cost(counted: Segments, clinic: Clinic, recipients: int) -> Decimal | None:
    """What the carrier takes, in the clinic's money; None where it has not said a price."""
    if not clinic.segment_price:
        return None
    return Decimal(clinic.segment_price) * counted.segments * recipients


@dataclass(frozen=True)
class _Example:
    starts_at: datetime
    number: int
    total: int
    practitioner: str = "Kim Example"


def _sent(setting: Setting, template: str, language: Language, on: _Example) -> str:
    text = message_text.compose(
        setting.clinic,
        template,
        language,
        starts_at=on.starts_at,
        number=on.number,
        total=on.total,
        practitioner=on.practitioner,
    )
    return templating.reveal(text, link=f"{setting.public_url}/my/{TOKEN}")


def _cases(setting: Setting, language: Language) -> Iterator[tuple[str, _Example]]:
    zone = ZoneInfo(setting.clinic.timezone)
    morning = setting.now.astimezone(zone).replace(
        hour=9, minute=0, second=0, microsecond=0, fold=0
    )
    soon = morning + timedelta(days=7)
    yield "the first session", _Example(soon, 1, 10)
    yield "one in the middle", _Example(soon, 5, 10)
    yield "the last session", _Example(soon, 10, 10)
    longest = max(_year(morning), key=lambda day: count(plain(language.date(day))).units)
    yield (
        "the longest day, time, number and name",
        _Example(longest.replace(hour=22, minute=40), ENOUGH, ENOUGH, LONG_NAME),
    )
    for name, day in _changes_of_clocks(morning):
        yield name, _Example(day.replace(hour=4), 5, 10)


def _year(first: datetime) -> list[datetime]:
    return [first + timedelta(days=day) for day in range(366)]


def _changes_of_clocks(morning: datetime) -> Iterator[tuple[str, datetime]]:
    """The days of the coming year on which the clinic's clocks change."""
    for day in _year(morning):
        begins = day.replace(hour=0).utcoffset() or timedelta(0)
        ends = day.replace(hour=23).utcoffset() or timedelta(0)
        if begins != ends:
            yield f"the clocks go {'forward' if ends > begins else 'back'}", day
