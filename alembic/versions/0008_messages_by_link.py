"""Find the messages that refer to a phone code or a link, before one of these is deleted"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

COLUMNS = ("phone_code_id", "link_id")


def upgrade() -> None:
    for column in COLUMNS:
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_messages_{column}",
            "messages",
            [column],
            postgresql_where=there,
            sqlite_where=there,
        )


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(f"ix_messages_{column}", table_name="messages")
