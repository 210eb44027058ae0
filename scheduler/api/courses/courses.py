"""Courses: book, show, clear, and list their messages."""

from typing import Literal, Self

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator
from sqlmodel import col

from scheduler.api.clinic.treatments import PhaseShape
from scheduler.api.courses import shapes
from scheduler.api.courses.allowed_limits import AllowedLimits
from scheduler.api.courses.plans import agreed_phases
from scheduler.api.courses.shapes import CourseHead, CourseShape
from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Call, Looking, Reading, Writing, needs
from scheduler.api.http.fields import Id, LocalTime, Moment, PathId, QueryId, Several, Shape, Text
from scheduler.api.http.pagination import Page, Paging
from scheduler.api.people.patients import NoTextsReason, PatientFields, enroll, no_texts
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import courses
from scheduler.booking.models import Course, CourseState
from scheduler.clinic import regimen, setup
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import MAX_COURSE_SESSIONS
from scheduler.infra.errors import Invalid
from scheduler.patients import register
from scheduler.patients.models import Patient, Screening
from scheduler.phrases import message_triggers
from scheduler.reminders.kinds.timeline import timeline
from scheduler.reminders.models import MessageState
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/courses", tags=["courses"])

PainSince = Literal["", "acute", "subacute", "chronic", "other"]


class RequestedSession(Shape):
    """A time for a session, with a practitioner and a room if these are wanted."""

    starts_at: Moment
    practitioner_id: Id | None = None
    room_id: Id | None = None


class NewCoursePatient(PatientFields):
    """A new patient of the treatment's clinic."""

    clinic_id: Id | None = None


class NewCourse(AllowedLimits):
    """A course to book, for an existing patient or for a new one."""

    treatment_id: Id
    patient_id: Id | None = None
    patient: NewCoursePatient | None = None
    sessions: list[RequestedSession] = Field(min_length=1, max_length=MAX_COURSE_SESSIONS)
    phases: list[PhaseShape] | None = Field(None, min_length=1, max_length=regimen.MAX_PHASES)
    pain_since: PainSince = ""

    @model_validator(mode="after")
    def _names_one_patient(self) -> Self:
        if (self.patient_id is None) == (self.patient is None):
            raise ValueError("give either patient_id or patient")
        return self


class ClearanceNote(Shape):
    """A note for the history."""

    note: Text = Field("", max_length=200)


class CourseText(Shape):
    """A message about a course: sent, scheduled, or not sent and why."""

    id: int | None = Field(description="Null: the message is not stored yet.")
    kind: str
    why: str = Field(examples=["the day before session 3"])
    text: str = Field(description="{link} and {code} are filled in when the message is sent.")
    state: MessageState
    reason: str
    due_at: LocalTime
    expires_at: LocalTime
    sent_at: LocalTime | None
    delivered_at: LocalTime | None
    appointment_id: int | None
    number: int | None


class CourseTexts(Shape):
    """All messages about a course by time, and why no more will be sent, if so."""

    items: list[CourseText]
    no_texts: NoTextsReason | None


@router.get("")
@needs(Permission.SEE_CALENDAR)
def list_courses(
    call: Reading,
    paging: Paging,
    clinic_id: QueryId = None,
    patient_id: QueryId = None,
    state: Several[CourseState] = None,
) -> Page[CourseHead]:
    """The courses of your clinics, in the order of booking."""
    where = []
    if patient_id is not None:
        where.append(col(Course.patient_id) == patient_id)
    if state:
        where.append(col(Course.state).in_(state))
    found = pagination.rows(call, Course, paging, *where, clinic_id=clinic_id)
    known_zones = zones.of_all(call.session, {row.clinic_id for row in found})
    return pagination.page(
        found, paging, lambda row: CourseHead.of(row, known_zones[row.clinic_id])
    )


@router.post("", status_code=201, response_model=CourseShape)
@needs(Permission.BOOK)
def book(call: Writing, body: NewCourse) -> JSONResponse:
    """Book all sessions of a course, or none.

    If times are taken or break a limit, 409 says so in `conflicts`, with free times near them;
    `allow` passes soft limits. Sessions are numbered by time; `field` names the session in the
    request. Dates that break the pace are booked as sent, and `compromises` names them.
    """
    treatment = setup.find_treatment(call.session, call.actor, body.treatment_id)
    patient, screening = _patient(call, body, treatment)
    course = courses.book(
        call.session,
        call.actor,
        treatment=treatment,
        patient=patient,
        wanted=[
            RequestedTime(
                position + 1,
                session.starts_at,
                session.practitioner_id,
                session.room_id,
                position=position,
            )
            for position, session in enumerate(body.sessions)
        ],
        now=call.now,
        agreed=None if body.phases is None else agreed_phases(body.phases),
        screening=screening,
        pain_since=body.pain_since,
        permit=body.permit(call.actor),
        permit_reason=body.reason,
    )
    return shapes.answer(call, course, status=201)


@router.get("/{course_id}", response_model=CourseShape)
@needs(Permission.SEE_CALENDAR)
def show_course(call: Looking, course_id: PathId) -> JSONResponse:
    """One course. The audit trail records that you read it."""
    return shapes.answer(call, shapes.looked_at(call, course_id))


@router.post("/{course_id}/clearance", response_model=CourseShape)
@needs(Permission.CLEAR)
def clear(call: Writing, course_id: PathId, body: ClearanceNote | None = None) -> JSONResponse:
    """Record that a practitioner has checked the health answers. The course may begin."""
    course = shapes.expected(call, course_id)
    note = body.note if body else ""
    courses.clear(call.session, call.actor, course, note=note, now=call.now)
    return shapes.answer(call, course)


@router.get("/{course_id}/messages")
@needs(Permission.SEE_MESSAGES)
def list_texts(call: Looking, course_id: PathId) -> CourseTexts:
    """The messages about a course: sent, scheduled, and not sent with the reason."""
    course = shapes.looked_at(call, course_id)
    zone = zones.of(call.session, course.clinic_id)
    entries = timeline(call.session, course, now=call.now)
    patient = call.session.get_one(Patient, course.patient_id)
    return CourseTexts(
        items=[
            CourseText.of(entry, zone, why=message_triggers.describe(entry)) for entry in entries
        ],
        no_texts=no_texts(call.session, patient),
    )


def _patient(call: Call, body: NewCourse, treatment: Treatment) -> tuple[Patient, Screening | None]:
    if body.patient_id is not None:
        patient = register.find(call.session, call.actor, body.patient_id)
        if patient.clinic_id != treatment.clinic_id:
            raise Invalid(
                f"Patient {patient.id} belongs to clinic {patient.clinic_id}, and the treatment to"
                f" clinic {treatment.clinic_id}. Choose both at one clinic.",
                field="patient_id",
            )
        return patient, None
    if body.patient is None:
        raise Invalid("Send `patient_id` or `patient`.", field="patient")
    if body.patient.clinic_id not in {None, treatment.clinic_id}:
        raise Invalid(
            f"The patient has clinic {body.patient.clinic_id}, and the treatment belongs to clinic"
            f" {treatment.clinic_id}. Choose both at one clinic.",
            field="patient.clinic_id",
        )
    clinic = setup.find_clinic(call.session, call.actor, treatment.clinic_id)
    return enroll(call, clinic, body.patient)
