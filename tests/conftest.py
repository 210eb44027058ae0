"""What every test may ask for: a database of each kind, a clinic with people in it, a browser."""

import pytest

from scheduler.database import Database
from tests.cast import Cast, settle

pytest_plugins = ["tests.databases", "tests.browser"]


@pytest.fixture
def cast(database: Database) -> Cast:
    """A small clinic, stored."""
    with database.transaction() as session:
        return settle(session)
