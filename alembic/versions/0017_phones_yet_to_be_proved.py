"""A form says which phone it keeps times for, until that phone is proved"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "enquiries",
        sa.Column("unproved_phone", sa.String(length=16), server_default="", nullable=False),
    )
    op.create_index(op.f("ix_enquiries_unproved_phone"), "enquiries", ["unproved_phone"])


def downgrade() -> None:
    op.drop_index(op.f("ix_enquiries_unproved_phone"), table_name="enquiries")
    op.drop_column("enquiries", "unproved_phone")
