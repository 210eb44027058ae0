"""A session knows when the clinic gave it to somebody else, and to whom"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("appointments", sa.Column("reassigned_at", sa.DateTime(timezone=True)))
    op.add_column(
        "appointments", sa.Column("givers", sa.JSON(), nullable=False, server_default="[]")
    )


def downgrade() -> None:
    op.drop_column("appointments", "givers")
    op.drop_column("appointments", "reassigned_at")
