"""Patients. The audit trail records every look at a patient."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session, col

from scheduler.api.http import pagination
from scheduler.api.http.auth import Call, Looking, Writing, needs
from scheduler.api.http.fields import (
    Id,
    LocalTime,
    PatchShape,
    PathId,
    QueryId,
    Shape,
    Spoken,
    Text,
    given,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.courses import private_links
from scheduler.clinic import setup
from scheduler.clinic.models import Clinic
from scheduler.infra import phone
from scheduler.patients import consent, register, screening
from scheduler.patients.models import Patient, Screening
from scheduler.patients.names import MAX_PATIENT_NAME
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/patients", tags=["patients"])

Answer = Literal["no", "yes", "unsure"]


class PatientFields(Shape):
    """The fields of a patient."""

    name: Text = Field(min_length=1, max_length=MAX_PATIENT_NAME, examples=["Ann Example"])
    phone: Text | None = Field(
        None,
        max_length=phone.MAX_TYPED,
        examples=["(202) 555-0101"],
        description="Any phone, also a landline or one abroad. Null: the patient has none.",
    )
    language: Spoken = "en"
    sms_consent: bool = Field(
        False,
        strict=True,
        description="True: the patient has agreed to texts, in the wording that the clinic shows.",
    )
    screening: dict[str, Answer] | None = Field(
        None,
        max_length=len(screening.QUESTIONS),
        description="Answers to the health questions: "
        + ", ".join(question.key for question in screening.QUESTIONS),
    )


class NewPatient(PatientFields):
    """A new patient of a clinic."""

    clinic_id: Id


class PatientChange(PatchShape):
    """Changes of a patient. A new phone is not verified yet."""

    name: Text = Field("", min_length=1, max_length=MAX_PATIENT_NAME)
    phone: Text | None = Field(None, max_length=phone.MAX_TYPED)
    language: Spoken = "en"
    sms_consent: bool = Field(False, strict=True)
    texts: Literal["all", "fewer"] = "all"


class NoTextsReason(Shape):
    """Why a patient gets no texts. A STOP by text is lifted when the phone texts START. A patient
    who opted out on the private page can also opt in there.
    """

    reason: str
    since: LocalTime | None
    words: str = Field(description="The text of the patient. Empty: there is none.")


class PatientShape(Shape):
    """A patient, without the health answers."""

    id: int
    clinic_id: int
    name: str
    phone: str = Field(description="Empty: the patient has none.")
    phone_texts: bool = Field(description="False: the phone cannot be texted.")
    phone_proved: bool
    phone_trouble: str = Field(
        description="Why the carrier cannot deliver texts to this phone. Empty: it can."
    )
    language: str
    sms_consent: bool
    texts: Literal["all", "fewer"] = Field(
        description="`fewer`: only a reminder before each session and notices of changes."
    )
    no_texts: NoTextsReason | None = Field(description="Null: the patient gets texts.")


@router.get("")
@needs(Permission.SEE_PATIENTS)
def list_patients(call: Looking, paging: Paging, clinic_id: QueryId = None) -> Page[PatientShape]:
    """The patients of your clinics. The audit trail records that you read them."""
    present = col(Patient.erased_at).is_(None)
    found = pagination.rows(call, Patient, paging, present, clinic_id=clinic_id)
    for patient in found[: paging.limit]:
        call.record_view("patient", patient)
    silences = consent.silences(call.session, found)
    return pagination.page(
        found, paging, lambda patient: _with(patient, silences.get(stored_id(patient.id)))
    )


@router.post("", status_code=201, response_model=PatientShape)
@needs(Permission.CHANGE_PATIENTS)
def enrol_patient(call: Writing, body: NewPatient) -> JSONResponse:
    """Add a patient. If the clinic has a patient with this name and phone, returns that patient."""
    clinic = setup.find_clinic(call.session, call.actor, body.clinic_id)
    patient, _ = enroll(call, clinic, body)
    return call.answer(_shape(call, patient), status=201, version=patient.version)


@router.get("/{patient_id}", response_model=PatientShape)
@needs(Permission.SEE_PATIENTS)
def show_patient(call: Looking, patient_id: PathId) -> JSONResponse:
    """One patient. The audit trail records that you read it."""
    patient = register.find(call.session, call.actor, patient_id)
    call.record_view("patient", patient)
    return call.answer(_shape(call, patient), version=patient.version)


@router.patch("/{patient_id}", response_model=PatientShape)
@needs(Permission.CHANGE_PATIENTS)
def change_patient(call: Writing, patient_id: PathId, body: PatientChange) -> JSONResponse:
    """Change a patient, or record that they agree to texts or not."""
    patient = register.find(call.session, call.actor, patient_id)
    call.expect(patient.version)
    clinic = setup.find_clinic(call.session, call.actor, patient.clinic_id)
    changes = dict(given(body))
    consents = changes.pop("sms_consent", None)
    if "phone" in changes:
        entered = _entered(call, changes["phone"], clinic)
        changes |= {"phone": entered.number, "textable": entered.textable}
    before = patient.phone
    register.change(call.session, call.actor, patient, now=call.now, **changes)
    if patient.phone != before:
        private_links.end_links(call.session, patient, now=call.now)
    if consents is not None and consents != patient.sms_consent:
        _decide(call, patient, agrees=consents)
    return call.answer(_shape(call, patient), version=patient.version)


def enroll(call: Call, clinic: Clinic, body: PatientFields) -> tuple[Patient, Screening | None]:
    """Adds the patient of a request, with their consent and their health answers."""
    entered = _entered(call, body.phone, clinic)
    patient = register.enroll(
        call.session,
        call.actor,
        clinic=clinic,
        name=body.name,
        phone=entered.number,
        textable=entered.textable,
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


def _entered(call: Call, typed: str | None, clinic: Clinic) -> phone.EnteredPhone:
    return phone.entered(typed or "", country=clinic.country, allowed=call.settings.countries)


def no_texts(session: Session, patient: Patient) -> NoTextsReason | None:
    """Why a patient gets no texts. None: the patient gets texts."""
    silence = consent.silences(session, [patient]).get(stored_id(patient.id))
    return None if silence is None else NoTextsReason.of(silence)


def _shape(call: Call, patient: Patient) -> PatientShape:
    silence = consent.silences(call.session, [patient]).get(stored_id(patient.id))
    return _with(patient, silence)


def _with(patient: Patient, silence: consent.Silence | None) -> PatientShape:
    return PatientShape.of(
        patient,
        phone_texts=patient.textable,
        phone_proved=patient.phone_proved_at is not None,
        texts="fewer" if patient.texts == "fewer" else "all",
        no_texts=None if silence is None else NoTextsReason.of(silence),
    )
