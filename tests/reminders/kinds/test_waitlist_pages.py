"""New waitlist entries are looked for every second, so the check must be cheap."""

from typing import Any

import pytest
from sqlalchemy import event

from scheduler.reminders.kinds import waitlist_pages
from scheduler.storage.database import Database
from tests.builders.cast import NOW


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_no_look_for_those_who_just_came_reads_all_links_or_texts(database: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.transaction(write=False) as session:
        assert not waitlist_pages.is_any_missing(session, now=NOW)
        [(statement, parameters)] = [
            statement for statement in asked if "FROM links" in statement[0]
        ]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps = [row.detail for row in plan]

    assert any("INDEX ix_links_purpose_created" in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN")], steps
