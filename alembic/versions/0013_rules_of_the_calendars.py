"""Breaks, extra hours, a most of sessions a day, buffers, setup, and closures for part of a day

Only columns that have a default or may be empty: a program that knows nothing of them goes on.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

MINUTES = ("setup_minutes", "buffer_before_minutes", "buffer_after_minutes")


def upgrade() -> None:
    op.add_column("practitioners", sa.Column("max_sessions_per_day", sa.Integer(), nullable=True))
    for name in MINUTES:
        op.add_column(
            "treatments", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )
    op.add_column(
        "working_hours",
        sa.Column("kind", sa.String(length=5), server_default="work", nullable=False),
    )
    op.add_column("working_hours", sa.Column("minutes", sa.Integer(), nullable=True))
    for name in ("starts", "ends"):
        op.add_column(
            "closures",
            sa.Column(name, sa.String(length=5), server_default="00:00", nullable=False),
        )
    for table in ("closures", "time_off"):
        op.add_column(table, sa.Column("series_id", sa.Integer(), nullable=True))
        op.create_index(op.f(f"ix_{table}_series_id"), table, ["series_id"])


def downgrade() -> None:
    for table in ("closures", "time_off"):
        op.drop_index(op.f(f"ix_{table}_series_id"), table_name=table)
        op.drop_column(table, "series_id")
    for table, names in (
        ("closures", ("starts", "ends")),
        ("working_hours", ("kind", "minutes")),
        ("treatments", MINUTES),
        ("practitioners", ("max_sessions_per_day",)),
    ):
        for name in names:
            op.drop_column(table, name)
