"""A patient may want fewer texts, and a wish for none says where it was said"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "patients", sa.Column("texts", sa.String(length=10), server_default="all", nullable=False)
    )
    op.add_column(
        "opt_outs",
        sa.Column("channel", sa.String(length=10), server_default="text", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("opt_outs", "channel")
    op.drop_column("patients", "texts")
