"""A chain of hashes shows which entry of the audit trail was changed or removed first."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scheduler.audit import chain, unrecorded_views
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import OPERATOR, entry, record
from scheduler.audit.chain import Break, Fault
from scheduler.storage.database import Database
from scheduler.storage.reserved_file import ReservedFile
from tests.builders.cast import NOW
from tests.builders.world import found
from tests.test_cli import SECRET, Run, run

pytestmark = pytest.mark.both_databases

__all__ = ["run"]

GUARDS = {
    "sqlite": (
        "DROP TRIGGER tr_audit_append_only_UPDATE",
        "DROP TRIGGER tr_audit_append_only_DELETE",
        "DROP TRIGGER tr_audit_seals_append_only_DELETE",
    ),
    "postgresql": ("SET session_replication_role = replica",),
}


def act(database: Database, count: int = 1) -> None:
    with database.transaction() as session:
        for number in range(count):
            details = {"place": "Zürich", "ids": [number, None], "share": 0.1}
            record(
                session,
                OPERATOR,
                Action.CHANGED,
                "room",
                number,
                clinic_id=None,
                now=NOW.replace(microsecond=120),
                **details,
            )


def seal(database: Database, *, from_the_start: bool = False) -> int:
    with database.transaction() as session:
        return chain.seal(session, from_the_start=from_the_start)


def check(database: Database, known: tuple[int, str] | None = None) -> chain.Finding:
    with database.transaction(write=False) as session:
        return chain.verify(session, known=known)


def tamper(database: Database, *statements: str) -> None:
    """Run statements as an operator of the database can, who first switches the guards off."""
    with database.transaction() as session:
        for statement in (*GUARDS[database.engine.dialect.name], *statements):
            session.execute(text(statement))
        if not database.is_sqlite:
            session.execute(text("SET session_replication_role = DEFAULT"))


def test_every_entry_is_sealed_once_and_the_chain_is_whole(database: Database) -> None:
    act(database, 3)
    assert check(database).unsealed == 3

    assert (seal(database), seal(database)) == (3, 0)
    act(database, 2)
    assert seal(database) == 2

    finding = check(database)
    assert (finding.sealed, finding.unsealed, finding.broken) == (5, 0, None)


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        (["UPDATE audit_entries SET subject_id = 77 WHERE id = 2"], Break(2, 2, Fault.CHANGED)),
        (
            ["UPDATE audit_entries SET at = '2027-01-31 12:00:00+00:00' WHERE id = 3"],
            Break(3, 3, Fault.CHANGED),
        ),
        (["DELETE FROM audit_entries WHERE id = 2"], Break(2, 2, Fault.REMOVED)),
        (
            [
                "DELETE FROM audit_entries WHERE id = 2",
                "DELETE FROM audit_seals WHERE entry_id = 2",
            ],
            Break(2, 3, Fault.SEAL_REMOVED),
        ),
        (
            [
                "UPDATE audit_entries SET id = 99 WHERE id = 2",
                "UPDATE audit_entries SET id = 2 WHERE id = 3",
                "UPDATE audit_entries SET id = 3 WHERE id = 99",
            ],
            Break(2, 2, Fault.CHANGED),
        ),
    ],
    ids=["changed", "backdated", "removed", "removed with its seal", "swapped"],
)
def test_the_first_entry_that_was_tampered_with_is_named(
    database: Database, statements: list[str], broken: Break
) -> None:
    act(database, 4)
    seal(database)

    tamper(database, *statements)

    assert check(database).broken == broken


def test_entries_that_are_missing_at_the_end_differ_from_a_noted_hash(database: Database) -> None:
    act(database, 4)
    seal(database)
    noted = check(database)

    tamper(
        database,
        "DELETE FROM audit_entries WHERE id > 2",
        "DELETE FROM audit_seals WHERE entry_id > 2",
    )

    assert check(database).broken is None
    assert check(database, (4, noted.end)).broken == Break(4, 0, Fault.OTHER_CHAIN)


def test_an_entry_that_was_committed_late_is_sealed_after_later_ones(database: Database) -> None:
    act(database, 2)
    late = entry(OPERATOR, Action.CHANGED, "room", 1, clinic_id=None, now=NOW)
    late.id = 20_000
    with database.transaction() as session:
        session.add(late)
    assert seal(database) == 3
    between = entry(OPERATOR, Action.CHANGED, "room", 2, clinic_id=None, now=NOW)
    long_ago = entry(OPERATOR, Action.CHANGED, "room", 3, clinic_id=None, now=NOW)
    between.id, long_ago.id = 19_999, 3
    with database.transaction() as session:
        session.add_all([between, long_ago])

    assert seal(database) == 1
    assert seal(database, from_the_start=True) == 1

    finding = check(database)
    assert (finding.sealed, finding.unsealed, finding.broken) == (5, 0, None)


def test_workers_that_seal_at_once_make_one_chain(database: Database) -> None:
    act(database, 40)

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: seal(database), range(4)))

    assert sorted(counts) == [0, 0, 0, 40]
    assert check(database).broken is None


def test_the_worker_seals_all_entries_of_before(database: Database) -> None:
    world = found(database)
    act(database, chain.AT_ONCE + 5)

    world.worker.seal()

    finding = check(database)
    assert (finding.unsealed, finding.broken) == (0, None)


def test_views_from_a_full_disk_are_chained_when_they_are_brought_in(
    database: Database, tmp_path: Path
) -> None:
    act(database)
    seal(database)
    file = ReservedFile(tmp_path / "views")
    view = entry(OPERATOR, Action.LOOKED_AT, "patient", 1, clinic_id=None, now=NOW)
    unrecorded_views.keep(file, [view])

    unrecorded_views.bring_in(database, file)

    assert seal(database) == 1
    assert check(database).broken is None


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals"])
def test_no_statement_rewrites_an_entry_or_a_seal(database: Database, table: str) -> None:
    act(database, 2)
    seal(database)
    column = "subject_id" if table == "audit_entries" else "entry_id"
    statements = [f"UPDATE {table} SET {column} = 9", f"DELETE FROM {table} WHERE id = 1"]
    if not database.is_sqlite:
        statements.append(f"TRUNCATE {table} CASCADE")

    for statement in statements:
        with (
            pytest.raises(DBAPIError, match="only ever added to"),
            database.transaction() as session,
        ):
            session.execute(text(statement))

    assert check(database).broken is None


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals"])
def test_a_foreign_program_cannot_replace_an_entry(sqlite_url: str, table: str) -> None:
    """Its connection has no recursive triggers, so a replaced row is deleted without a trigger."""
    database = Database(sqlite_url)
    act(database, 2)
    seal(database)
    database.close()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as raw:
        for verb in ("INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"):
            with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
                raw.execute(f"{verb} INTO {table} SELECT * FROM {table} WHERE id = 1")


def test_the_command_says_the_first_broken_entry(
    run: Run, database: Database, database_url: str
) -> None:
    act(database, 3)
    seal(database)
    act(database)
    environment = {"DATABASE_URL": database_url, "SECRET_KEY": SECRET}

    whole = run("audit", "verify", **environment)
    tamper(database, "UPDATE audit_entries SET origin = 'elsewhere' WHERE id = 2")
    broken = run("audit", "verify", **environment)
    wrong = run("audit", "verify", "--known", "nonsense", **environment)

    assert whole.code == 0
    assert whole.output.startswith(
        "3 entries of the audit trail are unchanged.\nEntries without a hash yet: 1."
    )
    assert (broken.code, broken.output) == (
        1,
        "Entry 2 (position 2 of the chain) or its hash was changed. Keep a copy of the database,"
        " and compare it with a backup.\n",
    )
    assert (wrong.code, "position and a hash" in wrong.errors) == (1, True)
