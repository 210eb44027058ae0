"""A copied database sends no texts, and a clinic that has moved learns how to continue."""

import pytest
from sqlmodel import select

from scheduler.audit.audit_trail import AuditEntry
from scheduler.infra.errors import Misconfigured
from scheduler.storage import installation
from scheduler.storage.database import Database
from tests.test_cli import SECRET, Run, run

pytestmark = pytest.mark.both_databases

__all__ = ["run"]

HOME = "https://book.willow.example"
COPY = "https://trial.willow.example"
TWILIO = {
    "SMS": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "secret",
    "TWILIO_FROM": "+12025550100",
    "TWILIO_API_URL": "http://127.0.0.1:9",
    "SECRET_KEY": SECRET,
}


def test_the_first_https_address_is_stored(database: Database) -> None:
    for _ in range(2):
        with database.transaction() as session:
            installation.claim_origin(session, HOME)

    with database.transaction() as session, pytest.raises(Misconfigured) as refusal:
        installation.claim_origin(session, COPY)

    assert refusal.value.sentence == (
        f"This database sends texts for {HOME}, but PUBLIC_URL is {COPY}."
        " If it is a copy, set SMS=console. If the clinic has moved, run `scheduler set-origin`."
    )


def test_an_http_address_is_not_stored(database: Database) -> None:
    with database.transaction() as session:
        installation.claim_origin(session, "http://127.0.0.1:8000")
        installation.claim_origin(session, "http://127.0.0.1:8001")
        installation.claim_origin(session, HOME)

    with database.transaction() as session, pytest.raises(Misconfigured):
        installation.claim_origin(session, "http://127.0.0.1:8000")


def test_the_worker_of_a_copy_does_not_start(run: Run, database_url: str) -> None:
    settle(database_url)

    done = run("worker", DATABASE_URL=database_url, PUBLIC_URL=COPY, **TWILIO)

    assert done.code == 1
    assert done.errors.startswith(f"This database sends texts for {HOME}, but PUBLIC_URL is")


def test_the_doctor_reports_a_copy(run: Run, database_url: str) -> None:
    settle(database_url)

    done = run("doctor", DATABASE_URL=database_url, PUBLIC_URL=COPY, **TWILIO)

    assert f"WRONG origin: This database sends texts for {HOME}" in done.output
    assert "scheduler set-origin" in done.output


def test_set_origin_stores_a_new_address(run: Run, database_url: str) -> None:
    settle(database_url)

    done = run("set-origin", DATABASE_URL=database_url, PUBLIC_URL=COPY, **TWILIO)

    assert (done.code, done.output) == (0, f"Texts are now sent for {COPY}.\n")
    database = Database(database_url)
    with database.transaction() as session:
        installation.claim_origin(session, COPY)
        assert [entry.action for entry in session.exec(select(AuditEntry))] == ["moved"]
    database.close()


def test_set_origin_refuses_an_http_address(run: Run, sqlite_url: str) -> None:
    done = run("set-origin", DATABASE_URL=sqlite_url, PUBLIC_URL="http://willow.example")

    assert done.code == 1
    remedy = "Set it to the https address that patients will see."
    assert done.errors == f"PUBLIC_URL is http://willow.example. {remedy}\n"


def settle(url: str) -> None:
    """Let a database be at home."""
    database = Database(url)
    with database.transaction() as session:
        installation.claim_origin(session, HOME)
    database.close()
