"""Keeps an SQLite file safe; knows nothing of clinics.

The file must be on a local disk, only one of our processes writes at a time, the write-ahead log
stays short, damage is detected at start, and backups are consistent.
"""

import fcntl
import os
import re
import sqlite3
import stat
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from scheduler.infra.errors import Misconfigured, Unavailable

WAIT_SECONDS = 5.0
"""How long two connections that switch a new file to WAL mode wait for each other."""
POLL_SECONDS = 0.001
LOG_BYTES = 16 * 1024 * 1024
"""A larger log is truncated as soon as no reader needs it."""
CHECKPOINT_PAGES = 1000
"""With this many pages in the log, a commit also writes them back into the file."""
TRUNCATE_MILLISECONDS = 100
"""How long truncating waits for readers before it gives up. Writers wait as well."""

NETWORK_FILE_SYSTEMS = re.compile(
    r"9p|afs|beegfs|ceph|cifs|davfs|glusterfs|gpfs|lustre|ncpfs|nfs\d?|pvfs2|smb\d|smbfs"
    r"|fuse\..*(?:blobfuse|ceph|davfs|gcsfuse|gluster|goofys|nfs|rclone|s3fs|smb|sshfs).*"
)
"""File systems that other machines may write to; their locks are unreliable."""


def has_reset_fault(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite can lose a commit when a write coincides with a truncation of the log.

    Fixed in 3.51.3, and in 3.50.7 and 3.44.6: https://sqlite.org/wal.html#the_wal_reset_bug.
    """
    fixed = {(3, 44): (3, 44, 6), (3, 50): (3, 50, 7)}
    return version < fixed.get((version[0], version[1]), (3, 51, 3))


def set_up(connection: Any, _record: Any = None) -> None:
    """Configure a new connection."""
    # Our handler of SQLAlchemy's "begin" event sends BEGIN; the driver must not send it again.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in (
        "foreign_keys=ON",
        "synchronous=FULL",
        "recursive_triggers=ON",
        # A stray pointer could write into memory that is mapped to the file, and the process would
        # crash if the file shrank.
        "mmap_size=0",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"journal_size_limit={LOG_BYTES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch to WAL mode. Retries, because SQLite does not wait when two connections switch."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as problem:
            busy = problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


class Turn:
    """The right to write to an SQLite file, held by one thread of one of our processes.

    SQLite lets one transaction write at a time, but it also allows a write while another connection
    truncates the log, and some versions then lose the write (`has_reset_fault`). So only the holder
    of the turn writes, commits and truncates. Between processes the turn is a lock on a file beside
    the database, which the kernel releases when its holder ends in any way.
    """

    def __init__(self, file: Path) -> None:
        # Two paths to the same file must give the same lock.
        self._database = Path(os.path.realpath(file))
        self._file = self._database.with_name(f"{self._database.name}-turn")
        self._thread_lock = threading.Lock()
        self._descriptor: int | None = None

    def acquire(self, *, timeout: float = 0.0) -> bool:
        """Whether the turn came within `timeout` seconds. Raises Unavailable on file errors."""
        deadline = time.monotonic() + timeout
        if not self._thread_lock.acquire(timeout=timeout):
            return False
        try:
            while not self._lock():
                if time.monotonic() >= deadline:
                    self._thread_lock.release()
                    return False
                time.sleep(POLL_SECONDS)
        except OSError as problem:
            self._thread_lock.release()
            raise Unavailable from problem
        return True

    def release(self) -> None:
        """Let the next thread write."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._thread_lock.release()

    def close(self) -> None:
        """Close the lock file. `acquire` opens it again."""
        with self._thread_lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _lock(self) -> bool:
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._file, flags, 0o600)
            self._share(self._descriptor)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _share(self, descriptor: int) -> None:
        """Give the lock file the mode and owner of the database.

        Otherwise a lock file that root created would exclude the user that runs the program.
        SQLite does the same for the files that it creates beside a database.
        """
        with suppress(OSError):  # there is no database yet
            database, lock = self._database.stat(), os.fstat(descriptor)
            if os.geteuid() in {0, lock.st_uid}:
                os.fchmod(descriptor, stat.S_IMODE(database.st_mode))
            if os.geteuid() == 0:
                os.fchown(descriptor, database.st_uid, database.st_gid)


def clear_log(connection: sqlite3.Connection) -> bool:
    """Write the log back into the file and truncate it. Returns whether it was truncated.

    The caller must have the turn. A transaction that still reads old data prevents truncation.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA busy_timeout={TRUNCATE_MILLISECONDS}")
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def check_whole(connection: sqlite3.Connection, name: str) -> None:
    """Raise Misconfigured if the file, called `name`, is damaged. Reads the whole file."""
    try:
        [(result,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.DatabaseError as problem:
        if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        result = str(problem)
    if result != "ok":
        raise Misconfigured(
            f"The database {name} is damaged: {' '.join(str(result).split())}. Nothing was changed."
            " Keep a copy of the file, then restore the newest backup."
        )


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a consistent state of the database into a new file that only its owner can read.

    Raises Misconfigured if the target exists or the copy is damaged.
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Misconfigured(f"The file {target} exists already. Choose another name.") from None
    try:
        with closing(sqlite3.connect(target)) as copied:
            connection.backup(copied)
            # Without a log beside it, the copy is a single file.
            copied.execute("PRAGMA journal_mode=DELETE")
            check_whole(copied, str(target))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def check_place(file: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Raise Misconfigured if the file is, or would be, on a network file system.

    `mounts`: the mount table of Linux. Without one, every place is accepted.
    """
    try:
        kind = file_system(file.resolve(), mounts.read_text(errors="surrogateescape"))
    except OSError:
        return
    if NETWORK_FILE_SYSTEMS.fullmatch(kind):
        raise Misconfigured(
            f"DATABASE_URL names a file on a network file system ({kind}), where SQLite cannot lock"
            " reliably and would lose data. Use a local disk, or PostgreSQL."
        )


def file_system(file: Path, mounts: str) -> str:
    """The type of the file system of an absolute path, according to /proc/mounts."""
    deepest, depth = "", 0
    for line in mounts.splitlines():
        _, mount_point, kind, *_ = (_unescaped(word) for word in line.split(" "))
        folder = Path(mount_point)
        # If two file systems are mounted on one folder, the later one is visible.
        if (file == folder or folder in file.parents) and len(folder.parts) >= depth:
            deepest, depth = kind, len(folder.parts)
    return deepest


def _unescaped(word: str) -> str:
    """A word of /proc/mounts, where spaces and similar characters are written in octal."""
    return re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape.group(1), 8)), word)
