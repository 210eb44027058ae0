"""Keeping the rules of a clinic: which texts, around what, in which words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from scheduler import audit
from scheduler.audit import Actor
from scheduler.clinic.models import Clinic
from scheduler.database import known
from scheduler.errors import NotFound, Unfit
from scheduler.reminders import rulebook, wording
from scheduler.reminders.models import ReminderRule


def find(session: Session, actor: Actor, rule_id: int) -> ReminderRule:
    """A rule of one of the actor's clinics; NotFound for any other."""
    rule = session.exec(
        select(ReminderRule).where(
            ReminderRule.id == rule_id, actor.scope(col(ReminderRule.clinic_id))
        )
    ).first()
    if rule is None:
        raise NotFound
    return rule


def add(
    session: Session, actor: Actor, clinic: Clinic, fields: Mapping[str, Any], *, now: datetime
) -> ReminderRule:
    """One more text, beside those that the clinic sends already."""
    actor.require(known(clinic.id))
    rulebook.settle(session, [known(clinic.id)], now=now)
    rule = ReminderRule(clinic_id=known(clinic.id), changed_at=now, **fields)
    return _kept(session, actor, rule, "added", now)


def change(
    session: Session, actor: Actor, rule: ReminderRule, changes: Mapping[str, Any], *, now: datetime
) -> ReminderRule:
    """Change a rule. Texts that are still owed follow."""
    for name, value in changes.items():
        setattr(rule, name, value)
    rule.changed_at = now
    return _kept(session, actor, rule, "changed", now)


def _kept(
    session: Session, actor: Actor, rule: ReminderRule, deed: str, now: datetime
) -> ReminderRule:
    if rule.useful_minutes <= rule.offset_minutes:
        raise Unfit("A text must be of use for a while after it is due.", field="useful_minutes")
    if rule.anchor == "booked" and rule.offset_minutes < 0:
        raise Unfit("Nothing is said of a course before it is booked.", field="offset_minutes")
    if rule.anchor == "change" and rule.offset_minutes < 0:
        raise Unfit("Nothing is said of a change before it is made.", field="offset_minutes")
    if (rule.anchor == "change") is not (rule.which in {"moved", "cancelled"}):
        raise Unfit(
            "A text on a change says which one: moved or cancelled. Other texts say for which"
            " sessions they are.",
            field="which",
        )
    check_templates(rule.templates)
    session.add(rule)
    session.flush()
    audit.record(session, actor, deed, "reminder rule", rule.id, clinic_id=rule.clinic_id, now=now)
    return rule


def check_templates(templates: Mapping[str, str]) -> None:
    """Unfit for words that cannot be sent. There must be English ones: they stand in for others."""
    if "en" not in templates:
        raise Unfit("There must be an English text.", field="templates.en")
    for language, template in templates.items():
        field = f"templates.{language}"
        try:
            used = wording.check(template)
        except Unfit as problem:
            raise Unfit(problem.sentence, field=field) from None
        if strange := used & {"code", "score", "choices", "until"}:
            raise Unfit(f"A reminder has no {{{min(strange)}}}.", field=field)
