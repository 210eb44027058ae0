"""`make check` detects a model without a migration."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from scheduler.maintenance.tables import metadata
from workshop.migrations_in_step import differences

pytestmark = pytest.mark.both_databases


def test_nothing_is_left_to_migrate(database_url):
    assert differences(database_url) == []


def test_a_forgotten_table_is_named(sqlite_url):
    wanted = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(wanted)
    Table("forgotten", wanted, Column("id", Integer, primary_key=True))

    found = differences(sqlite_url, wanted)

    assert len(found) == 1
    assert "forgotten" in found[0]
