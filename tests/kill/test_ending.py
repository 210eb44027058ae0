"""A program that is asked to end finishes the text that is under way, and takes no new one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from scheduler.reminders.models import Message
from scheduler.storage.database import Database
from tests.kill.sweep import owe
from tests.standin import ACCOUNT, SERVICE, TOKEN, Fault, Standin
from tests.support.servers import SECRET, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 120.0


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(("command", "kind"), [("serve", "sqlite"), ("worker", "postgresql")])
def test_what_is_under_way_is_finished_and_the_program_ends_with_0(
    request: pytest.FixtureRequest, command: str, kind: str
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    database = Database(url)
    owe(database, 3, useful=timedelta(hours=2))
    with Standin() as carrier:
        carrier.fail_next(Fault.slow(3))
        port = ["--port", str(free_port())] if command == "serve" else []
        program = subprocess.Popen(
            [sys.executable, "-m", "scheduler.cli", command, *port],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "SECRET_KEY": SECRET,
                "PUBLIC_URL": "http://127.0.0.1:8000",
                "SMS": "twilio",
                "SMS_CONCURRENCY": "1",
                "TWILIO_ACCOUNT_SID": ACCOUNT,
                "TWILIO_AUTH_TOKEN": TOKEN,
                "TWILIO_MESSAGING_SERVICE_SID": SERVICE,
                "TWILIO_API_URL": carrier.url,
            },
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: carrier.posts == 1 or program.poll() is not None)
            program.send_signal(signal.SIGTERM)
            assert program.wait(timeout=PATIENCE) == 0
        finally:
            program.kill()
            program.wait()

        assert (carrier.posts, len(carrier.messages)) == (1, 1)
    with database.transaction(write=False) as session:
        states = session.exec(select(Message.state).order_by(col(Message.id))).all()
    database.close()
    assert states == ["sent", "owed", "owed"]
