"""Keep what happened to courses and appointments in tables of its own

Until now history and undo read the audit trail, and three columns of `appointments` said what the
patient must hear of. Both move to `course_events` and `appointment_changes`; the rows of before are
made from the audit trail, with its ids. The three columns stay for the programs that still write
them; a later migration drops them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

OPEN_NOTICE = sa.text("notice IS NOT NULL AND notice_ended_by_id IS NULL")

RETIRED_INDEXES = {
    "ix_appointments_clinic_news": "news_at",
    "ix_appointments_clinic_reassigned": "reassigned_at",
}

BATCH = 1000


def upgrade() -> None:
    _create_tables()
    _copy_audit_trail(op.get_bind())
    for name in RETIRED_INDEXES:
        op.drop_index(name, table_name="appointments")


def downgrade() -> None:
    """The columns of before were not written since: what the clinic changed since is not told."""
    for name, column in RETIRED_INDEXES.items():
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            name,
            "appointments",
            ["clinic_id", column],
            postgresql_where=where,
            sqlite_where=where,
        )
    op.drop_table("appointment_changes")
    op.drop_table("course_events")


def _create_tables() -> None:
    op.create_table(
        "course_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        _reference("clinic_id", "clinics"),
        _reference("course_id", "courses", index=True),
        sa.Column("kind", sa.String(20), nullable=False),
        _instant("at"),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("actor_id", sa.Integer()),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("overrides_pace", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("from_number", sa.Integer()),
        sa.Column("by_days", sa.Integer()),
        sa.Column("start_on", sa.Date()),
        sa.Column("behind", sa.Boolean()),
        _reference("practitioner_id", "practitioners", nullable=True),
        sa.Column("course_state_before", sa.String(20)),
        sa.Column("pace_exceptions_before", sa.JSON(none_as_null=True)),
        _reference("taken_back_by_id", "course_events", nullable=True, index=True),
    )
    op.create_table(
        "appointment_changes",
        sa.Column("id", sa.Integer(), primary_key=True),
        _reference("event_id", "course_events", index=True),
        _reference("appointment_id", "appointments"),
        _reference("clinic_id", "clinics"),
        _instant("at"),
        sa.Column("number_before", sa.Integer()),
        sa.Column("number_after", sa.Integer(), nullable=False),
        _instant("starts_at_before", nullable=True),
        _instant("starts_at_after"),
        _reference("practitioner_id_before", "practitioners", nullable=True),
        _reference("practitioner_id_after", "practitioners"),
        _reference("room_id_before", "rooms", nullable=True),
        _reference("room_id_after", "rooms", nullable=True),
        sa.Column("state_before", sa.String(20)),
        sa.Column("state_after", sa.String(20), nullable=False),
        sa.Column("notice", sa.String(20)),
        _reference("notice_ended_by_id", "course_events", nullable=True, index=True),
    )
    for name, columns in (
        ("ix_appointment_changes_notice", ["appointment_id"]),
        ("ix_appointment_changes_clinic_notice", ["clinic_id", "at"]),
    ):
        op.create_index(
            name,
            "appointment_changes",
            columns,
            postgresql_where=OPEN_NOTICE,
            sqlite_where=OPEN_NOTICE,
        )


def _reference(
    name: str, table: str, *, nullable: bool = False, index: bool = False
) -> sa.Column[int]:
    return sa.Column(
        name, sa.Integer(), sa.ForeignKey(f"{table}.id"), nullable=nullable, index=index
    )


def _instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


# --- The rows of before, from the audit trail ---

KINDS_OF_COURSE = (
    "booked",
    "shifted",
    "skipped a week",
    "changed practitioner",
    "planned anew",
    "extended",
    "made up",
    "cancelled",
    "took back",
    "cleared",
)
STATES = ("confirmed", "arrived", "completed", "cancelled", "no_show")
KINDS_OF_APPOINTMENT = ("moved", *(f"is {state}" for state in STATES))

Row = Mapping[str, Any]


def _copy_audit_trail(connection: sa.Connection) -> None:
    """Write an event, with the id of its audit entry, for each entry of a course's history."""
    tables = sa.MetaData()
    tables.reflect(connection, only=["audit_entries", "appointments", "course_events"])
    tables.reflect(connection, only=["appointment_changes"])
    tables.tables["course_events"].c.pace_exceptions_before.type = sa.JSON(none_as_null=True)
    entries = _entries(connection, tables.tables["audit_entries"])
    rows = connection.execute(sa.select(tables.tables["appointments"])).mappings()
    appointments = {row["id"]: dict(row) for row in rows}
    events = [_event(entry, appointments) for entry in entries]
    undone = _undone(entries)
    for event in events:
        event["taken_back_by_id"] = undone.get(event["id"])
    changes = _changes(entries, appointments)
    _set_notices(changes, entries, appointments)
    # An event may name a later one that took it back: newest first, so that this one is there.
    _insert(connection, tables.tables["course_events"], events[::-1])
    _insert(connection, tables.tables["appointment_changes"], changes)
    if connection.dialect.name == "postgresql" and events:
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('course_events', 'id'), :last)"),
            {"last": events[-1]["id"]},
        )


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    for start in range(0, len(rows), BATCH):
        connection.execute(sa.insert(table), rows[start : start + BATCH])


def _entries(connection: sa.Connection, table: sa.Table) -> list[Row]:
    entry = table.c
    found = connection.execute(
        sa.select(table)
        .where(
            (entry.subject == "course") & entry.deed.in_(KINDS_OF_COURSE)
            | (entry.subject == "appointment") & entry.deed.in_(KINDS_OF_APPOINTMENT)
        )
        .order_by(entry.id)
    )
    return list(found.mappings())


