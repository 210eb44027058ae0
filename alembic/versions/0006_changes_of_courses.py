"""A course says why it is off its pace; make-up sessions, late cancellations, a fast history"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("courses", sa.Column("marks", sa.JSON(), nullable=False, server_default="[]"))
    for name in ("make_up", "cancelled_late"):
        op.add_column(
            "appointments",
            sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    op.add_column(
        "clinics",
        sa.Column("cancel_notice_hours", sa.Integer(), nullable=False, server_default="24"),
    )
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject", "subject_id"])


def downgrade() -> None:
    op.drop_index("ix_audit_entries_subject", table_name="audit_entries")
    op.drop_column("clinics", "cancel_notice_hours")
    op.drop_column("appointments", "cancelled_late")
    op.drop_column("appointments", "make_up")
    op.drop_column("courses", "marks")
