"""Where an SQLite file may lie, whether it is whole, who may write to it, and how it is copied."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text
from sqlmodel import select

from scheduler.clinic.models import Room
from scheduler.infra.errors import Misconfigured, Unavailable
from scheduler.storage import migrations, sqlite_file
from scheduler.storage.database import Database
from scheduler.storage.sqlite_file import Turn, check_place, file_system, has_reset_fault
from tests.builders.cast import settle
from tests.support.databases import config_for
from tests.test_cli import Run, run

pytestmark = pytest.mark.both_databases

__all__ = ["run"]

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /srv tmpfs rw 0 0
store:/a /srv nfs4 rw 0 0
share /srv/near\\040by cifs rw 0 0
host /srv/box fuse.sshfs rw 0 0
C: /mnt/c 9p rw 0 0
/dev/sdb1 /srv/box/disk xfs rw 0 0
"""


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    with database.transaction() as session:
        settle(session)
    yield database
    database.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scheduler.db"


@pytest.mark.parametrize(
    ("place", "kind", "refused"),
    [
        ("/home/clinic/a.db", "ext4", False),
        ("/srvice/a.db", "ext4", False),
        ("/srv/a.db", "nfs4", True),
        ("/srv/near by/a.db", "cifs", True),
        ("/srv/box/a.db", "fuse.sshfs", True),
        ("/srv/box/disk/a.db", "xfs", False),
        ("/mnt/c/a.db", "9p", True),
    ],
)
def test_a_file_on_a_network_file_system_is_refused(
    tmp_path: Path, place: str, kind: str, *, refused: bool
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)

    assert file_system(Path(place), MOUNTS) == kind
    if refused:
        with pytest.raises(Misconfigured, match=rf"network file system \({kind}\)"):
            check_place(Path(place), mounts)
    else:
        check_place(Path(place), mounts)


def test_without_a_mount_table_no_file_is_refused(tmp_path: Path) -> None:
    check_place(tmp_path / "a.db", tmp_path / "no such file")


def test_a_command_creates_nothing_on_a_network_file_system(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "file_system", lambda *_: "nfs")
    place = tmp_path / "far"

    done = run("serve", "--port", "0", DATABASE_URL=f"sqlite:///{place}/scheduler.db")

    assert done.code == 1
    assert done.errors.startswith("DATABASE_URL names a file on a network file system")
    assert not (place / "scheduler.db").exists()


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_which_sqlite_versions_can_lose_a_commit_when_the_log_is_truncated(
    version: tuple[int, ...], *, faulty: bool
) -> None:
    assert has_reset_fault(version) is faulty


