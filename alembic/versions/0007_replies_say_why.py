"""A reply says why it is before staff, and which sessions were offered in answer to it"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "replies", sa.Column("reason", sa.String(length=300), nullable=False, server_default="")
    )
    op.add_column("replies", sa.Column("offered", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("replies", "offered")
    op.drop_column("replies", "reason")
