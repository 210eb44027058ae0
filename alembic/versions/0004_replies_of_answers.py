"""Record in `messages.reply_id` which reply a message answers

Until now the program read the id out of the key of the message, `answer:{reply}:{kind}`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

REPLY_IN_KEY = {
    "postgresql": "split_part(key, ':', 2)",
    "sqlite": "substr(key, 8, instr(substr(key, 8), ':') - 1)",
}


def upgrade() -> None:
    reply = sa.ForeignKey("replies.id", name="fk_messages_reply_id_replies")
    op.add_column("messages", sa.Column("reply_id", sa.Integer(), reply), inline_references=True)
    reply_in_key = REPLY_IN_KEY[op.get_context().dialect.name]
    op.execute(
        f"UPDATE messages SET reply_id = CAST({reply_in_key} AS INTEGER)"  # noqa: S608 - a constant
        " WHERE key LIKE 'answer:%'"
    )


def downgrade() -> None:
    op.drop_column("messages", "reply_id")
