"""A real Chromium for the tests that need one, through Playwright.

Most Playwright calls wait without end for a browser that no longer answers. A browser that keeps a
test longer than `PATIENCE` is killed: the call fails, which names the test, and the test is tried
once more with another browser. Other failures are not retried.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.support.databases import missing
from workshop import browser as machine

QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Limits the browser to the program under test."""

PATIENCE = 180.0
"""Seconds that a test may have the browser; the longest takes ten where nothing else runs."""

GONE = "TargetClosedError"
"""The error after the browser was killed."""


class Chromium:
    """Starts a browser, headless, and another one once that has ended. One a worker."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._running: Browser | None = None

    @contextmanager
    def lent(self, seconds: float = PATIENCE) -> Iterator[Browser]:
        """The browser, which is killed if it is not given back in time."""
        if self._running is None or not self._running.is_connected():
            self._running = self._start()
        alarm = threading.Timer(seconds, kill)
        alarm.start()
        try:
            yield self._running
        finally:
            alarm.cancel()

    def close(self) -> None:
        """End the browser, if one was started."""
        if self._running is not None:
            self._running.close()

    def _start(self) -> Browser:
        # Its sandbox does not work for root.
        arguments = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else QUIET
        return self._playwright.chromium.launch(
            executable_path=chromium(), args=arguments, headless=True
        )


def kill() -> None:
    """End all browsers of this process, whatever they are at."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chrom" in process.name().lower():
                process.kill()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test whose browser was killed try once more."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=[GONE]))


@pytest.fixture(scope="session")
def browsers_of_this_worker() -> Iterator[Chromium]:
    """Where a browser comes from."""
    with sync_playwright() as playwright:
        browsers = Chromium(playwright)
        yield browsers
        browsers.close()


@pytest.fixture
def browser(browsers_of_this_worker: Chromium) -> Iterator[Browser]:
    """The browser; a test opens contexts of its own in it, so that no two share a cookie."""
    with browsers_of_this_worker.lent() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own, with no cookies; 1280 by 800, unless the test sets a viewport."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    yield context.new_page()
    context.close()


def chromium() -> Path:
    """Where the browser is; skips the test (or fails it, where CI=true) if there is none."""
    path = machine.find()
    if path is None:
        missing("no Chromium; make test installs one")
    return path
