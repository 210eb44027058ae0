"""What is texted, around what, and in which words."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col, select

from scheduler import languages
from scheduler.api import lists
from scheduler.api.entry import Call, Looking, Reading, Writing, needs
from scheduler.api.lists import Part
from scheduler.api.shapes import Change, Id, Language, Page, PathId, QueryId, Shape, Text, given
from scheduler.clinic import setup
from scheduler.clinic.models import Clinic
from scheduler.database import known
from scheduler.reminders import outbox, rulebook, rules, segments, wording
from scheduler.reminders.models import ReminderRule
from scheduler.staff.roles import Deed

router = APIRouter(prefix="/reminder-rules", tags=["reminder rules"])

FARTHEST = 90 * 1440
"""How many minutes before or after a session anything may be texted about it."""

Templates = dict[Language, Text]


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
    which: Literal["all", "first", "last", "moved", "cancelled"] = "all"
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


class NewRule(RuleFields):
    """One more text."""

    clinic_id: Id
    kind: Text = Field(min_length=1, max_length=30, pattern="^[a-z_]+$", examples=["parking"])
    anchor: Literal["booked", "start", "end", "change"]
    offset_minutes: int = Field(strict=True, ge=-FARTHEST, le=FARTHEST, examples=[-1440])
    useful_minutes: int = Field(strict=True, ge=-FARTHEST, le=FARTHEST, examples=[-120])
    templates: Templates = Field(min_length=1, max_length=20)


class RuleChange(RuleFields, Change):
    """What is to be different. Texts that are still owed follow."""


class RuleShape(Shape):
    """A rule. `asked`: it answers the patient, and is sent at any hour."""

    id: int
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
    active: bool
    templates: dict[str, str]


class Draft(Shape):
    """Words to be tried."""

    clinic_id: Id
    template: Text = Field(min_length=1, max_length=wording.LONGEST)
    language: Language = "en"


class Preview(Shape):
    """What a text would look like, and what it costs."""

    text: str
    encoding: str = Field(description="GSM-7, or UCS-2: then a segment holds 70 characters only.")
    units: int
    segments: int = Field(description="How many texts the carrier bills.")


@router.get("")
@needs(Deed.SEE_MESSAGES)
def list_rules(call: Looking, part: Part, clinic_id: QueryId = None) -> Page[RuleShape]:
    """The rules of your clinics; a new clinic has the default ones."""
    ids = call.session.exec(
        select(Clinic.id).where(call.actor.scope(col(Clinic.id)))  # type: ignore[arg-type]
    ).all()
    rulebook.settle(call.session, [known(each) for each in ids], now=call.now)
    return lists.page(lists.rows(call, ReminderRule, part, clinic_id=clinic_id), part, _shape)


@router.post("", status_code=201, response_model=RuleShape)
@needs(Deed.SET_REMINDERS)
def add_rule(call: Writing, body: NewRule) -> JSONResponse:
    """Add a text to those that a clinic sends."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    fields = body.model_dump(exclude={"clinic_id"})
    rule = rules.add(call.session, call.actor, clinic, fields, now=call.now)
    return call.answer(_shape(rule), status=201, version=rule.version)


@router.post("/preview")
@needs(Deed.SEE_MESSAGES)
def preview(call: Reading, body: Draft) -> Preview:
    """Try words before they are saved: the text, with an example's date, and its price."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    text = wording.render(body.template, _example(call, clinic, body.language))
    counted = segments.count(text)
    return Preview(
        text=text, encoding=counted.encoding, units=counted.units, segments=counted.segments
    )


@router.get("/{rule_id}", response_model=RuleShape)
@needs(Deed.SEE_MESSAGES)
def show_rule(call: Reading, rule_id: PathId) -> JSONResponse:
    """One rule."""
    rule = rules.find(call.session, call.actor, rule_id)
    return call.answer(_shape(rule), version=rule.version)


@router.patch("/{rule_id}", response_model=RuleShape)
@needs(Deed.SET_REMINDERS)
def change_rule(call: Writing, rule_id: PathId, body: RuleChange) -> JSONResponse:
    """Change a rule, or switch it off."""
    rule = rules.find(call.session, call.actor, rule_id)
    call.expect(rule.version)
    rules.change(call.session, call.actor, rule, given(body), now=call.now)
    return call.answer(_shape(rule), version=rule.version)


def _example(call: Call, clinic: Clinic, language: str) -> dict[str, str]:
    today = call.now.astimezone(ZoneInfo(clinic.timezone))
    session_at = datetime(today.year, 11, 30, 10, 20, tzinfo=today.tzinfo)
    clock = wording.clock_of(clinic.country)
    return {
        **outbox.fields_of(clinic),
        **wording.when(session_at, languages.of(language), clock),
        "number": "10",
        "total": "12",
    }


def _shape(rule: ReminderRule) -> RuleShape:
    return RuleShape(**{name: getattr(rule, name) for name in RuleShape.model_fields})
