"""Adds and changes the rules by which a clinic sends messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.infra.errors import Conflict, Invalid
from scheduler.reminders.models import ReminderRule
from scheduler.reminders.outbox import clinic_rules, previews
from scheduler.reminders.outbox.previews import Setting
from scheduler.reminders.texts.default_texts import DEFAULT_RULES
from scheduler.storage.database import stored_id


def find(session: Session, actor: Actor, rule_id: int) -> ReminderRule:
    """A reminder rule at one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, ReminderRule, rule_id)


TIMED_BY = {"anchor", "offset_minutes", "which", "every", "quiet", "useful_minutes", "active"}
"""The fields that decide when a message is due. A change of one resets `holds_from`."""


def add(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    fields: Mapping[str, Any],
    *,
    now: datetime,
    public_url: str,
) -> ReminderRule:
    """Add a rule to those of the clinic."""
    actor.require(stored_id(clinic.id))
    clinic_rules.settle(session, [stored_id(clinic.id)], now=now)
    rule = ReminderRule(clinic_id=stored_id(clinic.id), holds_from=now, **fields)
    return _kept(session, actor, rule, Action.ADDED, Setting(clinic, now, public_url))


def change(
    session: Session,
    actor: Actor,
    rule: ReminderRule,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    public_url: str,
) -> ReminderRule:
    """Change a rule. Owed messages follow it. Sent ones are not sent again."""
    clinic = session.get_one(Clinic, rule.clinic_id)
    if any(getattr(rule, name) != value for name, value in changes.items() if name in TIMED_BY):
        rule.holds_from = now
    for name, value in changes.items():
        setattr(rule, name, value)
    return _kept(session, actor, rule, Action.CHANGED, Setting(clinic, now, public_url))


class AlreadyAdopted(Conflict):
    sentence = "This clinic already has this rule. Change the existing rule instead."

    slug = "already-adopted"


def adopt(
    session: Session, actor: Actor, clinic: Clinic, kind: str, *, now: datetime, public_url: str
) -> ReminderRule:
    """Add a default rule that a clinic does not have.

    Messages that were due before are not sent. Raises AlreadyAdopted if the clinic has a rule of
    that kind, and Invalid for a kind without a default rule.
    """
    clinic_id = stored_id(clinic.id)
    actor.require(clinic_id)
    standard = next((rule for rule in DEFAULT_RULES if rule.kind == kind), None)
    if standard is None:
        kinds = ", ".join(rule.kind for rule in DEFAULT_RULES)
        raise Invalid(f"There is no standard text {kind}. There are {kinds}.", field="kind")
    clinic_rules.settle(session, [clinic_id], now=now)
    clinic_rules.lock(session, [clinic_id])
    if standard not in clinic_rules.not_adopted(session, [clinic_id])[clinic_id]:
        raise AlreadyAdopted
    rule = clinic_rules.row(standard, clinic_id, now)
    rule.holds_from = now
    return _kept(session, actor, rule, Action.ADOPTED, Setting(clinic, now, public_url))


def recheck(session: Session, clinic: Clinic, *, now: datetime, public_url: str) -> None:
    """Raise Invalid if a new name, number or limit of the clinic makes a text too long."""
    for rule in session.exec(
        select(ReminderRule).where(ReminderRule.clinic_id == clinic.id, col(ReminderRule.active))
    ):
        try:
            check_words(Setting(clinic, now, public_url), rule)
        except Invalid as problem:
            raise Invalid(f"The text {rule.kind} would no longer do. {problem.sentence}") from None


def _kept(
    session: Session, actor: Actor, rule: ReminderRule, action: Action, setting: Setting
) -> ReminderRule:
    _check_time(rule)
    check_words(setting, rule)
    rule.changed_at = setting.now
    session.add(rule)
    session.flush()
    audit_trail.record(
        session, actor, action, "reminder rule", rule.id,
        clinic_id=rule.clinic_id, now=setting.now,
    )  # fmt: skip
    return rule


def _check_time(rule: ReminderRule) -> None:
    if rule.useful_minutes <= rule.offset_minutes:
        raise Invalid(
            "A text must expire after it is due. Enter more useful_minutes than offset_minutes.",
            field="useful_minutes",
        )
    if rule.anchor == "booked" and rule.offset_minutes < 0:
        raise Invalid(
            "A text about booking cannot be sent before the booking. Enter 0 or more minutes.",
            field="offset_minutes",
        )
    if rule.anchor == "change" and rule.offset_minutes < 0:
        raise Invalid(
            "A text about a change cannot be sent before the change. Enter 0 or more minutes.",
            field="offset_minutes",
        )
    if (rule.anchor == "change") is not (rule.which in {"moved", "cancelled", "reassigned"}):
        raise Invalid(
            "For a text about a change, `which` is moved, cancelled or reassigned. For other texts"
            " it says for which sessions they are sent.",
            field="which",
        )
    if rule.anchor == "booked" and rule.which not in {"all", "first"}:
        raise Invalid(
            "A text about booking is sent once for the course. Choose `which` all or first.",
            field="which",
        )
    if (rule.which == "every") is not (rule.every > 1):
        raise Invalid(
            "`every` must be at least 2 if `which` is every, and 1 otherwise.",
            field="every",
        )
    if rule.cases and rule.anchor not in {"start", "end"}:
        raise Invalid("Only texts before or after a session have cases.", field="cases")


def check_words(setting: Setting, rule: ReminderRule) -> None:
    """Raise Invalid for templates that cannot be sent, or without English ones as a fallback."""
    sets = {"templates": rule.templates}
    sets |= {f"cases.{case}": templates for case, templates in rule.cases.items()}
    for place, templates in sets.items():
        if languages.SOURCE not in templates:
            raise Invalid("There must be an English text.", field=f"{place}.{languages.SOURCE}")
        for language, template in templates.items():
            try:
                previews.check(setting, template, language)
            except Invalid as problem:
                raise Invalid(problem.sentence, field=f"{place}.{language}") from None
