"""A cancelled session may come back, to the time that it had; the others that ended stay ended"""

from collections.abc import Sequence

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "tr_appointments_stay_ended"
SENTENCE = "an appointment that has ended stays ended"
BEFORE = (
    "OLD.state IN ('cancelled', 'no_show', 'completed')"
    " AND NEW.state IN ('booked', 'confirmed', 'arrived')"
)
# Whoever cancelled it takes that back a moment later. It needs its entries in the diary again, as
# each session that takes time does, and so nobody else has got its time meanwhile.
NOW = (
    "(OLD.state IN ('no_show', 'completed') AND NEW.state IN ('booked', 'confirmed', 'arrived'))"
    " OR (OLD.state = 'cancelled' AND (NEW.state IN ('arrived', 'completed', 'no_show')"
    " OR NEW.starts_at <> OLD.starts_at))"
)


def upgrade() -> None:
    """Let go of those that were cancelled."""
    _guard(NOW)


def downgrade() -> None:
    """Hold them as before."""
    _guard(BEFORE)


def _guard(ended: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {NAME} ON appointments")
        op.execute(
            f"CREATE TRIGGER {NAME} BEFORE UPDATE OF state ON appointments"
            f" FOR EACH ROW WHEN ({ended}) EXECUTE FUNCTION refuse_change('{SENTENCE}')"
        )
        return
    op.execute(f"DROP TRIGGER {NAME}")
    op.execute(
        f"CREATE TRIGGER {NAME} BEFORE UPDATE OF state ON appointments WHEN {ended}"
        f" BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
    )
