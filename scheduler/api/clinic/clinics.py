"""Clinics. When they are closed: api/closures.py."""

from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field

from scheduler.api.http import pagination
from scheduler.api.http.auth import Reading, Writing, needs
from scheduler.api.http.fields import (
    ClockTime,
    PatchShape,
    PathId,
    Shape,
    Spoken,
    Text,
    given,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.clinic import branding, setup
from scheduler.clinic.models import Clinic
from scheduler.infra.errors import Invalid
from scheduler.reminders.outbox import rule_editing
from scheduler.reminders.schedule import segments
from scheduler.reminders.schedule.quiet_hours import QuietHours
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/clinics", tags=["clinics"])


def _cheap(name: str) -> str:
    if segments.count(name).encoding != "GSM-7":
        raise ValueError("one of these characters would make every text twice as long")
    return name


WaitlistMode = Annotated[
    Literal["one_by_one", "first_come", "off"],
    Field(
        description="How a time that has become free is offered to those on the waitlist: kept for"
        " one after another, offered to several at once (the first has it), or not at all."
    ),
]
WaitlistMinutes = Annotated[
    int, Field(strict=True, ge=5, le=720, description="How long an offer of a free time runs.")
]
WaitlistAtOnce = Annotated[
    int, Field(strict=True, ge=1, le=50, description="For first_come: to how many at once.")
]
Accent = Annotated[
    str,
    Field(
        max_length=20,
        examples=["#14574f"],
        description="Your colour on the patients' pages; one too pale to be read is refused, with"
        " the nearest that can be. Empty: ours.",
    ),
]
EmbedOrigins = Annotated[
    list[Text],
    Field(
        max_length=branding.MOST_ORIGINS,
        examples=[["https://www.example.org"]],
        description="Your websites, which may show the booking form in a frame. Nobody else may.",
    ),
]
TextName = Annotated[Text, AfterValidator(_cheap)]
Price = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{1,4}(\.[0-9]{1,6})?)?$",
        examples=["0.0083"],
        description="What the carrier takes for one segment, in your money; empty: not known.",
    ),
]


class NewClinic(Shape):
    """A clinic that opens."""

    name: Text = Field(min_length=1, max_length=120, examples=["Willow Acupuncture"])
    text_name: TextName | None = Field(
        None,
        min_length=1,
        max_length=28,
        description="What texts call it; a neutral name keeps the kind of care private.",
    )
    timezone: Text = Field(max_length=64, examples=["America/New_York"])
    phone: Text = Field(min_length=3, max_length=40, examples=["+1 202 555 0100"])
    emergency_phone: Text = Field(min_length=2, max_length=20, examples=["911"])
    country: Text = Field(min_length=2, max_length=2, examples=["US"])
    language: Spoken = "en"
    quiet_from: ClockTime = "21:00"
    quiet_to: ClockTime = "08:00"
    texts_per_day: int = Field(1, strict=True, ge=1, le=20)
    texts_per_week: int = Field(3, strict=True, ge=1, le=100)
    cancel_notice_hours: int = Field(
        24, strict=True, ge=0, le=336, description="Cancelled with less notice is cancelled late."
    )
    segments_per_text: int = Field(
        1, strict=True, ge=1, le=4, description="How long a reminder may be; 160 characters each."
    )
    segment_price: Price = ""
    insurance_note: Text = Field("", max_length=1000)
    waitlist_mode: WaitlistMode = "one_by_one"
    waitlist_minutes: WaitlistMinutes = 30
    waitlist_at_once: WaitlistAtOnce = 5
    accent: Accent = ""
    embed_origins: EmbedOrigins = Field([])


