"""Record in `patients.textable` whether the phone may be texted

Until now every patient had a mobile phone of an allowed country.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "patients", sa.Column("textable", sa.Boolean, server_default=sa.true(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("patients", "textable")
