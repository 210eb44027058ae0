"""The diary refuses overlaps, the audit trail refuses changes, ended appointments stay ended"""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Two entries of one calendar may not share a minute, unless both are absences: a clinic may be
# closed on a day that somebody has off. The third range says so. Sessions and holds take the whole
# of it, each absence one point of its own, so that only absences miss each other.
POSTGRESQL_NO_OVERLAP = """
ALTER TABLE diary ADD CONSTRAINT ex_diary_no_overlap EXCLUDE USING gist (
    int8range(calendar_id, calendar_id, '[]') WITH &&,
    int8range(from_minute, to_minute) WITH &&,
    (CASE WHEN time_off_id IS NULL AND closure_id IS NULL THEN int8range(NULL, NULL)
          ELSE int8range(id, id, '[]') END) WITH &&
)
"""

# No entry is longer than a day, so that the search for what overlaps need not read all of history.
SQLITE_NO_OVERLAP = """
CREATE TRIGGER tr_diary_no_overlap_{verb} BEFORE {verb} ON diary
WHEN EXISTS (
    SELECT 1 FROM diary AS other
    WHERE other.calendar_id = NEW.calendar_id
      AND other.from_minute > NEW.from_minute - 1440
      AND other.from_minute < NEW.to_minute
      AND other.to_minute > NEW.from_minute
      {but_itself}
      AND NOT ((NEW.time_off_id IS NOT NULL OR NEW.closure_id IS NOT NULL)
               AND (other.time_off_id IS NOT NULL OR other.closure_id IS NOT NULL))
)
BEGIN
    SELECT RAISE(ABORT, 'the diary has an entry at this time already');
END
"""

POSTGRESQL_REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$
"""

AUDIT_SENTENCE = "the audit trail is only ever added to"
ENDED_SENTENCE = "an appointment that has ended stays ended"
ENDED = (
    "OLD.state IN ('cancelled', 'no_show', 'completed')"
    " AND NEW.state IN ('booked', 'confirmed', 'arrived')"
)


def upgrade() -> None:
    """Set the guards."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_NO_OVERLAP)
        op.execute(POSTGRESQL_REFUSE)
        op.execute(
            "CREATE TRIGGER tr_audit_append_only BEFORE UPDATE OR DELETE ON audit_entries"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change('{AUDIT_SENTENCE}')"
        )
        op.execute(
            "CREATE TRIGGER tr_appointments_stay_ended BEFORE UPDATE OF state ON appointments"
            f" FOR EACH ROW WHEN ({ENDED}) EXECUTE FUNCTION refuse_change('{ENDED_SENTENCE}')"
        )
        return
    op.execute(SQLITE_NO_OVERLAP.format(verb="INSERT", but_itself=""))
    op.execute(SQLITE_NO_OVERLAP.format(verb="UPDATE", but_itself="AND other.id <> OLD.id"))
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER tr_audit_append_only_{verb} BEFORE {verb} ON audit_entries"
            f" BEGIN SELECT RAISE(ABORT, '{AUDIT_SENTENCE}'); END"
        )
    op.execute(
        f"CREATE TRIGGER tr_appointments_stay_ended BEFORE UPDATE OF state ON appointments WHEN {ENDED}"
        f" BEGIN SELECT RAISE(ABORT, '{ENDED_SENTENCE}'); END"
    )


def downgrade() -> None:
    """Take the guards away."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER tr_appointments_stay_ended ON appointments")
        op.execute("DROP TRIGGER tr_audit_append_only ON audit_entries")
        op.execute("DROP FUNCTION refuse_change")
        op.execute("ALTER TABLE diary DROP CONSTRAINT ex_diary_no_overlap")
        return
    for name in (
        "diary_no_overlap_INSERT",
        "diary_no_overlap_UPDATE",
        "audit_append_only_UPDATE",
        "audit_append_only_DELETE",
        "appointments_stay_ended",
    ):
        op.execute(f"DROP TRIGGER tr_{name}")
