"""The rules by which a clinic sends messages: its own, or the default ones."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

from sqlmodel import Session, col, select

from scheduler.clinic.models import Clinic
from scheduler.reminders.models import ReminderRule
from scheduler.reminders.schedule import types
from scheduler.reminders.texts.default_texts import DEFAULT_RULES
from scheduler.storage.database import stored_id


def settle(session: Session, clinic_ids: Collection[int], *, now: datetime) -> None:
    """Add the default rules to the clinics that have none.

    A clinic that has rules but none about its own changes gets those. A patient without a notice
    would come at the wrong time or meet an unknown practitioner.
    """
    if not _lacking(session, clinic_ids):
        return
    lock(session, clinic_ids)
    for clinic_id, missing in sorted(_lacking(session, clinic_ids).items()):
        session.add_all(row(rule, clinic_id, now) for rule in missing)
    session.flush()


def lock(session: Session, clinic_ids: Collection[int]) -> None:
    """Let one transaction at a time add rules to these clinics.

    Transactions that only refer to a clinic do not wait.
    """
    session.exec(
        select(Clinic.id)
        .where(col(Clinic.id).in_(clinic_ids))
        .order_by(col(Clinic.id))
        .with_for_update(key_share=True)
    ).all()


def not_adopted(session: Session, clinic_ids: Collection[int]) -> dict[int, list[types.Rule]]:
    """By clinic, the default rules of the kinds that it does not have, not even switched off.

    Clinics without any rules are left out, because they get all default rules.
    """
    kinds: dict[int, set[str]] = {}
    for clinic_id, kind in session.exec(
        select(ReminderRule.clinic_id, ReminderRule.kind)
        .where(col(ReminderRule.clinic_id).in_(clinic_ids))
        .distinct()
    ):
        kinds.setdefault(clinic_id, set()).add(kind)
    return {
        clinic_id: [rule for rule in DEFAULT_RULES if rule.kind not in has]
        for clinic_id, has in kinds.items()
    }


def _lacking(session: Session, clinic_ids: Collection[int]) -> dict[int, list[types.Rule]]:
    """By clinic, the default rules that it must get. Clinics that need none are left out."""
    present: dict[int, set[str]] = {clinic_id: set() for clinic_id in clinic_ids}
    for clinic_id, which in session.exec(
        select(ReminderRule.clinic_id, ReminderRule.which)
        .where(col(ReminderRule.clinic_id).in_(clinic_ids))
        .distinct()
    ):
        present[clinic_id].add(which)
    return {
        clinic_id: missing
        for clinic_id, has in present.items()
        if (missing := [rule for rule in DEFAULT_RULES if not has or _is_due(rule, has)])
    }


def _is_due(rule: types.Rule, has: Collection[str]) -> bool:
    return rule.anchor == "change" and rule.which not in has


def of_clinics(session: Session, clinic_ids: Collection[int]) -> dict[int, list[types.Rule]]:
    """The active rules by clinic. A clinic that has none yet gets the default ones."""
    rules: dict[int, list[types.Rule]] = {clinic_id: [] for clinic_id in clinic_ids}
    for row in session.exec(
        select(ReminderRule)
        .where(col(ReminderRule.clinic_id).in_(clinic_ids), col(ReminderRule.active))
        .order_by(col(ReminderRule.id))
    ):
        rules[row.clinic_id].append(as_rule(row))
    # A clinic that has switched off all its rules sends no messages.
    for clinic_id in set(clinic_ids) - _with_rules(session, clinic_ids):
        rules[clinic_id] = list(DEFAULT_RULES)
    return rules


def as_rule(row: ReminderRule) -> types.Rule:
    """A stored rule as the value that the pure rules take."""
    return types.Rule(
        id=str(stored_id(row.id)),
        kind=row.kind,
        anchor=cast("types.Anchor", row.anchor),
        offset_minutes=row.offset_minutes,
        which=cast("types.Which", row.which),
        quiet=cast("types.Quiet", row.quiet),
        useful_minutes=row.useful_minutes,
        priority=row.priority,
        always=row.always,
        asked=row.asked,
        every=row.every,
        holds_from=row.holds_from,
        templates=row.templates,
        cases=row.cases,
    )


def _with_rules(session: Session, clinic_ids: Collection[int]) -> set[int]:
    found: Sequence[int] = session.exec(
        select(ReminderRule.clinic_id).where(col(ReminderRule.clinic_id).in_(clinic_ids)).distinct()
    ).all()
    return set(found)


def row(rule: types.Rule, clinic_id: int, now: datetime) -> ReminderRule:
    """A default rule as a row of a clinic."""
    return ReminderRule(
        clinic_id=clinic_id,
        kind=rule.kind,
        anchor=rule.anchor,
        offset_minutes=rule.offset_minutes,
        which=rule.which,
        quiet=rule.quiet,
        useful_minutes=rule.useful_minutes,
        priority=rule.priority,
        always=rule.always,
        asked=rule.asked,
        every=rule.every,
        templates=dict(rule.templates),
        cases={case: dict(words) for case, words in rule.cases.items()},
        changed_at=now,
    )
