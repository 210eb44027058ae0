"""A rule knows the cases of a course, a clinic how long its texts may be, a score its review"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "reminder_rules", sa.Column("every", sa.Integer(), nullable=False, server_default="1")
    )
    op.add_column(
        "reminder_rules", sa.Column("cases", sa.JSON(), nullable=False, server_default="{}")
    )
    op.add_column("reminder_rules", sa.Column("holds_from", sa.DateTime(timezone=True)))
    op.add_column(
        "clinics", sa.Column("segments_per_text", sa.Integer(), nullable=False, server_default="1")
    )
    op.add_column(
        "clinics", sa.Column("segment_price", sa.String(12), nullable=False, server_default="")
    )
    op.add_column(
        "scores", sa.Column("review", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("scores", "review")
    op.drop_column("clinics", "segment_price")
    op.drop_column("clinics", "segments_per_text")
    op.drop_column("reminder_rules", "holds_from")
    op.drop_column("reminder_rules", "cases")
    op.drop_column("reminder_rules", "every")
