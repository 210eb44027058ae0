"""Create `.venv` and install the locked packages. Run by `make`, before anything is installed.

Uses only the standard library, on Python 3.11 to 3.13. A second call sees that nothing has changed
and returns at once. Concurrent calls queue. A failed installation is not recorded, so the next call
retries.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NOTES = VENV / "installed.json"
RUNTIME = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"
PROJECT = ROOT / "pyproject.toml"


class Failed(Exception):
    """The environment could not be created; the message says how to fix it."""


def main() -> int:
    """Install the packages that run the program, and with --dev those that test it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also the packages of tests and checks")
    lock = DEVELOPMENT if parser.parse_args().dev else RUNTIME
    try:
        with _alone():
            prepare(lock)
    except Failed as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def prepare(lock: Path) -> None:
    """Install `lock` and the project into `.venv` if they have changed. Raises Failed."""
    if not _works():
        _make()
    notes = _notes()
    if notes.get(lock.name) != _print_of(lock):
        print(f"Installing what {lock.name} names into .venv", flush=True)
        _note({})  # a partial installation does not count
        _pip("install", "--require-hashes", "-r", str(lock))
        # The development lock contains the runtime lock.
        for covered in {lock, RUNTIME}:
            notes[covered.name] = _print_of(covered)
        _note(notes)
    if notes.get(PROJECT.name) != _print_of(PROJECT):
        # Nothing is downloaded: setuptools, which builds it, is itself locked.
        _pip("install", "--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT))
        notes[PROJECT.name] = _print_of(PROJECT)
        _note(notes)


@contextmanager
def _alone() -> Iterator[None]:
    """Lock out another `make` in this folder. The kernel releases the lock if the process dies."""
    (ROOT / ".tools").mkdir(exist_ok=True)
    with (ROOT / ".tools" / "environment.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _works() -> bool:
    """Whether `.venv` is complete. An interrupted start leaves a partial one."""
    if NOTES.exists() and PYTHON.exists():
        return True
    return _succeeds([str(PYTHON), "-m", "pip", "--version"])


def _make() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        _install_ensurepip()
    print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
    if done.returncode != 0:
        raise Failed(f"{sys.executable} could not make a virtual environment in {VENV}.")


def _install_ensurepip() -> None:
    """Debian's minimal python3 lacks ensurepip; root can install its package."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        print(f"This Python cannot make virtual environments; installing {package}.", flush=True)
        install = [apt, "install", "-y", "-qq", "--no-install-recommends", package]
        if _succeeds([apt, "update", "-qq"]) and _succeeds(install):
            return
    raise Failed(
        f"{sys.executable} cannot make virtual environments: it lacks ensurepip. On Debian and"
        f" Ubuntu: sudo apt-get install {package}. Then run make again."
    )


def _pip(*words: str) -> None:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise Failed("The packages could not be installed; pip says why above.")


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _print_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _notes() -> dict[str, str]:
    """The fingerprints of the installed lock files and project."""
    try:
        notes: dict[str, str] = json.loads(NOTES.read_text())
    except (OSError, ValueError):
        return {}
    return notes


def _note(notes: dict[str, str]) -> None:
    # Write and rename: an interruption leaves the old notes, not a part of the new.
    fresh = NOTES.with_suffix(".new")
    fresh.write_text(json.dumps(notes, indent=1))
    fresh.replace(NOTES)


if __name__ == "__main__":
    sys.exit(main())
