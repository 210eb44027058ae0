"""Chain the audit trail with hashes, and close the last ways to rewrite it

The worker seals the entries that exist already, like new ones. SQLite deletes without a trigger when
a connection without recursive triggers replaces a row, and PostgreSQL truncates without one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

AUDIT_SENTENCE = "the audit trail is only ever added to"
SQLITE_NO_REPLACE = """
CREATE TRIGGER tr_{name}_append_only_REPLACE BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) {refuse}
"""
TABLES = {"audit_entries": "audit", "audit_seals": "audit_seals"}


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_seals"),
        sa.UniqueConstraint("entry_id", name="uq_audit_seals_entry_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER tr_audit_not_truncated ON audit_entries")
    else:
        op.execute("DROP TRIGGER tr_audit_append_only_REPLACE")
    op.drop_table("audit_seals")


def _guard_postgresql() -> None:
    for table, name in TABLES.items():
        op.execute(
            f"CREATE TRIGGER tr_{name}_not_truncated BEFORE TRUNCATE ON {table}"
            f" EXECUTE FUNCTION refuse_change('{AUDIT_SENTENCE}')"
        )
    op.execute(
        "CREATE TRIGGER tr_audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals"
        f" FOR EACH ROW EXECUTE FUNCTION refuse_change('{AUDIT_SENTENCE}')"
    )


def _guard_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{AUDIT_SENTENCE}'); END"
    for table, name in TABLES.items():
        op.execute(SQLITE_NO_REPLACE.format(table=table, name=name, refuse=refuse))
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER tr_audit_seals_append_only_{verb} BEFORE {verb} ON audit_seals"
            f" {refuse}"
        )
