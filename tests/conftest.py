"""What every test may ask for: a database of each kind, a clinic with people in it, a browser."""

import pytest
from hypothesis import HealthCheck, settings

from scheduler.database import Database
from tests.cast import Cast, settle

# How long an example takes says more about the machine than about the code; and how many of those
# drawn are of no use differs from run to run: a test that throws many away is not wrong.
settings.register_profile(
    "steady",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("steady")

pytest_plugins = ["tests.databases", "tests.browser"]


@pytest.fixture
def cast(database: Database) -> Cast:
    """A small clinic, stored."""
    with database.transaction() as session:
        return settle(session)
