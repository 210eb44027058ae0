"""Whether very many would be texted at once is asked at every change: it must cost little."""

from typing import Any

import pytest
from sqlalchemy import event, text

from scheduler.reminders.outbox import bulk_holds
from scheduler.storage.database import Database
from tests.builders.world import MONDAY, found

pytestmark = pytest.mark.both_databases


def test_no_look_for_what_was_changed_at_once_reads_all_sessions(database: Database) -> None:
    world = found(database)
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if "JOIN" in statement and "appointment_changes.at >=" in statement:
            asked.append((statement, parameters))

    with database.transaction() as session:
        event.listen(database.engine, "before_cursor_execute", note)
        assert not bulk_holds.watch(session, [(world.clinic_id, MONDAY)], now=MONDAY)
        event.remove(database.engine, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN"
        if not database.is_sqlite:
            # So few rows are read whole, if they may be.
            session.execute(text("SET LOCAL enable_seqscan = off"))
            explain = "EXPLAIN"
        connection = session.connection()
        plans = [
            "\n".join(row[-1] for row in connection.exec_driver_sql(f"{explain} {each}", values))
            for each, values in asked
        ]

    [plan] = plans
    assert "ix_appointment_changes_clinic_notice " in plan
    assert "SCAN appointments" not in plan
