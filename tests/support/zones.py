"""Zones for tests: those of the packaged data, and ones whose rules we make and change."""

import shutil
import struct
import subprocess
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from scheduler.clinic import hours
from scheduler.infra.clock import use_packaged_zones
from scheduler.infra.intervals import Interval, minute_of
from tests.support.databases import missing

FIRST = datetime(2026, 11, 24, tzinfo=UTC)
LAST = datetime(2029, 11, 24, tzinfo=UTC)
ISLAND = "Test/Island"
ZIC = shutil.which("zic", path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")


def changes(zone: ZoneInfo) -> tuple[tuple[int, int, int], ...]:
    """The clock changes of these three years: UTC minute, minutes ahead before and after."""
    pieces = hours.steady(Interval(minute_of(FIRST), minute_of(LAST)), zone)
    return tuple((later.start, before, after) for (_, before), (later, after) in pairwise(pieces))


def changing() -> dict[str, tuple[tuple[int, int, int], ...]]:
    """Each zone of the package that changes its clocks in these years; of equal ones the first."""
    found: dict[tuple[tuple[int, int, int], ...], str] = {}
    for name in sorted(zoneinfo.available_timezones()):
        found.setdefault(changes(ZoneInfo(name)), name)
    return {name: each for each, name in found.items() if each}


@contextmanager
def island(folder: Path, rules: str) -> Iterator[None]:
    """A zone of our own beside the packaged ones, whose rules are a POSIX TZ string."""
    make(folder, ISLAND, rules)
    with _beside(folder):
        yield


@contextmanager
def compiled(folder: Path, source: str) -> Iterator[None]:
    """Zones of our own beside the packaged ones, in the words of zic; without it, no such test."""
    if ZIC is None:
        missing("no zic")
    _compile(ZIC, folder, source)
    with _beside(folder):
        yield


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    zoneinfo.reset_tzpath(to=(str(folder),))
    ZoneInfo.clear_cache()
    try:
        yield
    finally:
        use_packaged_zones()


def make(folder: Path, name: str, rules: str) -> None:
    """Compile a zone with `zic`; a machine without it gets the same file written by hand."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if ZIC is None:
        target.write_bytes(_compiled(rules))
    else:
        _compile(ZIC, folder, _source(name, rules))


def _compile(zic: str, folder: Path, rules: str) -> None:
    source = folder / "source"
    source.write_text(rules)
    subprocess.run([zic, "-b", "fat", "-d", str(folder), str(source)], check=True)


def _source(name: str, rules: str) -> str:
    """Input for zic: RULES such as "+01" or "+01 summer" (March to October, an hour ahead)."""
    hours_ahead, _, summer = rules.partition(" ")
    zone = f"Zone {name} {int(hours_ahead)}:00 {'Isle IS%s' if summer else '- ISL'}\n"
    if not summer:
        return zone
    return (
        "Rule Isle 2000 max - Mar lastSun 2:00 1:00 S\nRule Isle 2000 max - Oct lastSun 3:00 0 L\n"
    ) + zone


def _compiled(rules: str) -> bytes:
    """The same as a TZif file of version 2 (RFC 9636) whose footer has all the rules."""
    hours_ahead, _, summer = rules.partition(" ")
    ahead = int(hours_ahead)
    footer = f"ISL{-ahead}" + (f"ISS{-ahead - 1},M3.5.0,M10.5.0/3" if summer else "")
    header = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    types = struct.pack(">lbb", ahead * 3600, 0, 0) + b"ISL\0"
    return 2 * (header + types) + b"\n" + footer.encode() + b"\n"
