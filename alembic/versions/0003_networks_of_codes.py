"""A code remembers the network that asked for it, so that one network cannot ask for many"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "phone_codes", sa.Column("network", sa.String(64), nullable=False, server_default="")
    )
    op.create_index("ix_phone_codes_network", "phone_codes", ["network"])


def downgrade() -> None:
    op.drop_index("ix_phone_codes_network", "phone_codes")
    op.drop_column("phone_codes", "network")
