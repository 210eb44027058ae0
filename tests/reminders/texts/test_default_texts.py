"""Every text we ship fits one segment, whatever the day, and says what it must."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.i18n.languages import Clock, Language, codes, of
from scheduler.reminders.outbox.previews import LONG_NAME
from scheduler.reminders.schedule.segments import count, plain
from scheduler.reminders.schedule.templating import check, render, reveal, when
from scheduler.reminders.texts.default_texts import (
    CASES,
    DEFAULT_RULES,
    LONGEST_ADDRESS,
    REPLY_TEMPLATES,
    TEMPLATES,
    answer,
    template,
)

UTC = ZoneInfo("UTC")
EVERY = [
    (kind, code, text)
    for texts in (TEMPLATES, *CASES.values(), REPLY_TEMPLATES)
    for kind, by_language in texts.items()
    for code, text in by_language.items()
]
LONG = {
    "clinic": "Willowbrook Acupuncture Room",
    "phone": "+1 (415) 555-0100",
    "emergency": "911",
    "crisis": "0800 111 0 111",
    "number": "10",
    "total": "24",
    "score": "10",
    "practitioner": LONG_NAME,
}
LINK = "https://book.willowbrook.example/my/" + "x" * 22
assert len(LINK.partition("/my/")[0]) == LONGEST_ADDRESS
FORBIDDEN = {"CANCEL", "END", "YES", "QUIT", "REVOKE"}


def moments(language: Language, clock: Clock) -> Iterator[dict[str, str]]:
    """Every day of a year and every time of a day, but of those that are equally long only one.

    That is enough where every character costs the same, and another test sees to that.
    """
    first = datetime(2028, 1, 1, 22, 40, tzinfo=UTC)
    every = [first + timedelta(days=day) for day in range(366)]
    every += [first + timedelta(minutes=minute) for minute in range(0, 1440, 5)]
    written = (when(moment, language, clock) for moment in every)
    yield from {tuple(map(len, fields.values())): fields for fields in written}.values()


def choices(language: Language, clock: Clock) -> str:
    at = when(datetime(2027, 9, 29, 12, 40, tzinfo=UTC), language, clock)
    return ", ".join(f"{number}: {at['date']} {at['time']}" for number in (1, 2))


@pytest.mark.parametrize("clock", ["24", "12"])
@pytest.mark.parametrize(("kind", "code", "text"), EVERY)
def test_a_text_fits_one_segment(kind: str, code: str, text: str, clock: Clock) -> None:
    language = of(code)
    assert len(LONG["clinic"]) == 28

    for moment in moments(language, clock):
        values = {
            **LONG,
            **moment,
            "until": moment["time"],
            "choices": choices(language, clock),
        }
        place = "offers" if kind.startswith("offer") else "waiting" if kind == "waiting" else "my"
        link = LINK.replace("/my/", f"/{place}/")
        sent = reveal(render(text, values), link=link, code="123456")

        assert (count(sent).encoding, count(sent).segments) == ("GSM-7", 1), f"{kind}: {sent}"


@pytest.mark.parametrize(("kind", "code", "text"), EVERY)
def test_a_text_says_who_it_is_from_and_asks_for_no_carrier_word(
    kind: str, code: str, text: str
) -> None:
    assert "clinic" in check(text)
    assert not FORBIDDEN & set(re.findall(r"\w+", text))


@pytest.mark.parametrize(("kind", "code", "text"), EVERY)
def test_a_text_tells_others_nothing(kind: str, code: str, text: str) -> None:
    assert not re.search(
        r"acupun|needle|aguja|treat|tratam|patient|paciente|{name}", text, re.IGNORECASE
    )


def test_the_day_before_carries_the_mission() -> None:
    text = render(
        template(TEMPLATES["day_before"], "en"),
        {**LONG, **when(datetime(2028, 1, 1, 22, 40, tzinfo=UTC))},
    )

    assert text == (
        "Willowbrook Acupuncture Room: Sat 1 Jan 22:40. Eat something about 2 hours before,"
        " rise slowly after. Reply C to confirm, R to change, STOP to opt out."
    )


def test_both_languages_have_every_text() -> None:
    assert {code for _, code, _ in EVERY} == {*codes()} == {"en", "es"}
    assert len(EVERY) == 2 * (len(TEMPLATES) + len(REPLY_TEMPLATES) + sum(map(len, CASES.values())))
    assert answer("help", "fr") == REPLY_TEMPLATES["help"]["en"]


def test_each_rule_has_its_text() -> None:
    assert [rule.kind for rule in DEFAULT_RULES] == list(TEMPLATES)
    assert [rule.kind for rule in DEFAULT_RULES if rule.always] == [
        "day_before",
        "moved",
        "cancelled",
        "reassigned",
    ]
    assert [rule.kind for rule in DEFAULT_RULES if rule.asked] == ["confirmation"]


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("clock", ["24", "12"])
def test_days_and_times_cost_one_unit_a_character(code: str, clock: Clock) -> None:
    year = [datetime(2028, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
    words = "".join(f"{of(code).date(day)} {of(code).time(day, clock)}" for day in year)

    assert count(plain(words)).encoding == "GSM-7"
    assert count(plain(words)).units == len(words)
