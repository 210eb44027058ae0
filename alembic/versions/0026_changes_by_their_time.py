"""What a clinic changed within an hour is found without reading all its sessions"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    _index("ix_appointments_clinic_news", "news_at")
    _index("ix_appointments_clinic_reassigned", "reassigned_at")


def downgrade() -> None:
    op.drop_index("ix_appointments_clinic_reassigned", table_name="appointments")
    op.drop_index("ix_appointments_clinic_news", table_name="appointments")


def _index(name: str, column: str) -> None:
    """Of the few sessions that the clinic has changed; the others cost nothing."""
    is_changed = sa.text(f"{column} IS NOT NULL")
    op.create_index(
        name,
        "appointments",
        ["clinic_id", column],
        postgresql_where=is_changed,
        sqlite_where=is_changed,
    )
