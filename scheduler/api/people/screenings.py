"""Health answers of patients: read by practitioners, and asked by phone or at the desk."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Call, Looking, Writing, needs
from scheduler.api.http.fields import LocalTime, PathId, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.api.people.patients import Answer
from scheduler.booking.courses import courses
from scheduler.patients import register, screening
from scheduler.patients.models import Patient, Screening
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/patients/{patient_id}/screenings", tags=["patients"])


class NewScreening(Shape):
    """Answers to the screening questions, one for each question."""

    answers: dict[str, Answer] = Field(
        max_length=len(screening.QUESTIONS),
        description="By question, as `screening` of a patient.",
        examples=[{question.key: "no" for question in screening.QUESTIONS}],
    )


class ScreeningShape(Shape):
    """Answers to the screening questions. `needs_clearance`: a practitioner must see them."""

    id: int
    at: LocalTime
    answers: dict[str, Answer]
    needs_clearance: bool


@router.get("")
@needs(Permission.CLEAR)
def list_screenings(call: Looking, patient_id: PathId, paging: Paging) -> Page[ScreeningShape]:
    """The health answers of a patient, oldest first. The audit trail records that you read them."""
    patient = register.find(call.session, call.actor, patient_id)
    call.record_view("screening", patient)
    found = pagination.rows(
        call, Screening, paging, col(Screening.patient_id) == patient.id, scoped=False
    )
    return pagination.page(found, paging, lambda row: _shape(call, patient, row))


@router.post("", status_code=201, response_model=ScreeningShape)
@needs(Permission.CHANGE_PATIENTS)
def record(call: Writing, patient_id: PathId, body: NewScreening) -> JSONResponse:
    """Record answers that were asked by phone or at the desk.

    Active courses without answers get these. Answers that a practitioner must see hold them as
    `needs_clearance`.
    """
    patient = register.find(call.session, call.actor, patient_id)
    answered = screening.record(
        call.session, call.actor, patient, answers=body.answers, now=call.now
    )
    courses.screen(call.session, call.actor, patient, answered, now=call.now)
    return call.answer(_shape(call, patient, answered), status=201)


def _shape(call: Call, patient: Patient, row: Screening) -> ScreeningShape:
    return ScreeningShape.of(row, zones.of(call.session, patient.clinic_id))
