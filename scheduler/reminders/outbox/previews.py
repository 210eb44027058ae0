"""Previews a template in typical cases, with the cost of each, before staff save it.

The same function writes the text that is sent.
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
"""As long as the token of a private link."""

LONG_COURSE = 24
"""Appointments of a long course. More than 99 are rare, so two digits will do."""

LONG_NAME = "Maximiliana Examples"
"""As long as a practitioner's name can be in a message."""

NOT_IN_REMINDERS = {"code", "score", "choices", "until"}


@dataclass(frozen=True)
class Preview:
    """The text of a template in one case, as it would be sent."""

    case: str
    text: str
    counted: Segments


@dataclass(frozen=True)
class Setting:
    """The clinic that sends a text, the present time, and the address that links begin with."""

    clinic: Clinic
    now: datetime
    public_url: str


def check(setting: Setting, template: str, language: str) -> None:
    """Raise Invalid for a template that cannot be sent or costs more than the clinic allows."""
    if unusable := templating.check(template) & NOT_IN_REMINDERS:
        raise Invalid(f"A reminder has no {{{min(unusable)}}}.", field="template")
    reserved_words.check(template)
    most = setting.clinic.segments_per_text
    for preview in of(setting, template, language):
        if preview.counted.encoding == "UCS-2" and not needs_ucs2(languages.of(language)):
            expensive = next(sign for sign in preview.text if sign not in GSM | GSM_TWO)
            raise Invalid(
                f"With {expensive} in it the text holds 70 characters instead of 160.",
                field="template",
            )
        if preview.counted.segments > most:
            raise Invalid(
                f"Too long: {preview.counted.segments} segments ({preview.counted.units} characters"
                f" of the carrier's), and the clinic allows {most}. The case: {preview.case}.",
                field="template",
            )


def needs_ucs2(language: Language) -> bool:
    """Whether a language is written in letters of the expensive alphabet."""
    names = (language.say(datetime(2027, 1, day), "EEEE") for day in range(1, 8))  # noqa: DTZ001
    return any(count(plain(name)).encoding == "UCS-2" for name in names)


def of(setting: Setting, template: str, language: str) -> list[Preview]:
    """The text in every case. Private links are as long as real ones."""
    spoken = languages.of(language, setting.clinic.language)
    return [
        Preview(case, text, count(text))
        for case, example in _cases(setting, spoken)
        for text in [_sent(setting, template, spoken, example)]
    ]


def cost(counted: Segments, clinic: Clinic, recipients: int) -> Decimal | None:
    """The price of messages in the clinic's currency; None if the clinic has set no price."""
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
        _Example(longest.replace(hour=22, minute=40), LONG_COURSE, LONG_COURSE, LONG_NAME),
    )
    for name, day in _changes_of_clocks(morning):
        yield name, _Example(day.replace(hour=4), 5, 10)


def _year(first: datetime) -> list[datetime]:
    return [first + timedelta(days=day) for day in range(366)]


def _changes_of_clocks(morning: datetime) -> Iterator[tuple[str, datetime]]:
    """The days of the coming year on which the clinic's clocks change, with a name."""
    for day in _year(morning):
        begins = day.replace(hour=0).utcoffset() or timedelta(0)
        ends = day.replace(hour=23).utcoffset() or timedelta(0)
        if begins != ends:
            yield f"the clocks go {'forward' if ends > begins else 'back'}", day
