"""What every test may ask for: a database of each kind, a clinic with people in it, a browser."""

import pytest
from hypothesis import settings

from scheduler.database import Database
from tests.cast import Cast, settle

# How long an example takes says more about the machine than about the code.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["tests.databases", "tests.browser"]


@pytest.fixture
def cast(database: Database) -> Cast:
    """A small clinic, stored."""
    with database.transaction() as session:
        return settle(session)
