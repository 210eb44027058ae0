"""A clinic has a colour of its own, and websites that may frame its booking form"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "clinics", sa.Column("accent", sa.String(length=7), server_default="", nullable=False)
    )
    op.add_column(
        "clinics", sa.Column("embed_origins", sa.JSON(), server_default="[]", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("clinics", "embed_origins")
    op.drop_column("clinics", "accent")
