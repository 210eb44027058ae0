"""Keeping the rules of a clinic: which texts, around what, in which words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from scheduler.audit import audit_trail, scoped
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
"""What says when a text is owed. With a change of these a rule begins anew: see `holds_from`."""


def add(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    fields: Mapping[str, Any],
    *,
    now: datetime,
    public_url: str,
) -> ReminderRule:
    """One more text, beside those that the clinic sends already."""
    actor.require(stored_id(clinic.id))
    clinic_rules.settle(session, [stored_id(clinic.id)], now=now)
    rule = ReminderRule(clinic_id=stored_id(clinic.id), holds_from=now, **fields)
    return _kept(session, actor, rule, "added", Setting(clinic, now, public_url))


def change(
    session: Session,
    actor: Actor,
    rule: ReminderRule,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    public_url: str,
) -> ReminderRule:
    """Change a rule. Texts that are still owed follow; those that were sent are not sent again."""
    clinic = session.get_one(Clinic, rule.clinic_id)
    if any(getattr(rule, name) != value for name, value in changes.items() if name in TIMED_BY):
        rule.holds_from = now
    for name, value in changes.items():
        setattr(rule, name, value)
    return _kept(session, actor, rule, "changed", Setting(clinic, now, public_url))


class AlreadyAdopted(Conflict):
    sentence = "This clinic has a text of that kind. Change that one instead."

    slug = "already-adopted"


def adopt(
    session: Session, actor: Actor, clinic: Clinic, kind: str, *, now: datetime, public_url: str
) -> ReminderRule:
    """Give a clinic a standard rule that it lacks, in the standard words.

    It holds from now on: what was due before is not sent. AlreadyAdopted where there is one of
    that kind; Unfit for a kind that is no standard one.
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
    return _kept(session, actor, rule, "adopted", Setting(clinic, now, public_url))


def recheck(session: Session, clinic: Clinic, *, now: datetime, public_url: str) -> None:
    """Unfit where a new name, number or limit of the clinic makes one of its texts too long."""
    for rule in session.exec(
        select(ReminderRule).where(ReminderRule.clinic_id == clinic.id, col(ReminderRule.active))
    ):
        try:
            check_words(Setting(clinic, now, public_url), rule)
        except Invalid as problem:
            raise Invalid(f"The text {rule.kind} would no longer do. {problem.sentence}") from None


def _kept(
    session: Session, actor: Actor, rule: ReminderRule, deed: str, setting: Setting
) -> ReminderRule:
    _check_time(rule)
    check_words(setting, rule)
    rule.changed_at = setting.now
    session.add(rule)
    session.flush()
    audit_trail.record(
        session, actor, deed, "reminder rule", rule.id,
        clinic_id=rule.clinic_id, now=setting.now,
    )  # fmt: skip
    return rule


def _check_time(rule: ReminderRule) -> None:
    if rule.useful_minutes <= rule.offset_minutes:
        raise Invalid("A text must be of use for a while after it is due.", field="useful_minutes")
    if rule.anchor == "booked" and rule.offset_minutes < 0:
        raise Invalid("Nothing is said of a course before it is booked.", field="offset_minutes")
    if rule.anchor == "change" and rule.offset_minutes < 0:
        raise Invalid("Nothing is said of a change before it is made.", field="offset_minutes")
    if (rule.anchor == "change") is not (rule.which in {"moved", "cancelled", "reassigned"}):
        raise Invalid(
            "A text on a change says which one: moved, cancelled or reassigned. Other texts say"
            " for which sessions they are.",
            field="which",
        )
    if rule.anchor == "booked" and rule.which not in {"all", "first"}:
        raise Invalid("A text on booking is sent once for the whole course.", field="which")
    if (rule.which == "every") is not (rule.every > 1):
        raise Invalid(
            "Say `every` how many sessions, at least 2, where `which` is every, and nowhere else.",
            field="every",
        )
    if rule.cases and rule.anchor not in {"start", "end"}:
        raise Invalid("Only texts before or after a session have cases.", field="cases")


def check_words(setting: Setting, rule: ReminderRule) -> None:
    """Unfit for words that cannot be sent. There must be English ones: they stand in for others."""
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
