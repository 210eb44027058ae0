"""Reminder rules: which messages are sent, when, and with which templates."""

from collections.abc import Iterable
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col, select

from scheduler.api.http import pagination
from scheduler.api.http.auth import Looking, Reading, Rehearsing, Writing, needs
from scheduler.api.http.fields import (
    Id,
    PatchShape,
    PathId,
    QueryId,
    Shape,
    Spoken,
    Text,
    given,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.clinic import setup
from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.infra.errors import Invalid
from scheduler.reminders.models import ReminderRule
from scheduler.reminders.outbox import clinic_rules, previews, rule_editing
from scheduler.reminders.outbox.previews import Preview, Setting
from scheduler.reminders.schedule import templating, types
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/reminder-rules", tags=["reminder rules"])

FARTHEST = 90 * 1440
"""The most minutes before or after a session at which a message about it is sent."""

Templates = dict[Spoken, Text]


class RuleFields(Shape):
    """The fields of a rule that can be set."""

    kind: Text = Field("", min_length=1, max_length=30, pattern="^[a-z_]+$", examples=["parking"])
    anchor: Literal["booked", "start", "end", "change"] = "start"
    offset_minutes: int = Field(
        0,
        strict=True,
        ge=-FARTHEST,
        le=FARTHEST,
        examples=[-1440],
        description="Minutes after the anchor. Negative: before it.",
    )
    which: Literal[
        "all", "first", "last", "each_phase", "every", "review", "moved", "cancelled", "reassigned"
    ] = Field(
        "all",
        description="The sessions to send it for. `each_phase`: the first of each phase. `every`:"
        " see the field `every`. `review`: those after which a review is due. `moved`, `cancelled`:"
        " those that the clinic moved or cancelled. `reassigned`: those with another practitioner"
        " at the same time.",
    )
    every: int = Field(
        1,
        strict=True,
        ge=1,
        le=100,
        description="Send for every n-th session when `which` is `every`.",
    )
    quiet: Literal["earlier", "later", "ignore"] = "earlier"
    useful_minutes: int = Field(
        0,
        strict=True,
        ge=-FARTHEST,
        le=FARTHEST,
        examples=[-120],
        description="When the message expires, in minutes after the anchor. Negative: before it.",
    )
    priority: int = Field(0, strict=True, ge=0, le=1000)
    always: bool = Field(
        False, strict=True, description="True: the limits of texts per day and week do not apply."
    )
    active: bool = Field(True, strict=True)
    templates: Templates = Field(
        default_factory=dict,
        min_length=1,
        max_length=20,
        examples=[{"en": "{clinic}: {date} {time}. Parking is behind the house."}],
    )
    cases: dict[Literal["missed", "last", "first", "later"], Templates] = Field(
        default_factory=dict,
        description="Templates for special sessions. If several cases apply, the first in this"
        " order is used: `missed` (the session before was missed), `last`, `first`, `later`.",
        examples=[{"missed": {"en": "{clinic}: we missed you. Next: {date} {time}."}}],
    )


class NewRule(RuleFields):
    """A new rule."""

    clinic_id: Id
    kind: Text = Field(min_length=1, max_length=30, pattern="^[a-z_]+$", examples=["parking"])
    anchor: Literal["booked", "start", "end", "change"]
    offset_minutes: int = Field(strict=True, ge=-FARTHEST, le=FARTHEST, examples=[-1440])
    useful_minutes: int = Field(strict=True, ge=-FARTHEST, le=FARTHEST, examples=[-120])
    templates: Templates = Field(min_length=1, max_length=20)


class RuleChange(RuleFields, PatchShape):
    """Changes of a rule. Messages that are not sent yet follow the change."""


class RuleShape(Shape):
    """A rule. `asked`: it answers the patient and is sent at any hour."""

    id: int | None = Field(description="Null: a dry run; the rule does not exist.")
    clinic_id: int
    kind: str
    anchor: str
    offset_minutes: int
    which: str
    quiet: str
    useful_minutes: int
    priority: int
    always: bool
    asked: bool
    every: int
    active: bool
    templates: dict[str, str]
    cases: dict[str, dict[str, str]]


class StandardRule(RuleFields):
    """A standard rule that new clinics have and this clinic does not."""

    clinic_id: int


class RuleAdoption(Shape):
    """The standard rule to add."""

    clinic_id: Id
    kind: Text = Field(min_length=1, max_length=30, examples=["review"])


class TemplateDraft(Shape):
    """A template to preview. Without `language`, it is previewed in every supported language."""

    clinic_id: Id
    template: Text = Field(min_length=1, max_length=templating.MAX_CHARACTERS)
    language: Spoken | None = None
    recipients: int = Field(1, strict=True, ge=1, le=100_000)


class TemplateCase(Shape):
    """The text of one case, and its cost."""

    language: str
    case: str
    text: str
    encoding: str = Field(description="GSM-7, or UCS-2 with only 70 characters per segment.")
    units: int
    segments: int = Field(description="The number of texts that the carrier bills per recipient.")
    billed: int = Field(description="`segments` times `recipients`.")
    cost: str | None = Field(
        description="In the clinic's currency. Null: it has no `segment_price`."
    )


class TemplatePreview(Shape):
    """The most expensive case of a text, and all its cases."""

    text: str
    encoding: str
    units: int
    segments: int
    billed: int
    cost: str | None
    refusal: str = Field(description="Why the template cannot be saved. Empty: it can.")
    cases: list[TemplateCase]


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_rules(call: Looking, paging: Paging, clinic_id: QueryId = None) -> Page[RuleShape]:
    """The rules of your clinics. A new clinic has the default rules."""
    ids = call.session.exec(
        select(Clinic.id).where(call.actor.scope(col(Clinic.id)))  # type: ignore[arg-type]
    ).all()
    clinic_rules.settle(call.session, [stored_id(found_id) for found_id in ids], now=call.now)
    return pagination.page(
        pagination.rows(call, ReminderRule, paging, clinic_id=clinic_id), paging, RuleShape.of
    )


@router.post("", status_code=201, response_model=RuleShape)
@needs(Permission.SET_REMINDERS)
def add_rule(call: Writing, body: NewRule) -> JSONResponse:
    """Add a rule to a clinic."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    fields = body.model_dump(exclude={"clinic_id"})
    rule = rule_editing.add(
        call.session, call.actor, clinic, fields, now=call.now, public_url=call.settings.public_url
    )
    return call.answer(RuleShape.of(rule), status=201, version=rule.version)


@router.get("/standard")
@needs(Permission.SEE_MESSAGES)
def list_standard_rules(
    call: Reading, paging: Paging, clinic_id: QueryId = None
) -> Page[StandardRule]:
    """The standard rules that your clinics do not have.

    New standard rules are not added to existing clinics. Rules about changes by the clinic are an
    exception: every clinic has them.
    """
    if clinic_id is not None:
        call.actor.require(clinic_id)
    ids = call.session.exec(
        select(Clinic.id).where(call.actor.scope(col(Clinic.id)))  # type: ignore[arg-type]
    ).all()
    wanted = [stored_id(found_id) for found_id in ids if clinic_id in {None, found_id}]
    lacking = [
        (clinic, place, rule)
        for clinic, missing in sorted(clinic_rules.not_adopted(call.session, wanted).items())
        for place, rule in enumerate(missing)
    ]
    after = paging.after(2)
    rest = [row for row in lacking if after is None or list(row[:2]) > after]
    return paging.page(rest, lambda row: _standard(row[2], row[0]), lambda row: [*row[:2]])


@router.post("/standard", status_code=201, response_model=RuleShape)
@needs(Permission.SET_REMINDERS)
def adopt_standard_rule(call: Rehearsing, body: RuleAdoption) -> JSONResponse:
    """Add a standard rule to a clinic. Messages that were due before are not sent."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    rule = rule_editing.adopt(
        call.session,
        call.actor,
        clinic,
        body.kind,
        now=call.now,
        public_url=call.settings.public_url,
    )
    if call.rehearsal:
        return call.answer(RuleShape.of(rule).model_copy(update={"id": None}), status=201)
    return call.answer(RuleShape.of(rule), status=201, version=rule.version)


