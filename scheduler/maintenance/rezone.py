"""Adapts instants and texts to new zone data, when a process starts or an operator asks.

One transaction does all of it. Processes that start at the same time wait, and find it done.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.zone_rule_changes import rezoning
from scheduler.booking.zone_rule_changes.rezoning import Outlook
from scheduler.clinic import zone_rules
from scheduler.infra.errors import Misconfigured
from scheduler.reminders.kinds import zone_rule_changes
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

ATTEMPTS = 3
MAX_LINES = 200
"""How many changes are printed. The audit trail has them all."""


@dataclass(frozen=True)
class Report:
    """The shifts, the conflicts, and how many texts had already given an old time."""

    version: str
    outlook: Outlook
    texts_gone: int = 0

    def sentences(self) -> Iterator[str]:
        """The report for staff, clashes first."""
        clashes, shifts = self.outlook.clashes, self.outlook.shifts
        changes = [f"CLASH {clash.sentence}" for clash in clashes]
        changes += [rezoning.sentence(shift) for shift in shifts]
        yield from changes[:MAX_LINES]
        if len(changes) > MAX_LINES:
            yield f"And {len(changes) - MAX_LINES} more: see the audit trail."
        if self.texts_gone:
            yield (
                f"{self.texts_gone} texts about these had been sent. The wall times in them are"
                " still right, so none is sent again."
            )
        yield (
            f"With zone data {self.version}: {len(shifts)} moved with the clock,"
            f" {len(clashes)} could not."
        )


def run(
    database: Database, actor: Actor, *, now: datetime, version: str, dry_run: bool = False
) -> Report:
    """Move all instants with the clock, or with `dry_run` only report what would move.

    `version`: that of this process's zone data. Raises Misconfigured if the database is newer.
    """
    if dry_run:
        with database.transaction(write=False) as session:
            return Report(version, _find_shifts(session, now))
    for _ in range(ATTEMPTS - 1):
        try:
            return _run(database, actor, now, version)
        except Busy:
            LOG.info("another transaction changed the calendars; retrying")
    return _run(database, actor, now, version)


def at_start(database: Database, actor: Actor, *, now: datetime, version: str) -> Report | None:
    """Like `run`, if the zone data is newer than in the database; None if it is the same.

    Raises Misconfigured if it is older.
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
        # Other processes that start now wait here.
        before = zone_rules.noted(session, for_update=True)
        if objection := zone_rules.objection(session, version):
            raise Misconfigured(objection)
        names = zone_rules.zones_of_clinics(session)
        outlook = _find_shifts(session, now)
        rezoning.apply(session, actor, outlook, now=now)
        moments = {
            shift.key[1]: zone_rule_changes.Shift(*rezoning.utc_of(shift))
            for shift in outlook.shifts
            if shift.key[0] == "appointment"
        }
        gone = zone_rule_changes.follow(session, moments)
        zone_rules.note_new(session, names, now=now, version=version)
        stale = [name for name, (known, _) in before.items() if known != version]
        zone_rules.note(session, stale, version=version, now=now)
        if stale or outlook.shifts:
            audit_trail.record(
                session,
                actor,
                Action.TOOK_ZONE_DATA,
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


def _find_shifts(session: Session, now: datetime) -> Outlook:
    noted = {name: rules for name, (_, rules) in zone_rules.noted(session).items()}
    return rezoning.find_shifts(session, noted, now=now)
