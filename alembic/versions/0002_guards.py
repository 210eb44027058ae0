"""Let the database guard the rules that hold between several rows

The diary refuses overlaps, an appointment that takes time must have its diary entries, an
appointment that ended stays ended, the audit trail is append-only, and a waitlist entry has at most
one open offer. Application code checks the same rules first and explains them; two processes that
check at the same moment can both pass, and only the database can refuse the second one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    _guard_waitlist()
    if op.get_bind().dialect.name == "postgresql":
        _upgrade_postgresql()
    else:
        _upgrade_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _downgrade_postgresql()
    else:
        _downgrade_sqlite()
    for name, (table, _columns, _condition) in WAITLIST_INDEXES.items():
        op.drop_index(name, table_name=table)


# --- Waitlist: unique indexes over the rows in some states ---

WAITLIST_INDEXES = {
    "ix_waitlist_entries_one_for_a_session": (
        "waitlist_entries",
        ["appointment_id"],
        "state IN ('waiting', 'offered')",
    ),
    "ix_waitlist_offers_one_open": ("waitlist_offers", ["entry_id"], "state = 'open'"),
    "ix_waitlist_offers_never_twice": (
        "waitlist_offers",
        ["entry_id", "starts_at"],
        "state <> 'withdrawn'",
    ),
}


def _guard_waitlist() -> None:
    for name, (table, columns, condition) in WAITLIST_INDEXES.items():
        where = sa.text(condition)
        op.create_index(
            name, table, columns, unique=True, postgresql_where=where, sqlite_where=where
        )


# --- What both engines check ---

AUDIT_SENTENCE = "the audit trail is only ever added to"
ENDED_SENTENCE = "an appointment that has ended stays ended"
INCOMPLETE_SENTENCE = "a session that takes time must have its entries in the diary"

# A cancelled appointment can be restored, but only to the time that it had. It needs its diary
# entries again, so restoring it fails when another appointment has taken that time.
REOPENS_ENDED = (
    "(OLD.state IN ('no_show', 'completed') AND NEW.state IN ('booked', 'confirmed', 'arrived'))"
    " OR (OLD.state = 'cancelled' AND (NEW.state IN ('arrived', 'completed', 'no_show')"
    " OR NEW.starts_at <> OLD.starts_at))"
)

# The columns that decide which diary entries an appointment needs.
NEEDS_ENTRIES = "state, starts_at, ends_at, room_id, patient_id, practitioner_id, hands"

# Selects the appointment with this id if a diary entry of its room, its patient or its practitioner
# is missing. A cancelled appointment needs none. Column `hands` lists the minutes in which the
# practitioner is busy ("0:10,30:40", counted from the start); where it is empty, any entry of the
# practitioner will do.
INCOMPLETE = """
SELECT a.id FROM appointments AS a
WHERE a.id = {id} AND a.state <> 'cancelled' AND NOT (
    EXISTS (
        SELECT 1 FROM diary AS d JOIN rooms AS r ON r.calendar_id = d.calendar_id
        WHERE d.appointment_id = a.id AND r.id = a.room_id
          AND d.from_minute <= {start} AND d.to_minute >= {end})
    AND EXISTS (
        SELECT 1 FROM diary AS d JOIN patients AS p ON p.calendar_id = d.calendar_id
        WHERE d.appointment_id = a.id AND p.id = a.patient_id
          AND d.from_minute <= {start} AND d.to_minute >= {end})
    AND EXISTS (
        SELECT 1 FROM diary AS d JOIN practitioners AS p ON p.calendar_id = d.calendar_id
        WHERE d.appointment_id = a.id AND p.id = a.practitioner_id)
    AND (a.hands = '' OR a.hands = ({hands}))
)
"""

# The practitioner's minutes of appointment `a`, in the form of column `hands`.
HANDS = """
SELECT {listed} FROM (
    SELECT d.from_minute, (d.from_minute - {start}) || ':' || (d.to_minute - {start}) AS stretch
    FROM diary AS d JOIN practitioners AS p ON p.calendar_id = d.calendar_id
    WHERE d.appointment_id = a.id AND p.id = a.practitioner_id
    ORDER BY d.from_minute
) AS one
"""


def _incomplete(appointment_id: str, *, minute: str, listed: str) -> str:
    """INCOMPLETE for one engine.

    `minute` turns a column into minutes since 1970 and `listed` joins the stretches, both in the
    SQL of that engine.
    """
    start, end = minute.format(column="a.starts_at"), minute.format(column="a.ends_at")
    hands = HANDS.format(listed=listed, start=start)
    return INCOMPLETE.format(id=appointment_id, start=start, end=end, hands=hands)


# --- PostgreSQL ---

# Two entries of one calendar must not share a minute, unless both are absences: a clinic may be
# closed on a day that a practitioner has off. The third range makes that exception. An appointment
# or a hold covers all of that range and an absence one point of its own, so two absences never
# overlap in it and everything else does.
POSTGRESQL_NO_OVERLAP = """
ALTER TABLE diary ADD CONSTRAINT ex_diary_no_overlap EXCLUDE USING gist (
    int8range(calendar_id, calendar_id, '[]') WITH &&,
    int8range(from_minute, to_minute) WITH &&,
    (CASE WHEN time_off_id IS NULL AND closure_id IS NULL THEN int8range(NULL, NULL)
          ELSE int8range(id, id, '[]') END) WITH &&
)
"""

POSTGRESQL_REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
POSTGRESQL_REFUSE_INCOMPLETE = """
CREATE FUNCTION refuse_unseated_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS ({incomplete}) THEN
        RAISE EXCEPTION '%', '{sentence}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
