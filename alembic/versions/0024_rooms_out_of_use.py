"""Rooms can be out of use, and an absence proposal can be of a room or of a clinic that closes

A program that knows nothing of it goes on: it writes the practitioner, as ever.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLES = ("time_off", "absence_proposals")
ENTRIES = "SELECT * FROM diary WHERE time_off_id IS NOT NULL"


def upgrade() -> None:
    _lay_entries_aside()
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.alter_column("practitioner_id", existing_type=sa.Integer(), nullable=True)
            batch.add_column(sa.Column("room_id", sa.Integer(), nullable=True))
            batch.create_foreign_key(
                op.f(f"fk_{table}_room_id_rooms"), "rooms", ["room_id"], ["id"]
            )
            batch.create_index(op.f(f"ix_{table}_room_id"), ["room_id"])
            if table == "time_off":
                batch.create_check_constraint(
                    op.f("ck_time_off_of_one"), "(practitioner_id IS NULL) <> (room_id IS NULL)"
                )
            else:
                batch.add_column(
                    sa.Column("closure", sa.JSON(), server_default="{}", nullable=False)
                )
    _put_entries_back()


def downgrade() -> None:
    """What is of no practitioner cannot be kept."""
    op.execute("DELETE FROM time_off WHERE practitioner_id IS NULL")
    op.execute("DELETE FROM absence_proposals WHERE practitioner_id IS NULL")
    _lay_entries_aside()
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_index(op.f(f"ix_{table}_room_id"))
            batch.drop_constraint(op.f(f"fk_{table}_room_id_rooms"), type_="foreignkey")
            if table == "time_off":
                batch.drop_constraint(op.f("ck_time_off_of_one"), type_="check")
            else:
                batch.drop_column("closure")
            batch.drop_column("room_id")
            batch.alter_column("practitioner_id", existing_type=sa.Integer(), nullable=False)
    _put_entries_back()


# SQLite changes a column by making the table anew, and takes what hangs on the old one with it.


def _lay_entries_aside() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TABLE laid_aside AS {ENTRIES}")
        op.execute("DELETE FROM diary WHERE time_off_id IS NOT NULL")


def _put_entries_back() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("INSERT INTO diary SELECT * FROM laid_aside")
        op.execute("DROP TABLE laid_aside")
