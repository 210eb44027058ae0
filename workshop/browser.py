"""Find a Chromium for the tests, or install one.

Run by `make test`. Tries, in this order: browsers on the path, the system's packages (as root, with
apt-get), Playwright's own download. Uses only the standard library except for that download.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PACKAGES = ("chromium", "fonts-dejavu-core")  # fonts, so that screenshots show no empty boxes


def main() -> int:
    """Print the browser that the tests will use; return 1 if CI=true and there is none."""
    if found := find():
        print(f"Browser for the tests: {found}")
        return 0
    print("No Chromium on this machine; installing one for the tests.", flush=True)
    if (_from_packages() and find()) or (_from_playwright() and find()):
        print(f"Browser for the tests: {find()}")
        return 0
    print(
        "No Chromium could be installed: the tests that need a browser will be skipped. Install the"
        " package chromium, or run .venv/bin/python -m playwright install chromium.",
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") == "true" else 0


def find() -> Path | None:
    """The first installed browser that starts, or None."""
    places = chain(_on_the_path(), _downloaded())
    return next((path for path in places if _starts(path)), None)


def version(path: Path) -> str:
    """Name and version, such as `Chromium 150.0.1`. Raises OSError or SubprocessError."""
    answer = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    return " ".join(answer.stdout.split()[:3]).removesuffix(" built")


def _starts(path: Path) -> bool:
    # Existence is not enough: Ubuntu's chromium-browser is a script that says to install a snap.
    try:
        return bool(version(path))
    except (OSError, subprocess.SubprocessError):
        return False


def _on_the_path() -> Iterator[Path]:
    for name in NAMES:
        if place := shutil.which(name):
            yield Path(place)


def _downloaded() -> Iterator[Path]:
    """Playwright's earlier downloads; last, because starting it takes half a second."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may not be installed
    except ImportError:
        return
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    yield path


def _from_packages() -> bool:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = [apt, "update", "-qq"]
    install = [apt, "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
    return all(_succeeds(command, quiet) for command in (update, install))


def _from_playwright() -> bool:
    return _succeeds([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


def _succeeds(command: list[str], environment: dict[str, str]) -> bool:
    # Print the output only on failure: hundreds of lines about unpacking hide the error.
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError as problem:
        print(problem, file=sys.stderr)
        return False
    if done.returncode != 0:
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