@router.post("/preview")
@needs(Permission.SEE_MESSAGES)
def preview(call: Reading, body: TemplateDraft) -> TemplatePreview:
    """Preview a template before you save it: every case of the text, and its price."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    setting = Setting(clinic, call.now, call.settings.public_url)
    used_languages = [body.language] if body.language else languages.codes()
    cases = [
        _case(clinic, language, preview, body.recipients)
        for language in used_languages
        for preview in previews.of(setting, body.template, language)
    ]
    dearest = max(cases, key=lambda case: (case.segments, case.units))
    return TemplatePreview(
        **dearest.model_dump(exclude={"language", "case"}),
        refusal=_refusal(setting, body.template, used_languages),
        cases=cases,
    )


@router.get("/{rule_id}", response_model=RuleShape)
@needs(Permission.SEE_MESSAGES)
def show_rule(call: Reading, rule_id: PathId) -> JSONResponse:
    """One rule."""
    rule = rule_editing.find(call.session, call.actor, rule_id)
    return call.answer(RuleShape.of(rule), version=rule.version)


@router.patch("/{rule_id}", response_model=RuleShape)
@needs(Permission.SET_REMINDERS)
def change_rule(call: Writing, rule_id: PathId, body: RuleChange) -> JSONResponse:
    """Change a rule, or switch it off."""
    rule = rule_editing.find(call.session, call.actor, rule_id)
    call.expect(rule.version)
    rule_editing.change(
        call.session,
        call.actor,
        rule,
        given(body),
        now=call.now,
        public_url=call.settings.public_url,
    )
    return call.answer(RuleShape.of(rule), version=rule.version)


def _case(clinic: Clinic, language: str, preview: Preview, recipients: int) -> TemplateCase:
    cost = previews.cost(preview.counted, clinic, recipients)
    return TemplateCase(
        language=language,
        case=preview.case,
        text=preview.text,
        encoding=preview.counted.encoding,
        units=preview.counted.units,
        segments=preview.counted.segments,
        billed=preview.counted.segments * recipients,
        cost=None if cost is None else f"{cost:f}",
    )


def _refusal(setting: Setting, template: str, used_languages: Iterable[str]) -> str:
    try:
        for language in used_languages:
            previews.check(setting, template, language)
    except Invalid as problem:
        return problem.sentence
    return ""


def _standard(rule: types.Rule, clinic_id: int) -> StandardRule:
    cases = {case: dict(templates) for case, templates in rule.cases.items()}
    return StandardRule.of(rule, clinic_id=clinic_id, templates=dict(rule.templates), cases=cases)
