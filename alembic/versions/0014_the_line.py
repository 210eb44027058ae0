"""All workers share one line to the carrier; staff see which texts and phones need them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    line = op.create_table(
        "carrier_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("filled_at", sa.Float(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("shut_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_line")),
    )
    op.bulk_insert(line, [{"id": 1, "filled_at": 0.0, "failures": 0, "trouble": ""}])
    op.add_column(
        "messages",
        sa.Column("for_staff", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "patients",
        sa.Column("phone_trouble", sa.String(length=300), server_default="", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("patients", "phone_trouble")
    op.drop_column("messages", "for_staff")
    op.drop_table("carrier_line")
