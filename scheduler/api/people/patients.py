"""Patients. Each look at one is written down."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session, col

from scheduler.api.http import pagination
from scheduler.api.http.auth import Call, Looking, Writing, needs
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
from scheduler.booking.courses import courses
from scheduler.clinic import setup
from scheduler.clinic.models import Clinic
from scheduler.infra import phone
from scheduler.patients import consent, register, screening
from scheduler.patients.models import Patient, Screening
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/patients", tags=["patients"])

Answer = Literal["no", "yes", "unsure"]


class PatientFields(Shape):
    """Somebody who is treated."""

    name: Text = Field(min_length=1, max_length=register.MAX_NAME, examples=["Ann Example"])
    phone: Text = Field(min_length=3, max_length=phone.MAX_TYPED, examples=["(202) 555-0101"])
    language: Spoken = "en"
    sms_consent: bool = Field(
        False,
        strict=True,
        description="The patient has agreed to texts, in the words that the clinic shows.",
    )
    screening: dict[str, Answer] | None = Field(
        None,
        max_length=len(screening.QUESTIONS),
        description="Answers to: " + ", ".join(question.key for question in screening.QUESTIONS),
    )


class NewPatient(PatientFields):
    """Somebody who is treated, at one clinic."""

    clinic_id: Id


class PatientChange(PatchShape):
    """What is to be different. A new phone has yet to be proved."""

    name: Text = Field("", min_length=1, max_length=register.MAX_NAME)
    phone: Text = Field("", min_length=3, max_length=phone.MAX_TYPED)
    language: Spoken = "en"
    sms_consent: bool = Field(False, strict=True)
    texts: Literal["all", "fewer"] = "all"


class NoTextsReason(Shape):
    """Why somebody gets no texts. START, texted by that phone, lifts a STOP; one that was said on
    the private page can also be taken back there.
    """

    reason: str
    since: str | None
    words: str = Field(description="What they texted, where they did.")


class PatientShape(Shape):
    """A patient. Answers about health are not told here."""

    id: int
    clinic_id: int
    name: str
    phone: str
    phone_proved: bool
    phone_trouble: str = Field(
        description="Why texts do not reach this phone, as the carrier says; empty if they do."
    )
    language: str
    sms_consent: bool
    texts: Literal["all", "fewer"] = Field(
        description="`fewer`: a reminder before each session and news of changes, no more."
    )
    no_texts: NoTextsReason | None = Field(description="Null: the patient is texted.")


@router.get("")
@needs(Permission.SEE_PATIENTS)
def list_patients(call: Looking, paging: Paging, clinic_id: QueryId = None) -> Page[PatientShape]:
    """The patients of your clinics. That you looked at them is written down."""
    present = col(Patient.erased_at).is_(None)
    found = pagination.rows(call, Patient, paging, present, clinic_id=clinic_id)
    for patient in found[: paging.limit]:
        _note_look(call, patient)
    quiet = consent.silences(call.session, found)
    return pagination.page(
        found, paging, lambda patient: _shape(patient, quiet.get(stored_id(patient.id)))
    )


@router.post("", status_code=201, response_model=PatientShape)
@needs(Permission.CHANGE_PATIENTS)
def enrol_patient(call: Writing, body: NewPatient) -> JSONResponse:
    """Enter a patient. The same name and phone at the same clinic is the same patient."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    patient, _ = enrol(call, clinic, body)
    return call.answer(_told(call, patient), status=201, version=patient.version)


@router.get("/{patient_id}", response_model=PatientShape)
@needs(Permission.SEE_PATIENTS)
def show_patient(call: Looking, patient_id: PathId) -> JSONResponse:
    """One patient. That you looked is written down."""
    patient = register.find(call.session, call.actor, patient_id)
    _note_look(call, patient)
    return call.answer(_told(call, patient), version=patient.version)


@router.patch("/{patient_id}", response_model=PatientShape)
@needs(Permission.CHANGE_PATIENTS)
def change_patient(call: Writing, patient_id: PathId, body: PatientChange) -> JSONResponse:
    """Correct what is known of a patient, or note that they want texts or do not."""
    patient = register.find(call.session, call.actor, patient_id)
    call.expect(patient.version)
    clinic = setup.find_clinic(call.session, call.actor, patient.clinic_id)
    changes = dict(given(body))
    consents = changes.pop("sms_consent", None)
    if "phone" in changes:
        changes["phone"] = _normal(call, changes["phone"], clinic)
    before = patient.phone
    register.change(call.session, call.actor, patient, now=call.now, **changes)
    if patient.phone != before:
        courses.end_links(call.session, patient, now=call.now)
    if consents is not None and consents != patient.sms_consent:
        _decide(call, patient, agrees=consents)
    return call.answer(_told(call, patient), version=patient.version)


def enrol(call: Call, clinic: Clinic, body: PatientFields) -> tuple[Patient, Screening | None]:
    """The patient whom a request describes, with what they agreed to and answered."""
    patient = register.enrol(
        call.session,
        call.actor,
        clinic=clinic,
        name=body.name,
        phone=_normal(call, body.phone, clinic),
        language=body.language,
        now=call.now,
    )
    if body.sms_consent and not patient.sms_consent:
        _decide(call, patient, agrees=True)
    answers = None
    if body.screening is not None:
        answers = screening.record(
            call.session, call.actor, patient, answers=body.screening, now=call.now
        )
    return patient, answers


def _decide(call: Call, patient: Patient, *, agrees: bool) -> None:
    language = patient.language if patient.language in consent.WORDING else "en"
    decide = consent.give if agrees else consent.withdraw
    decide(
        call.session,
        call.actor,
        patient,
        wording=consent.WORDING[language],
        channel="staff",
        now=call.now,
    )


def _normal(call: Call, typed: str, clinic: Clinic) -> str:
    return phone.normalise(typed, country=clinic.country, allowed=call.settings.countries)


def _note_look(call: Call, patient: Patient) -> None:
    call.record_view("patient", patient)


def no_texts(session: Session, patient: Patient) -> NoTextsReason | None:
    """Why a patient gets no texts; None where they do."""
    return _quiet(consent.silences(session, [patient]).get(stored_id(patient.id)))


def _quiet(silence: consent.Silence | None) -> NoTextsReason | None:
    if silence is None:
        return None
    since = None if silence.since is None else silence.since.isoformat()
    return NoTextsReason(reason=silence.reason, since=since, words=silence.words)


def _told(call: Call, patient: Patient) -> PatientShape:
    return _shape(patient, consent.silences(call.session, [patient]).get(stored_id(patient.id)))


def _shape(patient: Patient, silence: consent.Silence | None) -> PatientShape:
    return PatientShape(
        id=stored_id(patient.id),
        clinic_id=patient.clinic_id,
        name=patient.name,
        phone=patient.phone,
        phone_proved=patient.phone_proved_at is not None,
        phone_trouble=patient.phone_trouble,
        language=patient.language,
        sms_consent=patient.sms_consent,
        texts="fewer" if patient.texts == "fewer" else "all",
        no_texts=_quiet(silence),
    )