def _event(entry: Row, appointments: Mapping[int, Row]) -> dict[str, Any]:
    details, subject_id = entry["details"], entry["subject_id"]
    is_of_course = entry["subject"] == "course"
    start_on = details.get("start_on")
    return {
        "id": entry["id"],
        "clinic_id": entry["clinic_id"],
        "course_id": subject_id if is_of_course else appointments[subject_id]["course_id"],
        "kind": entry["deed"],
        "at": entry["at"],
        "actor_kind": entry["actor_kind"],
        "actor_id": entry["actor_id"],
        "request_id": entry["request_id"],
        "reason": str(details.get("reason") or details.get("note") or "")[:500],
        "overrides_pace": bool(details.get("insisted")),
        "late": bool(details.get("late")),
        "from_number": details.get("from_number"),
        "by_days": details.get("by_days"),
        "start_on": date.fromisoformat(start_on) if start_on else None,
        "behind": details.get("behind"),
        "practitioner_id": details.get("practitioner_id"),
        "course_state_before": details.get("course_before"),
        "pace_exceptions_before": details.get("marks"),
    }


def _undone(entries: Sequence[Row]) -> dict[int, int]:
    """By event that was taken back, the event that took it back: all of one request at once."""
    by_id = {entry["id"]: entry for entry in entries}
    by_request: dict[Any, list[int]] = {}
    for entry in entries:
        by_request.setdefault(_request(entry), []).append(entry["id"])
    return {
        event_id: entry["id"]
        for entry in entries
        if entry["deed"] == "took back" and entry["details"]["of"] in by_id
        for event_id in by_request[_request(by_id[entry["details"]["of"]])]
    }


def _request(entry: Row) -> tuple[Any, ...]:
    return entry["clinic_id"], entry["request_id"], entry["at"]


def _changes(
    entries: Sequence[Row], appointments: Mapping[int, dict[str, Any]]
) -> list[dict[str, Any]]:
    """What each event changed. Read backward from how the appointments are now."""
    now = {key: dict(row) for key, row in appointments.items()}
    changes: list[dict[str, Any]] = []
    for entry in reversed(entries):
        for appointment_id, before in _before(entry, now):
            after = now[appointment_id]
            changes.append(_change(entry, after, before))
            if before is not None:
                after.update(before)
    return changes[::-1]


def _before(
    entry: Row, now: Mapping[int, dict[str, Any]]
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The appointments that an event changed, each with what it had before; None: it was new."""
    details, appointment_id = entry["details"], entry["subject_id"]
    if entry["deed"] == "moved":
        after = now[appointment_id]
        after["starts_at"] = _utc(details["after"])
        after["number"] = details.get("number_after", after["number"])
        after["practitioner_id"] = details.get("practitioner_after", after["practitioner_id"])
        yield (
            appointment_id,
            {
                "starts_at": _utc(details["before"]),
                "number": details.get("number", after["number"]),
                "practitioner_id": details.get("practitioner_before", after["practitioner_id"]),
                "state": details.get("state_before", after["state"]),
            },
        )
    elif entry["subject"] == "appointment":
        now[appointment_id]["state"] = entry["deed"].removeprefix("is ")
        now[appointment_id]["number"] = details.get("number", now[appointment_id]["number"])
        yield appointment_id, {"state": details["before"]}
    elif entry["deed"] == "cancelled":
        for cancelled_id, state in details.get("states", ()):
            now[cancelled_id]["state"] = "cancelled"
            yield cancelled_id, {"state": state}
    elif entry["deed"] in {"booked", "extended", "made up"}:
        for new_id, starts_at in details.get("appointments", ()):
            if new_id in now:
                now[new_id].update(starts_at=_utc(starts_at), state="booked")
                yield new_id, None


def _change(entry: Row, after: Row, before: Row | None) -> dict[str, Any]:
    was: Row = {} if before is None else {**after, **before}
    return {
        "event_id": entry["id"],
        "appointment_id": after["id"],
        "clinic_id": after["clinic_id"],
        "at": entry["at"],
        "number_before": was.get("number"),
        "number_after": after["number"],
        "starts_at_before": was.get("starts_at"),
        "starts_at_after": after["starts_at"],
        "practitioner_id_before": was.get("practitioner_id"),
        "practitioner_id_after": after["practitioner_id"],
        "room_id_before": None,
        "room_id_after": None,
        "state_before": was.get("state"),
        "state_after": after["state"],
        "notice": None,
        "notice_ended_by_id": None,
    }


def _set_notices(
    changes: Sequence[dict[str, Any]], entries: Sequence[Row], appointments: Mapping[int, Row]
) -> None:
    """Mark the changes that patients must hear of, and those that a patient's change hid."""
    by_instant = {(change["appointment_id"], _utc(change["at"])): change for change in changes}

    def mark(appointment_id: int, pending: Row, ended_by: int | None) -> None:
        told = [("time", pending.get("news_at"))]
        told += [("practitioner", since) for _, since in pending.get("givers") or () if since]
        for notice, at in told:
            change = by_instant.get((appointment_id, _utc(at))) if at else None
            if change is not None:
                change["notice"], change["notice_ended_by_id"] = notice, ended_by

    for entry in entries:
        if entry["details"].get("news_before"):
            mark(entry["subject_id"], entry["details"]["news_before"], entry["id"])
        for appointment_id, pending in entry["details"].get("news", ()):
            mark(appointment_id, pending, entry["id"])
    # What the appointments say holds now, whatever hid it for a while.
    for appointment_id, row in appointments.items():
        mark(appointment_id, row, None)


def _utc(instant: Any) -> datetime:
    """An aware instant, of a column (naive on SQLite) or of a detail (ISO 8601)."""
    read = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
