"""What is texted, around what, and in which words."""

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
"""How many minutes before or after a session anything may be texted about it."""

Templates = dict[Spoken, Text]


class RuleFields(Shape):
    """What may be said of a rule."""

    kind: Text = Field("", min_length=1, max_length=30, pattern="^[a-z_]+$", examples=["parking"])
    anchor: Literal["booked", "start", "end", "change"] = "start"
    offset_minutes: int = Field(
        0,
        strict=True,
        ge=-FARTHEST,
        le=FARTHEST,
        examples=[-1440],
        description="After the anchor; negative: before it.",
    )
    which: Literal[
        "all", "first", "last", "each_phase", "every", "review", "moved", "cancelled", "reassigned"
    ] = Field(
        "all",
        description="Which sessions: `each_phase`: the first of each phase; `every`: see `every`;"
        " `review`: those after which the treatment's review falls due. `moved`, `cancelled`: what"
        " the clinic changed; `reassigned`: at the same time somebody else gives it.",
    )
    every: int = Field(
        1, strict=True, ge=1, le=100, description="Each so many-th session, where `which` is every."
    )
    quiet: Literal["earlier", "later", "ignore"] = "earlier"
    useful_minutes: int = Field(
        0,
        strict=True,
        ge=-FARTHEST,
        le=FARTHEST,
        examples=[-120],
        description="The last useful moment, after the anchor; negative: before it.",
    )
    priority: int = Field(0, strict=True, ge=0, le=1000)
    always: bool = Field(
        False, strict=True, description="Never gives way to the limit of texts a day and week."
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
        description="Other words for special sessions; of several cases the first of this list"
        " holds: `missed`: the session before was missed.",
        examples=[{"missed": {"en": "{clinic}: we missed you. Next: {date} {time}."}}],
    )


class NewRule(RuleFields):
    """One more text."""

    clinic_id: Id
    kind: Text = Field(min_length=1, max_length=30, pattern="^[a-z_]+$", examples=["parking"])
    anchor: Literal["booked", "start", "end", "change"]
    offset_minutes: int = Field(strict=True, ge=-FARTHEST, le=FARTHEST, examples=[-1440])
    useful_minutes: int = Field(strict=True, ge=-FARTHEST, le=FARTHEST, examples=[-120])
    templates: Templates = Field(min_length=1, max_length=20)


class RuleChange(RuleFields, PatchShape):
    """What is to be different. Texts that are still owed follow."""


class RuleShape(Shape):
    """A rule. `asked`: it answers the patient, and is sent at any hour."""

    id: int | None = Field(description="None: it was only rehearsed, and does not exist.")
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
    """A text that new clinics send, and that this one does not."""

    clinic_id: int


class RuleAdoption(Shape):
    """Which standard text a clinic is to send from now on."""

    clinic_id: Id
    kind: Text = Field(min_length=1, max_length=30, examples=["review"])


class TemplateDraft(Shape):
    """Words to be tried. Without `language` in each one that we have words for."""

    clinic_id: Id
    template: Text = Field(min_length=1, max_length=templating.MAX_CHARACTERS)
    language: Spoken | None = None
    recipients: int = Field(1, strict=True, ge=1, le=100_000)


class TemplateCase(Shape):
    """One case of a text, as it would be sent, and what it costs."""

    language: str
    case: str
    text: str
    encoding: str = Field(description="GSM-7, or UCS-2: then a segment holds 70 characters only.")
    units: int
    segments: int = Field(description="How many texts the carrier bills for each recipient.")
    billed: int = Field(description="Segments times recipients.")
    cost: str | None = Field(description="In the clinic's money, if it has said a segment_price.")


class TemplatePreview(Shape):
    """What a text would look like: the dearest case, and every other one."""

    text: str
    encoding: str
    units: int
    segments: int
    billed: int
    cost: str | None
    refusal: str = Field(description="Why it could not be saved as it is; empty: it could.")
    cases: list[TemplateCase]


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_rules(call: Looking, paging: Paging, clinic_id: QueryId = None) -> Page[RuleShape]:
    """The rules of your clinics; a new clinic has the default ones."""
    ids = call.session.exec(
        select(Clinic.id).where(call.actor.scope(col(Clinic.id)))  # type: ignore[arg-type]
    ).all()
    clinic_rules.settle(call.session, [stored_id(each) for each in ids], now=call.now)
    return pagination.page(
        pagination.rows(call, ReminderRule, paging, clinic_id=clinic_id), paging, _shape
    )


