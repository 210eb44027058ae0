"""Fixtures for every test: a database of each kind, a clinic with patients, a browser."""

import pytest
from hypothesis import HealthCheck, settings

from scheduler.storage.database import Database
from tests.support.cast import Cast, settle

# The time of an example depends on the machine, and the share of discarded examples on chance.
# Neither is a fault of a test.
settings.register_profile(
    "steady",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("steady")

pytest_plugins = ["tests.support.databases", "tests.support.browser", "tests.support.quick"]


class AtOnce:
    """Says at once what failed: a run that is cut off never comes to its summary."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Runs for reports of all workers."""
        if report.failed:
            self._terminal.ensure_newline()
            self._terminal.write_line(f"{report.nodeid} failed ({report.when}):")
            self._terminal.write_line(report.longreprtext)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Only in the main process: a worker has no terminal."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(AtOnce(terminal))


@pytest.fixture
def cast(database: Database) -> Cast:
    """A small clinic, stored."""
    with database.transaction() as session:
        return settle(session)
