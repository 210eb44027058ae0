"""The audit trail: each action with its actor, instant and network address.

An entry is written in the transaction of its action and never changed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, true
from sqlalchemy.orm import Mapped
from sqlmodel import JSON, Field, Session, SQLModel

from scheduler.audit.actions import Action
from scheduler.infra.errors import NotFound
from scheduler.storage.database import Instant


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person or program that acts. `clinic_ids` None: every clinic."""

    kind: str
    """staff, patient, carrier, worker or operator"""
    id: int | None = None
    role: str | None = None
    clinic_ids: frozenset[int] | None = None
    origin: str = ""
    """The network address, as far as it is known."""
    request_id: str = ""

    def sees(self, clinic_id: int) -> bool:
        """Whether the clinic is one of this actor's."""
        return self.clinic_ids is None or clinic_id in self.clinic_ids

    def scope(self, clinic_id: Mapped[int]) -> ColumnElement[bool]:
        """The condition that keeps a query inside this actor's clinics."""
        if self.clinic_ids is None:
            return true()
        return clinic_id.in_(self.clinic_ids)

    def require(self, clinic_id: int) -> None:
        """Raise NotFound for another clinic, as if it did not exist."""
        if not self.sees(clinic_id):
            raise NotFound


WORKER = Actor(kind="worker")
OPERATOR = Actor(kind="operator")
CARRIER = Actor(kind="carrier")
CLINICS = "clinics of audit entries"
"""The key in `Session.info`."""


class AuditEntry(SQLModel, table=True):
    """One action. Rows are only added: the database refuses to change or delete them."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject", "subject", "subject_id"),)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Instant, index=True)
    actor_kind: str = Field(max_length=20)
    actor_id: int | None = None
    clinic_id: int | None = Field(default=None, index=True)
    action: str = Field(max_length=60, sa_column_kwargs={"name": "deed"})
    subject: str = Field(max_length=40)
    subject_id: int | None = None
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    origin: str = Field(default="", max_length=64)
    request_id: str = Field(default="", max_length=64)


def entry(
    actor: Actor,
    action: Action,
    subject: str,
    subject_id: int | None,
    *,
    clinic_id: int | None,
    now: datetime,
    **details: Any,
) -> AuditEntry:
    """An entry that is not recorded yet.

    `details` hold ids, times and names of fields; never a patient's name, number or answers.
    """
    return AuditEntry(
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        clinic_id=clinic_id,
        action=action,
        subject=subject,
        subject_id=subject_id,
        details=details,
        origin=actor.origin,
        request_id=actor.request_id,
    )


def record(
    session: Session,
    actor: Actor,
    action: Action,
    subject: str,
    subject_id: int | None,
    *,
    clinic_id: int | None,
    now: datetime,
    **details: Any,
) -> None:
    """Record an action, such as `record(session, actor, Action.MOVED, "appointment", 7, ...)`.

    `details`: see `entry`.
    """
    add(session, entry(actor, action, subject, subject_id, clinic_id=clinic_id, now=now, **details))


def add(session: Session, new: AuditEntry) -> None:
    """Record an entry, and note its clinic as one that the transaction is about."""
    session.add(new)
    if new.clinic_id is not None:
        session.info.setdefault(CLINICS, set()).add(new.clinic_id)


def clinics_of(session: Session) -> frozenset[int]:
    """The clinics of the entries that this session has recorded."""
    return frozenset(session.info.get(CLINICS, ()))