"""
# Deferred, because a booking writes the appointment first and its entries later.
POSTGRESQL_CHECK_ENTRIES = """
CREATE CONSTRAINT TRIGGER tr_seats AFTER {event} ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {condition}
EXECUTE FUNCTION refuse_unseated_{table}()
"""


def _upgrade_postgresql() -> None:
    op.execute(POSTGRESQL_NO_OVERLAP)
    op.execute(POSTGRESQL_REFUSE)
    op.execute(
        "CREATE TRIGGER tr_audit_append_only BEFORE UPDATE OR DELETE ON audit_entries"
        f" FOR EACH ROW EXECUTE FUNCTION refuse_change('{AUDIT_SENTENCE}')"
    )
    op.execute(
        "CREATE TRIGGER tr_appointments_stay_ended BEFORE UPDATE OF state ON appointments"
        f" FOR EACH ROW WHEN ({REOPENS_ENDED}) EXECUTE FUNCTION refuse_change('{ENDED_SENTENCE}')"
    )
    _check_entries("appointments", f"INSERT OR UPDATE OF {NEEDS_ENTRIES}", "NEW.id")
    _check_entries(
        "diary",
        "UPDATE OR DELETE",
        "OLD.appointment_id",
        condition="WHEN (OLD.appointment_id IS NOT NULL)",
    )


def _check_entries(table: str, event: str, appointment_id: str, *, condition: str = "") -> None:
    incomplete = _incomplete(
        appointment_id,
        minute="CAST(extract(epoch FROM {column}) AS bigint) / 60",
        listed="string_agg(one.stretch, ',' ORDER BY one.from_minute)",
    )
    op.execute(
        POSTGRESQL_REFUSE_INCOMPLETE.format(
            table=table, incomplete=incomplete, sentence=INCOMPLETE_SENTENCE
        )
    )
    op.execute(POSTGRESQL_CHECK_ENTRIES.format(table=table, event=event, condition=condition))


def _downgrade_postgresql() -> None:
    for table in ("appointments", "diary"):
        op.execute(f"DROP TRIGGER tr_seats ON {table}")
        op.execute(f"DROP FUNCTION refuse_unseated_{table}")
    op.execute("DROP TRIGGER tr_appointments_stay_ended ON appointments")
    op.execute("DROP TRIGGER tr_audit_append_only ON audit_entries")
    op.execute("DROP FUNCTION refuse_change")
    op.execute("ALTER TABLE diary DROP CONSTRAINT ex_diary_no_overlap")


# --- SQLite ---

# SQLite has no exclusion constraints. An entry lasts at most a day, and the second condition uses
# that: without it the search for an overlap would read the whole history of the calendar.
SQLITE_NO_OVERLAP = """
CREATE TRIGGER tr_diary_no_overlap_{verb} BEFORE {verb} ON diary
WHEN EXISTS (
    SELECT 1 FROM diary AS other
    WHERE other.calendar_id = NEW.calendar_id
      AND other.from_minute > NEW.from_minute - 1440
      AND other.from_minute < NEW.to_minute
      AND other.to_minute > NEW.from_minute
      {other_row}
      AND NOT ((NEW.time_off_id IS NOT NULL OR NEW.closure_id IS NOT NULL)
               AND (other.time_off_id IS NOT NULL OR other.closure_id IS NOT NULL))
)
BEGIN
    SELECT RAISE(ABORT, 'the diary has an entry at this time already');
