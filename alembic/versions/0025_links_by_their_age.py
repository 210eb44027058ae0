"""The newest links of a purpose are found without reading all links that there ever were"""

from collections.abc import Sequence

from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_links_purpose_created", "links", ["purpose", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_links_purpose_created", table_name="links")
