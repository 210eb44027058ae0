"""Real servers with a small clinic: two processes on PostgreSQL, or one on SQLite."""

from collections.abc import Iterator

import pytest

from scheduler.storage.database import Database
from tests.builders.cast import Cast
from tests.load import rush
from tests.support.servers import Servers


@pytest.fixture
def busy_clinic(database: Database) -> Cast:
    """The cast, with one practitioner for the treatment, so that times are scarce."""
    return rush.settle_with_one_practitioner(database)


@pytest.fixture
def servers(database: Database, busy_clinic: Cast) -> Iterator[Servers]:
    """Two processes where the database takes two; SQLite has one writer."""
    url = database.url.render_as_string(hide_password=False)
    with Servers(url, count=1 if database.is_sqlite else 2) as started:
        yield started