END
"""

# SQLite has no deferred triggers, but it has deferred foreign keys. Triggers write the id of each
# incomplete appointment to this table and delete it when the entries are complete. Column `nobody`
# refers to appointment 0, which cannot exist, so a row that is left at COMMIT makes it fail.
SQLITE_INCOMPLETE_TABLE = """
CREATE TABLE unseated (
    appointment_id INTEGER NOT NULL PRIMARY KEY CHECK (appointment_id > 0),
    nobody INTEGER NOT NULL DEFAULT 0 CHECK (nobody = 0)
        REFERENCES unseated (appointment_id) DEFERRABLE INITIALLY DEFERRED
)
"""
SQLITE_NOTE_INCOMPLETE = """
CREATE TRIGGER tr_seats_{name} AFTER {event} BEGIN
    DELETE FROM unseated WHERE appointment_id IN ({ids});
    {inserts}
END
"""
SQLITE_NOTE_EVENTS = {
    "booked": ("INSERT ON appointments", ("NEW.id",)),
    "changed": (f"UPDATE OF {NEEDS_ENTRIES} ON appointments", ("NEW.id",)),
    "erased": ("DELETE ON appointments", ("OLD.id",)),
    "entered": ("INSERT ON diary WHEN NEW.appointment_id IS NOT NULL", ("NEW.appointment_id",)),
    "altered": (
        "UPDATE OF calendar_id, from_minute, to_minute, appointment_id ON diary"
        " WHEN NEW.appointment_id IS NOT NULL OR OLD.appointment_id IS NOT NULL",
        ("NEW.appointment_id", "OLD.appointment_id"),
    ),
    "removed": ("DELETE ON diary WHEN OLD.appointment_id IS NOT NULL", ("OLD.appointment_id",)),
}

# A connection with foreign keys off could commit incomplete appointments, so its writes are refused.
SQLITE_REQUIRE_FOREIGN_KEYS = """
CREATE TRIGGER tr_keys_{table}_{verb} BEFORE {verb} ON {table}
WHEN (SELECT foreign_keys FROM pragma_foreign_keys) = 0
BEGIN SELECT RAISE(ABORT, 'foreign keys are off: PRAGMA foreign_keys = ON'); END
"""
SQLITE_GUARDED_WRITES = [
    (table, verb) for table in ("appointments", "diary") for verb in ("INSERT", "UPDATE", "DELETE")
]


def _upgrade_sqlite() -> None:
    op.execute(SQLITE_NO_OVERLAP.format(verb="INSERT", other_row=""))
    op.execute(SQLITE_NO_OVERLAP.format(verb="UPDATE", other_row="AND other.id <> OLD.id"))
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER tr_audit_append_only_{verb} BEFORE {verb} ON audit_entries"
            f" BEGIN SELECT RAISE(ABORT, '{AUDIT_SENTENCE}'); END"
        )
    op.execute(
        "CREATE TRIGGER tr_appointments_stay_ended BEFORE UPDATE OF state ON appointments"
        f" WHEN {REOPENS_ENDED} BEGIN SELECT RAISE(ABORT, '{ENDED_SENTENCE}'); END"
    )
    op.execute(SQLITE_INCOMPLETE_TABLE)
    for name, (event, ids) in SQLITE_NOTE_EVENTS.items():
        _note_incomplete(name, event, ids)
    for table, verb in SQLITE_GUARDED_WRITES:
        op.execute(SQLITE_REQUIRE_FOREIGN_KEYS.format(table=table, verb=verb))


def _note_incomplete(name: str, event: str, ids: tuple[str, ...]) -> None:
    queries = [
        _incomplete(
            appointment_id,
            minute="CAST(strftime('%s', {column}) AS INTEGER) / 60",
            listed="group_concat(one.stretch, ',')",
        )
        for appointment_id in ids
    ]
    inserts = " ".join(
        f"INSERT OR REPLACE INTO unseated (appointment_id) {query};" for query in queries
    )
    op.execute(
        SQLITE_NOTE_INCOMPLETE.format(name=name, event=event, ids=", ".join(ids), inserts=inserts)
    )


def _downgrade_sqlite() -> None:
    for table, verb in SQLITE_GUARDED_WRITES:
        op.execute(f"DROP TRIGGER tr_keys_{table}_{verb}")
    for name in SQLITE_NOTE_EVENTS:
        op.execute(f"DROP TRIGGER tr_seats_{name}")
    op.execute("DROP TABLE unseated")
    op.execute("DROP TRIGGER tr_appointments_stay_ended")
    for verb in ("UPDATE", "DELETE"):
        op.execute(f"DROP TRIGGER tr_audit_append_only_{verb}")
    for verb in ("INSERT", "UPDATE"):
        op.execute(f"DROP TRIGGER tr_diary_no_overlap_{verb}")
