"""A text to us is kept before it is read, and read again where that failed"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "replies",
        sa.Column("carrier_did", sa.String(length=10), nullable=False, server_default=""),
    )
    for name in ("pictures", "tries"):
        op.add_column("replies", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("replies", sa.Column("next_read_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_replies_unread",
        "replies",
        ["next_read_at"],
        postgresql_where=sa.text("meaning = 'unread'"),
        sqlite_where=sa.text("meaning = 'unread'"),
    )


def downgrade() -> None:
    op.drop_index("ix_replies_unread", table_name="replies")
    for name in ("next_read_at", "tries", "pictures", "carrier_did"):
        op.drop_column("replies", name)
