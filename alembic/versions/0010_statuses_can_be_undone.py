"""Let a missed or completed appointment be expected again, at its own time

Staff mark the wrong patient and take it back. Such an appointment kept its diary entries, so it
overlaps nothing.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TRIGGER = "tr_appointments_stay_ended"
SENTENCE = "an appointment that has ended stays ended"

REOPENS = (
    "(OLD.state IN ('no_show', 'completed') AND NEW.state IN ('booked', 'confirmed', 'arrived'))"
)
MOVES = "NEW.starts_at <> OLD.starts_at"
REVIVES_CANCELLED = (
    f"(OLD.state = 'cancelled' AND (NEW.state IN ('arrived', 'completed', 'no_show') OR {MOVES}))"
)


def upgrade() -> None:
    _guard(f"({REOPENS} AND {MOVES}) OR {REVIVES_CANCELLED}")


def downgrade() -> None:
    _guard(f"{REOPENS} OR {REVIVES_CANCELLED}")


def _guard(forbidden: str) -> None:
    """Replace the trigger by one that refuses these changes."""
    before = f"CREATE TRIGGER {TRIGGER} BEFORE UPDATE OF state ON appointments"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {TRIGGER} ON appointments")
        op.execute(
            f"{before} FOR EACH ROW WHEN ({forbidden}) EXECUTE FUNCTION refuse_change('{SENTENCE}')"
        )
        return
    op.execute(f"DROP TRIGGER {TRIGGER}")
    op.execute(f"{before} WHEN {forbidden} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END")
