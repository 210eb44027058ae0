"""A proposal says until when somebody who is filling the form has a time in its absence"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from scheduler.storage.database import Instant

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("absence_proposals", sa.Column("held_until", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("absence_proposals", "held_until")
