"""A session knows when the clinic changed it, a course when it was cleared"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("appointments", sa.Column("news_at", sa.DateTime(timezone=True)))
    op.add_column("courses", sa.Column("cleared_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("courses", "cleared_at")
    op.drop_column("appointments", "news_at")
