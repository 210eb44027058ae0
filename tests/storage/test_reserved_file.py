"""Lines that can be written although the disk is full."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.storage.reserved_file import ReservedFile


@pytest.fixture
def file(tmp_path: Path) -> ReservedFile:
    return ReservedFile(tmp_path / "folder" / "lines", size=100)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow beyond 100 bytes."""
    free = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, free[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, free)


def test_lines_are_kept_until_they_are_cleared(file: ReservedFile) -> None:
    file.append(["one", "two"])
    file.append(["three"])

    assert ReservedFile(file.path).lines() == ["one", "two", "three"]
    file.clear(2)
    assert file.lines() == ["three"]
    file.clear(1)
    assert file.lines() == []
    assert not file


def test_a_reserved_file_takes_lines_on_a_full_disk(file: ReservedFile, full_disk: None) -> None:
    file.reserve()

    file.append(["x" * 40])

    assert file.lines() == ["x" * 40]
    assert file.path.stat().st_size == 100


def test_lines_that_do_not_fit_leave_no_trace(file: ReservedFile, full_disk: None) -> None:
    file.reserve()
    file.append(["x" * 40])

    with pytest.raises(OSError, match="File too large"):
        file.append(["y" * 40, "z" * 40])

    assert file.lines() == ["x" * 40]
    file.append(["w" * 40])
    assert file.lines() == ["x" * 40, "w" * 40]


def test_only_its_owner_may_read_it(file: ReservedFile) -> None:
    file.append(["one"])

    assert file.path.stat().st_mode & 0o777 == 0o600


def test_there_are_no_lines_without_a_file(file: ReservedFile) -> None:
    assert (file.lines(), bool(file)) == ([], False)
