"""Never give the id of a deleted row to another on SQLite, and let closures add up

A repeated `DELETE .../4` must find nothing, and not the row that was added since. Time off gets a
version, so that `If-Match` works.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLES = ("closures", "time_off", "working_hours", "holds", "absence_proposals")
"""Tables with rows that are deleted, and ids that the API or a page has given away."""

CHANGES = {
    "\tid INTEGER NOT NULL": "\tid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
    "CONSTRAINT pk_{table} PRIMARY KEY (id),": "",
    "CONSTRAINT uq_closures_clinic_id_day UNIQUE (clinic_id, day),": "",
}


def upgrade() -> None:
    op.add_column("time_off", sa.Column("version", sa.Integer, server_default="1", nullable=False))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("uq_closures_clinic_id_day", "closures", type_="unique")
        return
    op.execute("DROP INDEX IF EXISTS uq_closures_clinic_id_day")
    for table in TABLES:
        _rebuild(table)


def downgrade() -> None:
    """Closures that share a day are joined into one for the whole day. Ids stay unused."""
    names = ("id", "clinic_id", "day", "starts", "ends")
    closures = sa.table("closures", *(sa.column(name) for name in names))
    other = closures.alias()
    same = sa.and_(other.c.clinic_id == closures.c.clinic_id, other.c.day == closures.c.day)
    shared = sa.select(1).where(same, other.c.id != closures.c.id).exists()
    later = sa.select(1).where(same, other.c.id < closures.c.id).exists()
    op.execute(closures.update().where(shared).values(starts="00:00", ends="00:00"))
    op.execute(closures.delete().where(later))
    if op.get_bind().dialect.name == "postgresql":
        op.create_unique_constraint("uq_closures_clinic_id_day", "closures", ["clinic_id", "day"])
    else:
        op.create_index("uq_closures_clinic_id_day", "closures", ["clinic_id", "day"], unique=True)
    op.drop_column("time_off", "version")


def _rebuild(table: str) -> None:
    """Create the table again with the changed definition, its rows and its indexes.

    SQLite cannot alter constraints. env.py has switched foreign keys off, so that dropping the old
    table deletes no rows that refer to it, and checks them in the end.
    """
    connection = op.get_bind()
    definitions = "SELECT sql FROM sqlite_master WHERE tbl_name = :table AND type {which}"
    [created] = connection.scalars(
        sa.text(definitions.format(which="= 'table'")), {"table": table}
    ).all()
    if "AUTOINCREMENT" in created:  # a downgrade has left it
        return
    others = connection.scalars(
        sa.text(definitions.format(which="<> 'table' AND sql IS NOT NULL")), {"table": table}
    ).all()
    for old, new in {f"TABLE {table} ": f"TABLE {table}_again ", **CHANGES}.items():
        created = created.replace(old.format(table=table), new)
    op.execute(created)
    op.execute(f"INSERT INTO {table}_again SELECT * FROM {table}")  # noqa: S608 - our own names
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_again RENAME TO {table}")
    for definition in others:
        op.execute(definition)
