"""Installations get the locked packages, from any index."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"
locks = pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)


def entries(lock: Path) -> dict[str, str]:
    """Each locked package, `name==version`, and its lines."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.read_text().splitlines():
        if line[:1] not in {" ", "#", ""}:
            name = line.split()[0]
            found[name] = ""
        found[name] += f"{line}\n"
    return found


@locks
def test_each_package_is_pinned_and_has_hashes(lock):
    loose = [
        name
        for name, lines in entries(lock).items()
        if "==" not in name or not re.search(r"--hash=sha256:[0-9a-f]{64}", lines)
    ]

    assert loose == []


@locks
def test_no_address_is_written_down(lock):
    assert re.findall(r"(?:https?|file):\S+|^--(?!hash).*", lock.read_text(), re.MULTILINE) == []


def test_the_tests_run_on_the_very_versions_that_are_shipped():
    assert entries(RUNTIME).keys() - entries(DEVELOPMENT).keys() == set()


def test_all_that_the_program_asks_for_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {re.split(r"[\[<>=]", line)[0] for line in project["dependencies"]}

    assert asked - {name.split("==")[0] for name in entries(RUNTIME)} == set()
