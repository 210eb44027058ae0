"""News to very many people wait for a confirmation"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "mass_texts",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("people", sa.Integer()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.String(length=60), nullable=False),
        sa.CheckConstraint(
            "state IN ('held', 'confirmed', 'stopped')", name=op.f("ck_mass_texts_state")
        ),
        sa.CheckConstraint("ends_at > begins_at", name=op.f("ck_mass_texts_ends_later")),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_mass_texts_clinic_id_clinics")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mass_texts")),
    )
    op.create_index(op.f("ix_mass_texts_clinic_id"), "mass_texts", ["clinic_id"])


def downgrade() -> None:
    op.drop_table("mass_texts")
