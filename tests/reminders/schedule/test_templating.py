"""Templates are filled from a fixed set of fields; what is typed into them stays text."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.i18n.languages import Clock, Language
from scheduler.infra.errors import Invalid
from scheduler.reminders.schedule import templating
from scheduler.reminders.schedule.templating import bound, check, clean, render, reveal, when

NEW_YORK = ZoneInfo("America/New_York")
ENGLISH, SPANISH = Language("en"), Language("es")
MONDAY_9AM = datetime(2027, 1, 11, 9, tzinfo=NEW_YORK)


def test_a_template_is_filled() -> None:
    values = {"clinic": "Willow", "phone": "415-555-0100", **when(MONDAY_9AM)}

    text = render("{clinic}: {date} {time}, eat by {eat_by}. {phone}", values)

    assert text == "Willow: Mon 11 Jan 9:00, eat by 7:00. 415-555-0100"


@pytest.mark.parametrize(
    ("language", "clock", "expected"),
    [
        (ENGLISH, "24", {"date": "Mon 11 Jan", "time": "9:00", "eat_by": "7:00"}),
        (ENGLISH, "12", {"date": "Mon 11 Jan", "time": "9:00 AM", "eat_by": "7:00 AM"}),
        (SPANISH, "24", {"date": "lun 11 ene", "time": "9:00", "eat_by": "7:00"}),
    ],
)
def test_each_language_writes_its_own_days(
    language: Language, clock: Clock, expected: dict[str, str]
) -> None:
    assert when(MONDAY_9AM, language, clock) == expected


@pytest.mark.parametrize(
    ("hour", "minute", "text"),
    [(0, 5, "12:05 AM"), (11, 59, "11:59 AM"), (12, 0, "12:00 PM"), (13, 30, "1:30 PM")],
)
def test_noon_and_midnight_by_the_twelve_hour_clock(hour: int, minute: int, text: str) -> None:
    assert ENGLISH.time(MONDAY_9AM.replace(hour=hour, minute=minute), "12") == text


def test_two_hours_before_are_two_real_hours_when_the_clocks_change() -> None:
    after_the_change = datetime(2027, 3, 14, 4, tzinfo=NEW_YORK)

    assert when(after_the_change)["eat_by"] == "1:00"


@pytest.mark.parametrize(
    ("zone", "day", "hour", "told"),
    [
        ("America/New_York", (2027, 11, 7), 1, ("1:30 EDT", "1:30 EST")),
        ("America/Santiago", (2027, 4, 3), 23, ("23:30 UTC-03", "23:30 UTC-04")),
        ("America/New_York", (2027, 11, 7), 9, ("9:30", "9:30")),
    ],
)
def test_a_time_that_comes_twice_is_told_apart(
    zone: str, day: tuple[int, int, int], hour: int, told: tuple[str, str]
) -> None:
    first, second = (datetime(*day, hour, 30, tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))

    assert (when(first)["time"], when(second)["time"]) == told


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("Dear {name}", "There is no field {name}"),
        ("{0.__class__}", "Braces are only for fields"),
        ("{clinic.__class__.__mro__}", "Braces are only for fields"),
        ("{clinic!r:>100}", "Braces are only for fields"),
        ("{{7*7}}", "Braces are only for fields"),
        ("{% for x in y %}", "Braces are only for fields"),
        ("{{clinic}}", "Braces are only for fields"),
        ("{clinic", "Braces are only for fields"),
        ("{}", "Braces are only for fields"),
        (" \n", "cannot be empty"),
        ("a" * 641, "at most 640 characters"),
    ],
)
def test_anything_else_between_braces_is_refused(template: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check(template)

    assert sentence in refusal.value.sentence
    assert refusal.value.field == "template"


def test_a_field_without_a_value_is_named() -> None:
    with pytest.raises(Invalid, match="the number to call in an emergency"):
        render("Call {emergency}", {"clinic": "Willow"})


def test_secrets_stay_placeholders_until_the_text_is_sent() -> None:
    text = render("{clinic}: {link} or {code}", {"clinic": "Willow", "link": "x", "code": "y"})

    assert text == "Willow: {link} or {code}"
    assert reveal(text, link="https://w.example/{code}", code="123456") == (
        "Willow: https://w.example/{code} or 123456"
    )


def test_a_text_is_not_sent_without_its_secret() -> None:
    with pytest.raises(Invalid, match="private link"):
        reveal("Go to {link}")

    assert reveal("No secret here") == "No secret here"


CODE_TEXT = "Willow: your code is 123456."


def test_a_code_is_bound_to_our_address_for_phones_that_fill_it_in() -> None:
    text = bound(CODE_TEXT, code="123456", public_url="https://willow.example:8443/booking")

    assert text == f"{CODE_TEXT}\n\n@willow.example #123456"


@pytest.mark.parametrize(
    "address",
    [
        "http://willow.example",
        "https://127.0.0.1:8000",
        "https://[::1]",
        "https://localhost",
        f"https://{'w' * 60}.{'x' * 60}.example",  # a second segment
    ],
)
def test_a_code_is_not_bound_where_no_phone_would_read_it_or_it_costs_more(address: str) -> None:
    assert bound(CODE_TEXT, code="123456", public_url=address) == CODE_TEXT


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Willow {link}", "Willow link"),
        ("Wil\nlow\r\n\tClinic", "Wil low Clinic"),
        ("Wil\u202elow\u2066\u200b\ufeff\x00\x1b[2J", "Willow[2J"),
        ("  Willow\u2028Clinic \u00a0", "Willow Clinic"),
        ("François", "François"),
        ("\ud800Willow", "Willow"),
    ],
)
def test_a_name_brings_in_nothing_but_itself(name: str, shown: str) -> None:
    assert clean(name) == shown


@pytest.mark.slow
@settings(deadline=None)
@given(st.text())
def test_no_value_can_become_a_field_or_a_second_line(value: str) -> None:
    text = render("{clinic}", {"clinic": value})

    assert not set(text) & set("{}\n\r\t\x00\u202e")
    assert reveal(text) == text


def test_americans_read_the_twelve_hour_clock() -> None:
    assert (templating.clock_of("us"), templating.clock_of("DE")) == ("12", "24")