@router.post("", status_code=201, response_model=RuleShape)
@needs(Permission.SET_REMINDERS)
def add_rule(call: Writing, body: NewRule) -> JSONResponse:
    """Add a text to those that a clinic sends."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    fields = body.model_dump(exclude={"clinic_id"})
    rule = rule_editing.add(
        call.session, call.actor, clinic, fields, now=call.now, public_url=call.settings.public_url
    )
    return call.answer(_shape(rule), status=201, version=rule.version)


@router.get("/standard")
@needs(Permission.SEE_MESSAGES)
def list_standard_rules(
    call: Reading, paging: Paging, clinic_id: QueryId = None
) -> Page[StandardRule]:
    """The standard texts that your clinics lack: newer ones are never added to rules of their own.

    Those on what the clinic itself changes are the exception: each clinic has them.
    """
    if clinic_id is not None:
        call.actor.require(clinic_id)
    ids = call.session.exec(
        select(Clinic.id).where(call.actor.scope(col(Clinic.id)))  # type: ignore[arg-type]
    ).all()
    wanted = [stored_id(each) for each in ids if clinic_id in {None, each}]
    lacking = [
        (clinic, place, rule)
        for clinic, missing in sorted(clinic_rules.not_adopted(call.session, wanted).items())
        for place, rule in enumerate(missing)
    ]
    after = paging.after()
    rest = [each for each in lacking if after is None or list(each[:2]) > after]
    return paging.page(rest, lambda each: _standard(each[2], each[0]), lambda each: [*each[:2]])


@router.post("/standard", status_code=201, response_model=RuleShape)
@needs(Permission.SET_REMINDERS)
def adopt_standard_rule(call: Rehearsing, body: RuleAdoption) -> JSONResponse:
    """Let a clinic send a standard text that it lacks. What was due before is not sent."""
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
        return call.answer(_shape(rule).model_copy(update={"id": None}), status=201)
    return call.answer(_shape(rule), status=201, version=rule.version)


@router.post("/preview")
@needs(Permission.SEE_MESSAGES)
def preview(call: Reading, body: TemplateDraft) -> TemplatePreview:
    """Try words before they are saved: each case of the text as it would be sent, and its price."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    setting = Setting(clinic, call.now, call.settings.public_url)
    spoken = [body.language] if body.language else languages.codes()
    cases = [
        _case(clinic, language, preview, body.recipients)
        for language in spoken
        for preview in previews.of(setting, body.template, language)
    ]
    dearest = max(cases, key=lambda case: (case.segments, case.units))
    return TemplatePreview(
        **dearest.model_dump(exclude={"language", "case"}),
        refusal=_refusal(setting, body.template, spoken),
        cases=cases,
    )


@router.get("/{rule_id}", response_model=RuleShape)
@needs(Permission.SEE_MESSAGES)
def show_rule(call: Reading, rule_id: PathId) -> JSONResponse:
    """One rule."""
    rule = rule_editing.find(call.session, call.actor, rule_id)
    return call.answer(_shape(rule), version=rule.version)


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
    return call.answer(_shape(rule), version=rule.version)


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


def _refusal(setting: Setting, template: str, spoken: Iterable[str]) -> str:
    try:
        for language in spoken:
            previews.check(setting, template, language)
    except Invalid as problem:
        return problem.sentence
    return ""


def _standard(rule: types.Rule, clinic_id: int) -> StandardRule:
    return StandardRule(
        clinic_id=clinic_id,
        kind=rule.kind,
        anchor=rule.anchor,
        offset_minutes=rule.offset_minutes,
        which=rule.which,
        every=rule.every,
        quiet=rule.quiet,
        useful_minutes=rule.useful_minutes,
        priority=rule.priority,
        always=rule.always,
        templates=dict(rule.templates),
        cases={case: dict(words) for case, words in rule.cases.items()},
    )


def _shape(rule: ReminderRule) -> RuleShape:
    return RuleShape(**{name: getattr(rule, name) for name in RuleShape.model_fields})
