"""The public address that a database sends texts for, so that a copy of it sends none.

A copy, restored on a second server or on a laptop, holds the same due texts. So the database stores
the public address under which it first sent texts. Under another address it sends none until an
operator confirms the new address (`scheduler set-origin`).
"""

from sqlmodel import Field, Session, SQLModel

from scheduler.infra.errors import Misconfigured
from scheduler.storage.inserts import insert_or_ignore

INSTALLATION_ROW_ID = 1


class Installation(SQLModel, table=True):
    """The only row: the public address that this database sends texts for."""

    __tablename__ = "installation"

    id: int = Field(default=INSTALLATION_ROW_ID, primary_key=True)
    public_url: str = Field(max_length=500)


def claim_origin(session: Session, public_url: str) -> None:
    """Store the public address if none is stored. Raises Misconfigured if another one is.

    Only https addresses are stored: others are for trials.
    """
    if public_url.startswith("https://"):
        row = {"id": INSTALLATION_ROW_ID, "public_url": public_url}
        insert_or_ignore(session, Installation, [row])
    if objection := foreign_origin(session, public_url):
        raise Misconfigured(objection)


def foreign_origin(session: Session, public_url: str) -> str:
    """Why no text may be sent for a public address; empty if texts may be sent."""
    installation = session.get(Installation, INSTALLATION_ROW_ID)
    if installation is None or installation.public_url == public_url:
        return ""
    return (
        f"This database sends texts for {installation.public_url}, but PUBLIC_URL is {public_url}."
        " If it is a copy, set SMS=console. If the clinic has moved, run `scheduler set-origin`."
    )


def set_origin(session: Session, public_url: str) -> None:
    """Store another public address. Raises Misconfigured if it is not https."""
    if not public_url.startswith("https://"):
        raise Misconfigured(
            f"PUBLIC_URL is {public_url}. Set it to the https address that patients will see."
        )
    session.merge(Installation(public_url=public_url))
    session.flush()
