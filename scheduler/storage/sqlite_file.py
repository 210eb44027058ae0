"""What an SQLite file needs so that nothing is lost in it; knows nothing of clinics.

A disk of this machine, one writer at a time in all our processes, a short log, a look at whether it
is whole, and copies of it.
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
"""How long two that change a new file to the same manner of writing wait for each other."""
POLL_SECONDS = 0.001
LOG_BYTES = 16 * 1024 * 1024
"""A log that has grown beyond this is cut when nobody reads what is in it alone."""
CHECKPOINT_PAGES = 1000
"""So many pages in the log are written back into the file by whoever commits."""
CLEARING_MILLISECONDS = 100
"""How long readers are waited for before the log is left as it is; writers wait meanwhile."""

FAR = re.compile(
    r"9p|afs|beegfs|ceph|cifs|davfs|glusterfs|gpfs|lustre|ncpfs|nfs\d?|pvfs2|smb\d|smbfs"
    r"|fuse\..*(?:blobfuse|ceph|davfs|gcsfuse|gluster|goofys|nfs|rclone|s3fs|smb|sshfs).*"
)
"""Kinds of file systems on which other machines may write too: their locks cannot be relied on."""


def has_reset_fault(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite can lose a commit when one writes while another clears the log.

    Mended in 3.51.3, and in 3.50.7 and 3.44.6: https://sqlite.org/wal.html#the_wal_reset_bug.
    """
    mended = {(3, 44): (3, 44, 6), (3, 50): (3, 50, 7)}
    return version < mended.get((version[0], version[1]), (3, 51, 3))


def set_up(connection: Any, _record: Any = None) -> None:
    """Let a new connection write as all of ours do."""
    # SQLAlchemy's "begin" event says BEGIN; the driver must not say it a second time.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in (
        "foreign_keys=ON",
        "synchronous=FULL",
        "recursive_triggers=ON",
        # Memory that is mapped to the file can be written to by a stray pointer, and a file that
        # shrinks under it ends the process.
        "mmap_size=0",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"journal_size_limit={LOG_BYTES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Let the file be written ahead. SQLite does not wait where two change a new file to it."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as problem:
            busy = problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


class Turn:
    """Whose turn it is to write to a file: one thread of one of our processes.

    SQLite by itself lets one transaction write at a time, but also lets one write while another
    clears the log, which not every SQLite survives (`has_reset_fault`). Whoever has the turn
    writes, commits and clears, and nobody else does any of that meanwhile. Between processes it is
    a lock on a file beside the database; the kernel lets go of it however its holder ends.
    """

    def __init__(self, file: Path) -> None:
        # By whatever name they call the file, all mean the same lock.
        self._database = Path(os.path.realpath(file))
        self._file = self._database.with_name(f"{self._database.name}-turn")
        self._here = threading.Lock()
        self._descriptor: int | None = None

    def acquire(self, *, timeout: float = 0.0) -> bool:
        """Whether the turn came within so many seconds. Unavailable if it cannot be asked for."""
        until = time.monotonic() + timeout
        if not self._here.acquire(timeout=timeout):
            return False
        try:
            while not self._lock():
                if time.monotonic() >= until:
                    self._here.release()
                    return False
                time.sleep(POLL_SECONDS)
        except OSError as problem:
            self._here.release()
            raise Unavailable from problem
        return True

    def release(self) -> None:
        """Let the next one write."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._here.release()

    def close(self) -> None:
        """Let go of the file; whoever asks again opens it again."""
        with self._here:
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
        """Let whoever may write to the database take turns, also where root was here first.

        SQLite does the same for the files that it lays beside a database.
        """
        with suppress(OSError):  # there is no database yet
            theirs, ours = self._database.stat(), os.fstat(descriptor)
            if os.geteuid() in {0, ours.st_uid}:
                os.fchmod(descriptor, stat.S_IMODE(theirs.st_mode))
            if os.geteuid() == 0:
                os.fchown(descriptor, theirs.st_uid, theirs.st_gid)


def clear_log(connection: sqlite3.Connection) -> bool:
    """Write what the log holds into the file and cut it; whether it could be cut.

    Whoever calls it has the turn. A reader of old data keeps it from being cut, undisturbed.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA busy_timeout={CLEARING_MILLISECONDS}")
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def check_whole(connection: sqlite3.Connection, name: str) -> None:
    """Misconfigured if the file, called `name`, is damaged. Reads all of it."""
    try:
        [(said,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.DatabaseError as problem:
        if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        said = str(problem)
    if said != "ok":
        raise Misconfigured(
            f"The database {name} is damaged: {' '.join(str(said).split())}. Nothing was changed."
            " Keep a copy of it, and put the newest backup in its place."
        )


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the whole database, as it is at one moment, into a new file that its owner alone reads.

    Misconfigured if there is a file already, or the copy turns out to be damaged.
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Misconfigured(f"There is a file {target} already. Please name another.") from None
    try:
        with closing(sqlite3.connect(target)) as copied:
            connection.backup(copied)
            # One file, complete in itself, until somebody opens it as a database of ours.
            copied.execute("PRAGMA journal_mode=DELETE")
            check_whole(copied, str(target))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def check_place(file: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Misconfigured if the file lies, or would lie, on a file system of the network.

    `mounts`: what is mounted where, as Linux tells it; where nothing tells, nothing is refused.
    """
    try:
        kind = file_system(file.resolve(), mounts.read_text(errors="surrogateescape"))
    except OSError:
        return
    if FAR.fullmatch(kind):
        raise Misconfigured(
            f"DATABASE_URL names a file on a file system of the network ({kind}). There SQLite"
            " cannot keep two writers apart, and would lose what is written. Put it on a disk of"
            " this machine, or take PostgreSQL."
        )


def file_system(file: Path, mounts: str) -> str:
    """The kind of file system that an absolute path lies on, by the lines of /proc/mounts."""
    found, depth = "", 0
    for line in mounts.splitlines():
        _, point, kind, *_ = (_plain(word) for word in line.split(" "))
        place = Path(point)
        # Of two that are mounted on one place, the later one is seen.
        if (file == place or place in file.parents) and len(place.parts) >= depth:
            found, depth = kind, len(place.parts)
    return found


def _plain(word: str) -> str:
    """A word of /proc/mounts, in which spaces and the like are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), word)
