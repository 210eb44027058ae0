"""The keys of messages: what each identifies, and that only one module knows their format."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import scheduler
from scheduler.reminders import message_key

START = datetime(2027, 1, 12, 14, tzinfo=UTC)
LATER = START + timedelta(hours=1)
KEY = message_key.of_appointment("5", "7", START)
PHONE = "+12125550101"


def test_a_message_about_another_rule_appointment_or_start_has_another_key() -> None:
    keys = {
        KEY,
        message_key.of_appointment("6", "7", START),
        message_key.of_appointment("5", "8", START),
        message_key.of_appointment("5", "7", LATER),
        message_key.of_booking("5", "7"),
        message_key.of_booking("5", "7", "held"),
        message_key.of_change("5", "7", START),
        message_key.of_change("5", "7", START + timedelta(microseconds=1)),
    }

    assert len(keys) == 8


def test_the_subject_is_the_same_for_every_phone_and_every_resend() -> None:
    for_phone = message_key.for_phone(KEY, PHONE)
    resend = message_key.resend_of(for_phone)

    assert len({KEY, for_phone, resend, message_key.for_phone(KEY, f"{PHONE}2")}) == 4
    assert {message_key.subject_of(key) for key in (KEY, for_phone, resend)} == {KEY}
    assert message_key.without_resend(resend) == for_phone
    assert [message_key.is_resend(key) for key in (KEY, for_phone, resend)] == [False, False, True]


@pytest.mark.parametrize("number", [2, 12, 22])
def test_a_superseded_message_is_no_resend(number: int) -> None:
    assert not message_key.is_resend(message_key.superseded(number))


def test_a_key_follows_an_appointment_to_its_new_start_with_its_phone_and_resend() -> None:
    key = message_key.resend_of(message_key.for_phone(KEY, PHONE))

    followed = message_key.with_new_start(key, 7, before=START, after=LATER)

    assert message_key.subject_of(followed) == message_key.of_appointment("5", "7", LATER)
    assert followed == message_key.resend_of(
        message_key.for_phone(message_key.of_appointment("5", "7", LATER), PHONE)
    )
    for other in (message_key.of_booking("5", "7"), message_key.of_answer(7, "help")):
        assert message_key.with_new_start(other, 7, before=START, after=LATER) == other


def test_only_one_module_formats_or_takes_apart_keys() -> None:
    root = Path(scheduler.__file__).parent
    handles_keys = re.compile(
        r"""\bkey\.(?:split|partition|removeprefix|removesuffix|startswith|endswith)\(
        |\bMessage\.key\)\.(?:startswith|endswith|like)\((?!message_key\.)
        |\bkey=f["']""",
        re.VERBOSE,
    )

    found = {
        path.relative_to(root).as_posix()
        for path in root.glob("reminders/**/*.py")
        if handles_keys.search(path.read_text(encoding="utf-8"))
    }

    assert found == {"reminders/message_key.py"}
