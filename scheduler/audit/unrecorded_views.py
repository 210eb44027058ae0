"""Views of patient data that the audit trail could not take, because the disk is full.

They are written to a file, and brought into the audit trail when the database can be written again.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import AuditEntry
from scheduler.infra.errors import Unavailable
from scheduler.storage.database import Busy, Database
from scheduler.storage.reserved_file import ReservedFile

LOG = logging.getLogger(__name__)

WITHOUT_SQLITE = Path("data/unrecorded-views")


def file_for(database: Database, configured: str) -> ReservedFile:
    """The file to use. `configured`: the path that the settings name, or an empty string."""
    if configured:
        return ReservedFile(Path(configured))
    if database.is_sqlite:
        return ReservedFile(Path(f"{database.url.database}-views"))
    return ReservedFile(WITHOUT_SQLITE)


def reserve(file: ReservedFile) -> None:
    """Take the file's space on the disk while there is some."""
    try:
        file.reserve()
    except OSError:
        LOG.warning("no space could be reserved for views of patients on a full disk")


def keep(file: ReservedFile, entries: Sequence[AuditEntry]) -> None:
    """Write entries to the file. Raises OSError if that fails too."""
    file.append([entry.model_dump_json(exclude={"id"}) for entry in entries])


def bring_in(database: Database, file: ReservedFile) -> None:
    """Move the entries of the file into the audit trail. Tries again later if that fails."""
    if not file:
        return
    lines = file.lines()
    try:
        with database.transaction() as session:
            for entry in map(_read, lines):
                if not _is_recorded(session, entry):
                    session.add(entry)
    except (Busy, Unavailable):
        return
    file.clear(len(lines))
    LOG.info("%d views of patients were brought into the audit trail", len(lines))


def _read(line: str) -> AuditEntry:
    return AuditEntry.model_validate(json.loads(line))


def _is_recorded(session: Session, entry: AuditEntry) -> bool:
    """Whether the entry was brought in before a crash that left it in the file."""
    statement = select(AuditEntry.id).where(
        col(AuditEntry.at) == entry.at,
        col(AuditEntry.request_id) == entry.request_id,
        col(AuditEntry.subject) == entry.subject,
        col(AuditEntry.subject_id) == entry.subject_id,
    )
    return session.exec(statement).first() is not None
