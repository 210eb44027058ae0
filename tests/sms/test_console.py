"""The console shows each text, readably, and keeps the promises that every sender keeps."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from scheduler.sms.console import Console
from scheduler.sms.sender import Found, LeaseLost, Sender

MONDAY_9AM = datetime(2027, 1, 11, 9, tzinfo=ZoneInfo("America/New_York"))


def test_a_text_is_shown_with_its_phone_and_time() -> None:
    lines: list[str] = []
    sender: Sender = Console(lines.append, lambda: MONDAY_9AM)

    accepted = sender.send(
        to="+14155550123", text="Willow: see you.", receipt_url=None, valid_seconds=60
    )

    assert lines == ["to +14155550123, Mon 11 Jan 09:00: Willow: see you."]
    assert sender.fetch(accepted.sid) == Found(accepted.sid, "delivered")
    assert sender.find(to="+14155550123", text="x", since=datetime.now(UTC)) is None


def test_neither_late_nor_useless_texts_are_shown() -> None:
    lines: list[str] = []
    sender = Console(lines.append, lambda: MONDAY_9AM)

    with pytest.raises(LeaseLost):
        sender.send(
            to="+1", text="x", receipt_url=None, valid_seconds=60, deadline=time.monotonic()
        )
    with pytest.raises(ValueError, match="must be at least 1"):
        sender.send(to="+1", text="x", receipt_url=None, valid_seconds=0)

    assert lines == []
