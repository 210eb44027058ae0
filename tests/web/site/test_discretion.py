"""The log of a whole course contains no name, phone, token or words of a patient."""

import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from scheduler.infra import telemetry
from scheduler.infra.errors import Problem
from scheduler.sms.sender import Unknown
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.clock import FrozenClock
from tests.builders.world import Paper
from tests.web.conftest import KEY, Visitor


@pytest.fixture
def logs() -> Iterator[StringIO]:
    """The log lines that the program writes when it is served."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()  # or they would be closed
    telemetry.set_up("text")
    lines = StringIO()
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(lines)
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.slow
@pytest.mark.both_databases
def test_no_secret_is_logged_from_end_to_end(
    logs: StringIO, visitor: Visitor, database: Database, clock: FrozenClock
) -> None:
    visitor.details["name"] = "Xenia Canary"
    visitor.reach("done")
    my = visitor.my()
    visitor.post(f"{visitor.session(1)}/confirmation")
    visitor.post(f"{visitor.session(2)}/cancellation")
    visitor.post(f"{visitor.session(2)}/confirmation")
    for word in ("I brought a canary", "", "I cannot breathe"):
        visitor.post(f"{my}/message", {"message": word})
    visitor.post(f"{my}/texts", {"texts": "fewer", "language": "es"})
    visitor.post("/lost-link", {"phone": visitor.details["phone"]})
    for path in ("/my/notatokenbutsecret12345", f"{my}/nothing", "/my/%00"):
        visitor.get(path)
    text_it(database, clock)
    visitor.client.app.state.context.clock.now = lambda: 1 / 0  # type: ignore[attr-defined]
    assert visitor.get(my).status_code == 500

    logged = logs.getvalue()

    assert "POST /my/{token}/message 303" in logged
    assert "POST /lost-link 303" in logged
    assert "ZeroDivisionError" in logged
    tokens = (my, visitor.base, "notatokenbutsecret12345", visitor.code())
    for secret in (*(token.rpartition("/")[2] for token in tokens), "Canary", "canary", "5550155"):
        assert secret not in logged
    assert "555-0155" not in logged


def text_it(database: Database, clock: FrozenClock) -> None:
    """Send what is owed; the carrier fails once, and once the program does."""
    problems: list[Problem | None] = [Unknown("No answer to +12025550155"), None]
    carrier = Paper(FrozenClock(clock.at), problems=problems)
    worker = Worker(database, carrier, clock, key=KEY, public_url="http://testserver")
    worker.tick()
    assert carrier.texts


def test_personal_pages_are_kept_by_nobody_and_tell_nobody_where_one_was(
    visitor: Visitor,
) -> None:
    visitor.reach("done")
    my = visitor.my()

    for path in (my, *(f"{my}/{part}" for part in ("scores", "advice", "texts", "message"))):
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "555-0155" not in answer.text
        assert "Ada" not in answer.text
