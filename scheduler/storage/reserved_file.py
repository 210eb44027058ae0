"""A file of lines whose space on the disk is taken in advance; knows nothing of clinics.

Lines can be added although the disk is full. Processes that share the file take turns.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

UNUSED = b"\0"


class ReservedFile:
    """`size`: bytes to reserve. The file may grow beyond it as long as the disk has room."""

    def __init__(self, path: Path, *, size: int = 1024 * 1024) -> None:
        self.path = path
        self.size = size

    def __bool__(self) -> bool:
        """Whether there are lines."""
        try:
            with self.path.open("rb") as file:
                return file.read(1) not in {b"", UNUSED}
        except FileNotFoundError:
            return False

    def reserve(self) -> None:
        """Take the space. Raises OSError if there is none."""
        with self._opened() as descriptor:
            missing = self.size - os.fstat(descriptor).st_size
            if missing > 0:
                _write(descriptor, UNUSED * missing, self.size - missing)

    def append(self, lines: Sequence[str]) -> None:
        """Add lines. Raises OSError, and adds none, if there is no room for all."""
        added = "".join(f"{line}\n" for line in lines).encode()
        with self._opened() as descriptor:
            _write(descriptor, added, len(_used(descriptor)))

    def lines(self) -> list[str]:
        """All lines, oldest first."""
        if not self:
            return []
        with self._opened() as descriptor:
            return _used(descriptor).decode().splitlines()

    def clear(self, count: int) -> None:
        """Remove the first `count` lines, and keep the space."""
        with self._opened() as descriptor:
            before = _used(descriptor)
            rest = b"".join(before.splitlines(keepends=True)[count:])
            _write(descriptor, rest.ljust(len(before), UNUSED), 0)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, locked."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _used(descriptor: int) -> bytes:
    """Everything before the first unused byte."""
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    return content.partition(UNUSED)[0]


def _write(descriptor: int, content: bytes, offset: int) -> None:
    """Write everything, or nothing and raise OSError."""
    written = 0
    try:
        while written < len(content):
            written += os.pwrite(descriptor, content[written:], offset + written)
        os.fsync(descriptor)
    except OSError:
        os.pwrite(descriptor, UNUSED * written, offset)
        raise