class ClinicChange(PatchShape):
    """What is to be different. The time zone stays: sessions were agreed in it."""

    name: Text = Field("", min_length=1, max_length=120)
    text_name: TextName = Field("", min_length=1, max_length=28)
    phone: Text = Field("", min_length=3, max_length=40)
    emergency_phone: Text = Field("", min_length=2, max_length=20)
    language: Spoken = "en"
    quiet_from: ClockTime = "21:00"
    quiet_to: ClockTime = "08:00"
    texts_per_day: int = Field(1, strict=True, ge=1, le=20)
    texts_per_week: int = Field(3, strict=True, ge=1, le=100)
    cancel_notice_hours: int = Field(
        24, strict=True, ge=0, le=336, description="Cancelled with less notice is cancelled late."
    )
    segments_per_text: int = Field(1, strict=True, ge=1, le=4)
    segment_price: Price = ""
    insurance_note: Text = Field("", max_length=1000)
    waitlist_mode: WaitlistMode = "one_by_one"
    waitlist_minutes: WaitlistMinutes = 30
    waitlist_at_once: WaitlistAtOnce = 5
    accent: Accent = ""
    embed_origins: EmbedOrigins = Field([])


class ClinicShape(Shape):
    """A clinic."""

    id: int
    name: str
    text_name: str
    timezone: str
    phone: str
    emergency_phone: str
    country: str
    language: str
    quiet_from: str
    quiet_to: str
    texts_per_day: int
    texts_per_week: int
    cancel_notice_hours: int
    segments_per_text: int
    segment_price: str
    insurance_note: str
    waitlist_mode: str
    waitlist_minutes: int
    waitlist_at_once: int
    accent: str
    embed_origins: list[str]


@router.get("")
@needs(Permission.SEE_CLINIC)
def list_clinics(call: Reading, paging: Paging) -> Page[ClinicShape]:
    """The clinics you may see."""
    return pagination.page(pagination.rows(call, Clinic, paging), paging, _shape)


@router.post("", status_code=201, response_model=ClinicShape)
@needs(Permission.SET_UP)
def open_clinic(call: Writing, body: NewClinic) -> JSONResponse:
    """Open a clinic. It texts by the default reminder rules until you change them."""
    said = body.model_dump()
    said["text_name"] = body.text_name or _text_name(body.name)
    clinic = setup.open_clinic(call.session, call.actor, now=call.now, **said)
    _check_quiet(clinic)
    return call.answer(_shape(clinic), status=201, version=clinic.version)


@router.get("/{clinic_id}", response_model=ClinicShape)
@needs(Permission.SEE_CLINIC)
def show_clinic(call: Reading, clinic_id: PathId) -> JSONResponse:
    """One clinic."""
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    return call.answer(_shape(clinic), version=clinic.version)


@router.patch("/{clinic_id}", response_model=ClinicShape)
@needs(Permission.SET_UP)
def change_clinic(call: Writing, clinic_id: PathId, body: ClinicChange) -> JSONResponse:
    """Change a clinic. Texts that are still owed follow."""
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    call.expect(clinic.version)
    setup.change_clinic(call.session, call.actor, clinic, given(body), now=call.now)
    rule_editing.recheck(call.session, clinic, now=call.now, public_url=call.settings.public_url)
    _check_quiet(clinic)
    return call.answer(_shape(clinic), version=clinic.version)


def _text_name(name: str) -> str:
    """A clinic's name as texts can say it."""
    plain = segments.plain(name)[:28].strip()
    if segments.count(plain).encoding != "GSM-7":
        raise Invalid("Please give a name in plain letters for texts.", field="text_name")
    return plain


def _shape(clinic: Clinic) -> ClinicShape:
    return ClinicShape(**{name: getattr(clinic, name) for name in ClinicShape.model_fields})


def _check_quiet(clinic: Clinic) -> None:
    """Raises Unfit, which undoes the change, for quiet hours that leave no time to text in."""
    QuietHours(
        time.fromisoformat(clinic.quiet_from),
        time.fromisoformat(clinic.quiet_to),
        ZoneInfo(clinic.timezone),
    )
