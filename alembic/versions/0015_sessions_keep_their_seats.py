"""A session that takes time has its entries in the diary when a transaction ends, all of them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

MINUTE = {
    "sqlite": "CAST(strftime('%s', a.{column}) AS INTEGER) / 60",
    "postgresql": "CAST(extract(epoch FROM a.{column}) AS bigint) / 60",
}
LISTED = {
    "sqlite": "group_concat(one.stretch, ',')",
    "postgresql": "string_agg(one.stretch, ',' ORDER BY one.from_minute)",
}

# The hands of a session as its practitioner's calendar has them, in minutes from its start on.
HANDS = """
SELECT {listed} FROM (
    SELECT d.from_minute, (d.from_minute - {start}) || ':' || (d.to_minute - {start}) AS stretch
    FROM diary AS d JOIN practitioners AS p ON p.calendar_id = d.calendar_id
    WHERE d.appointment_id = a.id AND p.id = a.practitioner_id
    ORDER BY d.from_minute
) AS one
"""

# Only a cancelled session may be without its time. One that a program of before this version has
# booked does not say which minutes need hands; it must need some.
UNSEATED = """
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

# Only those that are not over: what has been is no longer guarded minute by minute, and a table with
# years in it would be kept locked for as long as it takes to read them all.
FILL = "UPDATE appointments AS a SET hands = coalesce(({hands}), '') WHERE a.ends_at > CURRENT_TIMESTAMP"
SENTENCE = "a session that takes time must have its entries in the diary"
SAYS = "state, starts_at, ends_at, room_id, patient_id, practitioner_id, hands"

POSTGRESQL_CHECK = """
CREATE FUNCTION refuse_unseated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS ({unseated}) THEN
        RAISE EXCEPTION '%', '{sentence}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
"""

# SQLite has foreign keys that wait for the end of a transaction, but no such triggers. So triggers
# note each session that lacks something, and strike it out again when it has all; what is still
# noted at the end refers to a row that cannot exist.
SQLITE_NOTES = """
CREATE TABLE unseated (
    appointment_id INTEGER NOT NULL PRIMARY KEY CHECK (appointment_id > 0),
    nobody INTEGER NOT NULL DEFAULT 0 CHECK (nobody = 0)
        REFERENCES unseated (appointment_id) DEFERRABLE INITIALLY DEFERRED
)
"""
SQLITE_NOTE = """
CREATE TRIGGER tr_seats_{name} AFTER {event} BEGIN
    DELETE FROM unseated WHERE appointment_id IN ({ids});
    {inserts}
END
"""
SQLITE_EVENTS = {
    "booked": ("INSERT ON appointments", ("NEW.id",)),
    "changed": (f"UPDATE OF {SAYS} ON appointments", ("NEW.id",)),
    "erased": ("DELETE ON appointments", ("OLD.id",)),
    "entered": ("INSERT ON diary WHEN NEW.appointment_id IS NOT NULL", ("NEW.appointment_id",)),
    "altered": (
        "UPDATE OF calendar_id, from_minute, to_minute, appointment_id ON diary"
        " WHEN NEW.appointment_id IS NOT NULL OR OLD.appointment_id IS NOT NULL",
        ("NEW.appointment_id", "OLD.appointment_id"),
    ),
    "removed": ("DELETE ON diary WHEN OLD.appointment_id IS NOT NULL", ("OLD.appointment_id",)),
}

# Whoever opens the file with foreign keys off would not be checked, and is turned away.
SQLITE_KEYS = """
CREATE TRIGGER tr_keys_{table}_{verb} BEFORE {verb} ON {table}
WHEN (SELECT foreign_keys FROM pragma_foreign_keys) = 0
BEGIN SELECT RAISE(ABORT, 'foreign keys are off: PRAGMA foreign_keys = ON'); END
"""
GUARDED = [
    (table, verb) for table in ("appointments", "diary") for verb in ("INSERT", "UPDATE", "DELETE")
]


def upgrade() -> None:
    """Write down which minutes need hands, and set the guard."""
    op.add_column(
        "appointments", sa.Column("hands", sa.String(length=300), server_default="", nullable=False)
    )
    kind = op.get_bind().dialect.name
    op.execute(FILL.format(hands=hands(kind)))
    if kind == "postgresql":
        _set_postgresql()
        return
    op.execute(SQLITE_NOTES)
    for name, (event, ids) in SQLITE_EVENTS.items():
        inserts = " ".join(
            f"INSERT OR REPLACE INTO unseated (appointment_id) {unseated(kind, each)};"
            for each in ids
        )
        op.execute(SQLITE_NOTE.format(name=name, event=event, ids=", ".join(ids), inserts=inserts))
    for table, verb in GUARDED:
        op.execute(SQLITE_KEYS.format(table=table, verb=verb))


def _set_postgresql() -> None:
    for table, events, who in (
        ("appointments", f"INSERT OR UPDATE OF {SAYS}", "NEW.id"),
        ("diary", "UPDATE OR DELETE", "OLD.appointment_id"),
    ):
        function = POSTGRESQL_CHECK.replace("refuse_unseated", f"refuse_unseated_{table}")
        op.execute(function.format(unseated=unseated("postgresql", who), sentence=SENTENCE))
        when = "WHEN (OLD.appointment_id IS NOT NULL)" if table == "diary" else ""
        op.execute(
            f"CREATE CONSTRAINT TRIGGER tr_seats AFTER {events} ON {table}"
            f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {when}"
            f" EXECUTE FUNCTION refuse_unseated_{table}()"
        )


def hands(kind: str) -> str:
    """The hands of appointment `a`, in the words of a database."""
    return HANDS.format(listed=LISTED[kind], start=MINUTE[kind].format(column="starts_at"))


def unseated(kind: str, who: str) -> str:
    """The appointment of this id if it lacks something in the diary."""
    return UNSEATED.format(
        id=who,
        start=MINUTE[kind].format(column="starts_at"),
        end=MINUTE[kind].format(column="ends_at"),
        hands=hands(kind),
    )


def downgrade() -> None:
    """Take the guard away."""
    if op.get_bind().dialect.name == "postgresql":
        for table in ("appointments", "diary"):
            op.execute(f"DROP TRIGGER tr_seats ON {table}")
            op.execute(f"DROP FUNCTION refuse_unseated_{table}")
    else:
        for name in SQLITE_EVENTS:
            op.execute(f"DROP TRIGGER tr_seats_{name}")
        for table, verb in GUARDED:
            op.execute(f"DROP TRIGGER tr_keys_{table}_{verb}")
        op.execute("DROP TABLE unseated")
    op.drop_column("appointments", "hands")
