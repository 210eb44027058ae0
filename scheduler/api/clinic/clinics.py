"""Clinics and their settings. See closures.py for when they are closed."""

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
    Name,
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


def _in_gsm_alphabet(name: str) -> str:
    if segments.count(name).encoding != "GSM-7":
        raise ValueError(
            f"“{name}” contains a character outside the GSM alphabet, which would make every text"
            " two segments long; use plain letters"
        )
    return name


WaitlistMode = Annotated[
    Literal["one_by_one", "first_come", "off"],
    Field(
        description="How a free time is offered to the waitlist: `one_by_one` holds it for one"
        " patient after another, `first_come` offers it to several at once and the first to accept"
        " gets it, `off` offers nothing."
    ),
]
WaitlistMinutes = Annotated[
    int,
    Field(
        strict=True, ge=5, le=720, description="How many minutes an offer of a free time is open."
    ),
]
WaitlistAtOnce = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=50,
        description="For `first_come`: how many patients get an offer at once.",
    ),
]
Accent = Annotated[
    str,
    Field(
        max_length=20,
        examples=["#14574f"],
        description="The color of the patient pages. A color that is too pale to read is refused"
        " with the nearest readable one. Empty: the standard color.",
    ),
]
EmbedOrigins = Annotated[
    list[Text],
    Field(
        max_length=branding.MAX_EMBEDDING_SITES,
        examples=[["https://www.example.org"]],
        description="The only websites that may embed the booking form in a frame.",
    ),
]
TextName = Annotated[Name, AfterValidator(_in_gsm_alphabet)]
Price = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{1,4}(\.[0-9]{1,6})?)?$",
        examples=["0.0083"],
        description="The carrier's price of one segment, in your currency. Empty: unknown.",
    ),
]


class NewClinic(Shape):
    """A new clinic."""

    name: Name = Field(min_length=1, max_length=120, examples=["Willow Acupuncture"])
    text_name: TextName | None = Field(
        None,
        min_length=1,
        max_length=28,
        description="The clinic's name in texts. A neutral name keeps the kind of care private.",
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
        24, strict=True, ge=0, le=336, description="A cancellation with less notice counts as late."
    )
    segments_per_text: int = Field(
        1,
        strict=True,
        ge=1,
        le=4,
        description="The most segments of a reminder; one segment holds 160 characters.",
    )
    segment_price: Price = ""
    insurance_note: Text = Field("", max_length=1000)
    waitlist_mode: WaitlistMode = "one_by_one"
    waitlist_minutes: WaitlistMinutes = 30
    waitlist_at_once: WaitlistAtOnce = 5
    accent: Accent = ""
    embed_origins: EmbedOrigins = Field([])


class ClinicChange(PatchShape):
    """Changes of a clinic. Its time zone cannot change, because sessions were agreed in it."""

    name: Name = Field("", min_length=1, max_length=120)
    text_name: TextName = Field("", min_length=1, max_length=28)
    phone: Text = Field("", min_length=3, max_length=40)
    emergency_phone: Text = Field("", min_length=2, max_length=20)
    language: Spoken = "en"
    quiet_from: ClockTime = "21:00"
    quiet_to: ClockTime = "08:00"
    texts_per_day: int = Field(1, strict=True, ge=1, le=20)
    texts_per_week: int = Field(3, strict=True, ge=1, le=100)
    cancel_notice_hours: int = Field(
        24, strict=True, ge=0, le=336, description="A cancellation with less notice counts as late."
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
    """The clinics that you may see."""
    return pagination.page(pagination.rows(call, Clinic, paging), paging, ClinicShape.of)


@router.post("", status_code=201, response_model=ClinicShape)
@needs(Permission.SET_UP)
def open_clinic(call: Writing, body: NewClinic) -> JSONResponse:
    """Add a clinic. It uses the default reminder rules until you change them."""
    fields = body.model_dump()
    fields["text_name"] = body.text_name or _text_name(body.name)
    clinic = setup.open_clinic(call.session, call.actor, now=call.now, **fields)
    _check_quiet(clinic)
    return call.answer(ClinicShape.of(clinic), status=201, version=clinic.version)


@router.get("/{clinic_id}", response_model=ClinicShape)
@needs(Permission.SEE_CLINIC)
def show_clinic(call: Reading, clinic_id: PathId) -> JSONResponse:
    """One clinic."""
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    return call.answer(ClinicShape.of(clinic), version=clinic.version)


@router.patch("/{clinic_id}", response_model=ClinicShape)
@needs(Permission.SET_UP)
def change_clinic(call: Writing, clinic_id: PathId, body: ClinicChange) -> JSONResponse:
    """Change a clinic. Messages that are not sent yet follow the change."""
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    call.expect(clinic.version)
    setup.change_clinic(call.session, call.actor, clinic, given(body), now=call.now)
    rule_editing.recheck(call.session, clinic, now=call.now, public_url=call.settings.public_url)
    _check_quiet(clinic)
    return call.answer(ClinicShape.of(clinic), version=clinic.version)


def _text_name(name: str) -> str:
    """The clinic's name in the GSM alphabet. Raises Invalid where there is none."""
    plain = segments.plain(name)[:28].strip()
    if segments.count(plain).encoding != "GSM-7":
        raise Invalid(
            f"“{name}” cannot be written in the GSM alphabet of texts. Send a `text_name` in plain"
            " letters.",
            field="text_name",
        )
    return plain


def _check_quiet(clinic: Clinic) -> None:
    """Raises Invalid, which rolls the change back, if quiet hours leave no time to text."""
    QuietHours(
        time.fromisoformat(clinic.quiet_from),
        time.fromisoformat(clinic.quiet_to),
        ZoneInfo(clinic.timezone),
    )
