"""The chore at a start: when the zone data is another than before, instants and texts follow it.

In one transaction, whoever starts first; the others wait and find it done.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from scheduler.audit import audit_trail
from scheduler.audit.audit_trail import Actor
from scheduler.booking.zone_changes import rezoning
from scheduler.booking.zone_changes.rezoning import Outlook
from scheduler.clinic import zone_rules
from scheduler.infra.errors import Misconfigured
from scheduler.reminders.kinds import zone_changes
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

TRIES = 3
MOST_SENTENCES = 200
"""No more are printed; the audit trail has them all."""


@dataclass(frozen=True)
class Report:
    """What followed the clock, what could not, and how many texts about it had gone out."""

    version: str
    outlook: Outlook
    texts_gone: int = 0

    def sentences(self) -> Iterator[str]:
        """What staff have to know, the clashes first."""
        clashes, shifts = self.outlook.clashes, self.outlook.shifts
        told = [f"CLASH {clash.sentence}" for clash in clashes]
        told += [rezoning.sentence(shift) for shift in shifts]
        yield from told[:MOST_SENTENCES]
        if len(told) > MOST_SENTENCES:
            yield f"And {len(told) - MOST_SENTENCES} more: see the audit trail."
        if self.texts_gone:
            yield (
                f"{self.texts_gone} texts about these had gone out. The times that they name hold;"
                " none is sent again."
            )
        yield (
            f"By zone data {self.version}: {len(shifts)} followed the clock,"
            f" {len(clashes)} could not."
        )


def run(
    database: Database, actor: Actor, *, now: datetime, version: str, dry_run: bool = False
) -> Report:
    """Let everything follow the clock. `dry_run`: only say what would. Misconfigured: we are old.

    `version`: of the zone data that this process has.
    """
    if dry_run:
        with database.transaction(write=False) as session:
            return Report(version, _look(session, now))
    for _ in range(TRIES - 1):
        try:
            return _run(database, actor, now, version)
        except Busy:
            LOG.info("somebody else changed the calendars meanwhile; looking again")
    return _run(database, actor, now, version)


def at_start(database: Database, actor: Actor, *, now: datetime, version: str) -> Report | None:
    """The same, if the zone data is newer than what the database knows; None where it is not.

    Misconfigured where it is older.
    """
    with database.transaction(write=False) as session:
        noted = zone_rules.noted(session)
        stale = {name for name, (known, _) in noted.items() if known != version}
        unknown = set(zone_rules.zones_of_clinics(session)) - set(noted)
    if not stale and not unknown:
        return None
    report = run(database, actor, now=now, version=version)
    for clash in report.outlook.clashes:
        LOG.warning("%s", clash.sentence)
    return report


def _run(database: Database, actor: Actor, now: datetime, version: str) -> Report:
    with database.transaction() as session:
        # Others who start now wait here, and then find that nothing is left to be done.
        before = zone_rules.noted(session, for_update=True)
        if objection := zone_rules.objection(session, version):
            raise Misconfigured(objection)
        names = zone_rules.zones_of_clinics(session)
        outlook = _look(session, now)
        rezoning.apply(session, actor, outlook, now=now)
        moments = {
            shift.key[1]: zone_changes.Shift(*rezoning.utc_of(shift))
            for shift in outlook.shifts
            if shift.key[0] == "appointment"
        }
        gone = zone_changes.follow(session, moments)
        zone_rules.note_new(session, names, now=now, version=version)
        stale = [name for name, (known, _) in before.items() if known != version]
        zone_rules.note(session, stale, version=version, now=now)
        if stale or outlook.shifts:
            audit_trail.record(
                session,
                actor,
                "took zone data",
                "installation",
                None,
                clinic_id=None,
                now=now,
                version=version,
                followed=len(outlook.shifts),
                clashes=len(outlook.clashes),
                texts_gone=gone,
            )
    return Report(version, outlook, gone)


def _look(session: Session, now: datetime) -> Outlook:
    noted = {name: rules for name, (_, rules) in zone_rules.noted(session).items()}
    return rezoning.find_shifts(session, noted, now=now)
