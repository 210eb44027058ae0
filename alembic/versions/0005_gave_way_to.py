"""Record in `messages.gave_way_to` which limit or other text suppressed a message

Until now the program read it out of the sentence for staff, `messages.reason`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

GAVE_WAY_TO = {
    "Gave way: no more than % a day to one phone.": "daily_cap",
    "Gave way: no more than % in 7 days to one phone.": "weekly_cap",
    "Gave way: it was late, and another text about this session replaced it.": "other_text",
}


def upgrade() -> None:
    op.add_column(
        "messages",
        sa.Column("gave_way_to", sa.String(length=12), server_default="", nullable=False),
    )
    messages = sa.table("messages", sa.column("reason"), sa.column("gave_way_to"))
    for sentence, gave_way_to in GAVE_WAY_TO.items():
        op.execute(
            messages.update()
            .where(messages.c.reason.like(sentence))
            .values(gave_way_to=gave_way_to)
        )


def downgrade() -> None:
    op.drop_column("messages", "gave_way_to")
