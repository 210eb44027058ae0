"""An error is logged with its place and kind, never with its quoted values."""

import json
import logging
import sys

import pytest

from scheduler.infra.errors import NotFound
from scheduler.infra.telemetry import REQUEST_ID, Discreet, Json, Repeats


def record_of(error: Exception) -> logging.LogRecord:
    error.__cause__ = KeyError("+12025550101")
    try:
        raise error
    except type(error):
        return logging.LogRecord("scheduler", 40, "", 1, "it failed", (), sys.exc_info())


def test_an_error_is_logged_without_its_message() -> None:
    logged = Discreet().format(record_of(ValueError("Ann Example")))

    assert "ValueError" in logged
    assert "KeyError" in logged
    assert "test_telemetry.py" in logged
    assert "Ann" not in logged
    assert "+1202" not in logged


def test_the_sentence_of_a_problem_is_logged() -> None:
    assert "NotFound: This does not exist" in Discreet().format(record_of(NotFound()))


def test_an_error_that_is_its_own_cause_is_logged_once() -> None:
    error = ValueError()
    try:
        raise error from error
    except ValueError:
        record = logging.LogRecord("scheduler", 40, "", 1, "it failed", (), sys.exc_info())

    assert Discreet().format(record).count("ValueError") == 1


def test_a_json_record_is_one_line_with_the_request_id() -> None:
    token = REQUEST_ID.set("abc")
    try:
        line = Json().format(record_of(ValueError()))
    finally:
        REQUEST_ID.reset(token)

    logged = json.loads(line)
    assert "\n" not in line
    assert (logged["request_id"], logged["level"], logged["message"]) == (
        "abc",
        "ERROR",
        "it failed",
    )


def test_a_message_that_repeats_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(message: str) -> logging.LogRecord:
        return logging.LogRecord("asyncio", 40, "", 1, message, (), None)

    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    repeats = Repeats()

    logged = [repeats.filter(record(f"out of files\nsocket: {number}")) for number in range(3)]
    now[0] += 61

    assert logged == [True, False, False]
    assert repeats.filter(record("something else"))
    assert repeats.filter(record("out of files"))