def test_the_doctor_warns_only_of_an_sqlite_with_that_fault(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("demo").code == 0

    warned = []
    for version in ((3, 51, 2), (3, 51, 3)):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        done = run("doctor")
        assert done.code == 0
        warned.append("Let no other program write to the file" in done.output)

    assert warned == [True, False]


def test_processes_take_turns_to_write_and_to_truncate_the_log(
    database: Database, file: Path
) -> None:
    # A lock counts only for the file that the other process has opened.
    elsewhere = Turn(file)
    assert elsewhere.acquire()

    with pytest.raises(Unavailable), database.alone(patience=0.01):
        pass
    elsewhere.release()
    with database.alone(patience=0.01):
        assert not elsewhere.acquire()
    assert elsewhere.acquire()
    elsewhere.release()
    elsewhere.close()


def test_another_path_to_the_file_waits_for_the_same_turn(
    database: Database, file: Path, tmp_path: Path
) -> None:
    alias = tmp_path / "alias.db"
    alias.symlink_to(file)
    by_alias = Turn(alias)

    with database.alone():
        assert not by_alias.acquire()
    by_alias.close()


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_users_who_can_write_to_the_file_can_take_a_turn(
    database: Database, file: Path, mode: int
) -> None:
    file.chmod(mode)
    someone = Turn(file)

    assert someone.acquire()
    someone.release()
    someone.close()

    lock = file.with_name("scheduler.db-turn").stat()
    assert stat.S_IMODE(lock.st_mode) == mode
    assert (lock.st_uid, lock.st_gid) == (file.stat().st_uid, file.stat().st_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_gives_the_lock_file_to_the_owner_of_the_database(
    database: Database, file: Path
) -> None:
    os.chown(file, 65534, 65534)
    root = Turn(file)

    assert root.acquire()
    root.release()
    root.close()

    lock = file.with_name("scheduler.db-turn").stat()
    assert (lock.st_uid, lock.st_gid) == (65534, 65534)


def test_a_file_is_not_mapped_into_memory(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA mmap_size = 1048576")
        sqlite_file.set_up(connection)

        # Nothing where SQLite was built without it.
        assert connection.execute("PRAGMA mmap_size").fetchall() in ([(0,)], [])


def test_the_log_is_truncated_after_its_reader_has_finished(database: Database, file: Path) -> None:
    log = Path(f"{file}-wal")

    with database.transaction(write=False) as reading:
        reading.exec(select(Room.id)).all()
        for turn in range(200):
            with database.transaction() as session:
                session.execute(
                    text("UPDATE treatments SET tips = :words"),
                    # All of it differs each time: SQLite does not write again what is the same.
                    {"words": f'{{"before": "{str(turn % 10) * 40_000}"}}'},
                )
        database.clear_log(beyond=0)
        kept = log.stat().st_size
    database.clear_log(beyond=0)

    assert kept > 4_000_000, "the reader still needs it"
    assert log.stat().st_size == 0


def damage(file: Path) -> None:
    """Write nonsense over a page in the middle."""
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [page] = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rooms'").fetchone()
        [size] = raw.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as raw_file:
        raw_file.seek((page - 1) * size)
        raw_file.write(b"\x13" * size)


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["worker"]])
def test_a_damaged_file_is_refused(
    run: Run, sqlite_url: str, file: Path, command: list[str]
) -> None:
    damage(file)

    done = run(*command, DATABASE_URL=sqlite_url)

    assert done.code == 1
    assert done.errors.startswith(f"The database {file} is damaged: ")
    assert "Traceback" not in done.errors


def test_a_backup_is_complete_and_readable_only_by_its_owner(
    run: Run, database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"

    done = run("backup", str(target), DATABASE_URL=sqlite_url)

    assert (done.code, done.errors) == (0, "")
    assert target.stat().st_mode & 0o777 == 0o600
    copied = Database(f"sqlite:///{target}")
    with copied.transaction(write=False) as session:
        assert sorted(session.exec(select(Room.name))) == ["Bed 1", "Bed 2"]
    copied.close()


def test_a_database_can_be_copied_before_its_migration(
    run: Run, database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    database.close()
    command.downgrade(config_for(sqlite_url), "-1")
    target = tmp_path / "copy.db"

    done = run("backup", str(target), DATABASE_URL=sqlite_url)

    assert (done.code, done.errors) == (0, "")
    with closing(sqlite3.connect(target)) as copied:
        [(version,)] = copied.execute("SELECT version_num FROM alembic_version").fetchall()
    assert version != migrations.newest()


def test_a_database_without_tables_is_not_copied(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    done = run("backup", str(target), DATABASE_URL=f"sqlite:///{tmp_path / 'none.db'}")

    assert done.code == 1
    assert done.errors.startswith("DATABASE_URL names a database without tables")
    assert not target.exists()


def test_a_backup_does_not_overwrite_a_file(run: Run, sqlite_url: str, tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("of somebody else")

    done = run("backup", str(target), DATABASE_URL=sqlite_url)

    assert (done.code, done.errors) == (
        1,
        f"The file {target} exists already. Choose another name.\n",
    )
    assert target.read_text() == "of somebody else"


def test_a_damaged_file_is_not_copied(
    run: Run, sqlite_url: str, file: Path, tmp_path: Path
) -> None:
    damage(file)
    target = tmp_path / "copy.db"

    done = run("backup", str(target), DATABASE_URL=sqlite_url)

    assert done.code == 1
    assert "is damaged" in done.errors
    assert not target.exists()
