"""A waitlist: what would suit whom, and what was offered to them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LIVE = sa.text("state IN ('waiting', 'offered')")
OPEN = sa.text("state = 'open'")
NOT_LOST = sa.text("state <> 'withdrawn'")


def upgrade() -> None:
    for name, kind, default in (
        ("waitlist_mode", sa.String(12), "one_by_one"),
        ("waitlist_minutes", sa.Integer(), "30"),
        ("waitlist_at_once", sa.Integer(), "5"),
    ):
        op.add_column("clinics", sa.Column(name, kind, nullable=False, server_default=default))
    _make_entries()
    _make_offers()


def _make_entries() -> None:
    op.create_table(
        "waitlist_entries",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("treatment_id", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.Integer(), nullable=True),
        sa.Column("wants", sa.String(length=10), nullable=False),
        sa.Column("practitioner_id", sa.Integer(), nullable=True),
        sa.Column("weekdays", sa.JSON(), nullable=False),
        sa.Column("from_minute", sa.Integer(), nullable=True),
        sa.Column("to_minute", sa.Integer(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("need", sa.Integer(), nullable=False),
        sa.Column("need_reason", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "wants IN ('earlier', 'session', 'course')", name=op.f("ck_waitlist_entries_wants")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'offered', 'taken', 'withdrawn', 'expired')",
            name=op.f("ck_waitlist_entries_state"),
        ),
        *_references(
            "waitlist_entries",
            clinic_id="clinics",
            patient_id="patients",
            treatment_id="treatments",
            appointment_id="appointments",
            practitioner_id="practitioners",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entries")),
    )
    for column in ("clinic_id", "patient_id"):
        op.create_index(op.f(f"ix_waitlist_entries_{column}"), "waitlist_entries", [column])
    op.create_index(
        "ix_waitlist_entries_live",
        "waitlist_entries",
        ["clinic_id"],
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )
    op.create_index(
        "ix_waitlist_entries_one_for_a_session",
        "waitlist_entries",
        ["appointment_id"],
        unique=True,
        postgresql_where=LIVE,
        sqlite_where=LIVE,
    )


def _make_offers() -> None:
    op.create_table(
        "waitlist_offers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("practitioner_id", sa.Integer(), nullable=False),
        sa.Column("sessions", sa.JSON(), nullable=False),
        sa.Column("to_several", sa.Boolean(), nullable=False),
        sa.Column("hold_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'declined', 'lapsed', 'withdrawn')",
            name=op.f("ck_waitlist_offers_state"),
        ),
        *_references(
            "waitlist_offers",
            clinic_id="clinics",
            entry_id="waitlist_entries",
            practitioner_id="practitioners",
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"],
            ["holds.id"],
            name=op.f("fk_waitlist_offers_hold_id_holds"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_offers")),
    )
    for column in ("clinic_id", "entry_id", "expires_at"):
        op.create_index(op.f(f"ix_waitlist_offers_{column}"), "waitlist_offers", [column])
    op.create_index(
        "ix_waitlist_offers_one_open",
        "waitlist_offers",
        ["entry_id"],
        unique=True,
        postgresql_where=OPEN,
        sqlite_where=OPEN,
    )
    op.create_index(
        "ix_waitlist_offers_never_twice",
        "waitlist_offers",
        ["entry_id", "starts_at"],
        unique=True,
        postgresql_where=NOT_LOST,
        sqlite_where=NOT_LOST,
    )


def _references(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([own], [f"{other}.id"], name=op.f(f"fk_{table}_{own}_{other}"))
        for own, other in columns.items()
    ]


def downgrade() -> None:
    op.drop_table("waitlist_offers")
    op.drop_table("waitlist_entries")
    for name in ("waitlist_at_once", "waitlist_minutes", "waitlist_mode"):
        op.drop_column("clinics", name)
