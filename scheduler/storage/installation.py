"""Where a database is at home: a copy of it must text nobody.

A copy, restored on a second server or on somebody's desk, owes every patient the same texts. So the
public address under which it first sent any is kept in it. Under another address nothing is sent
until the operator says that the clinic has moved.
"""

from sqlmodel import Field, Session, SQLModel

from scheduler.infra.errors import Misconfigured
from scheduler.storage.inserts import insert_or_ignore

THE_ONLY_ONE = 1


class Installation(SQLModel, table=True):
    """The one row that says where this database sends texts from."""

    __tablename__ = "installation"

    id: int = Field(default=THE_ONLY_ONE, primary_key=True)
    public_url: str = Field(max_length=500)


def claim_origin(session: Session, public_url: str) -> None:
    """Be at home at a public address, or Misconfigured where another one is home.

    Only an https address becomes a home: others are for trying things out.
    """
    if public_url.startswith("https://"):
        row = {"id": THE_ONLY_ONE, "public_url": public_url}
        insert_or_ignore(session, Installation, [row])
    if objection := foreign_origin(session, public_url):
        raise Misconfigured(objection)


def foreign_origin(session: Session, public_url: str) -> str:
    """Why nothing may be texted from a public address; empty where it may."""
    home = session.get(Installation, THE_ONLY_ONE)
    if home is None or home.public_url == public_url:
        return ""
    return (
        f"This database sends texts for {home.public_url}, but PUBLIC_URL is {public_url}."
        " If it is a copy, set SMS=console. If the clinic has moved, run `scheduler move-house`."
    )


def set_origin(session: Session, public_url: str) -> None:
    """Make another public address the home. Misconfigured if it is not https."""
    if not public_url.startswith("https://"):
        raise Misconfigured("PUBLIC_URL must be the https address that patients will see.")
    session.merge(Installation(public_url=public_url))
    session.flush()
