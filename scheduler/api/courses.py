"""Whole courses: booked, seen, shifted, cancelled, and what their patients are texted."""

from datetime import datetime
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator
from sqlmodel import col

from scheduler import audit
from scheduler.api import appointments, lists, zones
from scheduler.api.appointments import AppointmentShape, Reason
from scheduler.api.conflicts import telling_alternatives
from scheduler.api.course_plans import CompromiseShape, agreed_phases
from scheduler.api.entry import Call, Looking, Reading, Writing, needs
from scheduler.api.lists import Part
from scheduler.api.patients import PatientFields, enrol
from scheduler.api.shapes import Day, Id, Moment, Page, PathId, QueryId, Shape, Text, local
from scheduler.api.treatments import PhaseShape
from scheduler.booking import courses, moves
from scheduler.booking.models import Course, CourseState
from scheduler.booking.seating import MOST_SESSIONS, Wanted
from scheduler.clinic import setup
from scheduler.clinic.models import Treatment
from scheduler.database import known
from scheduler.errors import Unfit
from scheduler.patients import register
from scheduler.patients.models import Patient, Screening
from scheduler.reminders.models import MessageState
from scheduler.reminders.timeline import TimelineEntry, timeline
from scheduler.staff.roles import Deed

router = APIRouter(prefix="/courses", tags=["courses"])

PainSince = Literal["", "acute", "subacute", "chronic", "other"]


class WantedSession(Shape):
    """When a session is wanted, and with whom if that matters."""

    starts_at: Moment
    practitioner_id: Id | None = None


class PatientOfCourse(PatientFields):
    """A patient who is entered with the course: of the treatment's clinic."""

    clinic_id: Id | None = None


class NewCourse(Shape):
    """A course to book, whole: for a patient who is known, or for one who is entered with it."""

    treatment_id: Id
    patient_id: Id | None = None
    patient: PatientOfCourse | None = None
    sessions: list[WantedSession] = Field(min_length=1, max_length=MOST_SESSIONS)
    phases: list[PhaseShape] | None = Field(None, min_length=1, max_length=setup.MOST_PHASES)
    pain_since: PainSince = ""

    @model_validator(mode="after")
    def _names_one_patient(self) -> Self:
        if (self.patient_id is None) == (self.patient is None):
            raise ValueError("give either patient_id or patient")
        return self


class CourseHead(Shape):
    """A course without its sessions."""

    id: int
    clinic_id: int
    patient_id: int
    treatment_id: int
    state: CourseState
    booked_at: str
    version: int


class CourseShape(CourseHead):
    """A course with its sessions, cancelled ones too. Its version is in the ETag."""

    phases: list[PhaseShape]
    appointments: list[AppointmentShape]
    compromises: list[CompromiseShape] = Field(
        description="Where the dates are not at the pace of the phases. "
        " Empty: it is kept, or a session was cancelled.",
        examples=[
            [
                {
                    "kind": "too_fast",
                    "session_numbers": [3],
                    "sentence": "3 sessions are in the week of 11 January: there should be 2.",
                }
            ]
        ],
    )


class Shift(Shape):
    """The sessions from a number on, all by as many days."""

    from_number: int = Field(strict=True, ge=1, le=MOST_SESSIONS)
    by_days: int | None = Field(None, strict=True, ge=-366, le=366)
    start_on: Day | None = Field(None, description="When the first of them is to be instead.")

    @model_validator(mode="after")
    def _says_how_far(self) -> Self:
        if (self.by_days is None) == (self.start_on is None):
            raise ValueError("give either by_days or start_on")
        return self


class Note(Shape):
    """What is to be remembered; for the record."""

    note: Text = Field("", max_length=200)


class TextShape(Shape):
    """A text about a course: sent, owed, or not sent and why."""

    id: int | None = Field(description="None: not written down yet.")
    kind: str
    why: str = Field(examples=["the day before session 3"])
    text: str = Field(description="{link} and {code} are filled in only when it is sent.")
    state: MessageState
    reason: str
    due_at: str
    expires_at: str
    sent_at: str | None
    delivered_at: str | None
    appointment_id: int | None
    number: int | None


class Timeline(Shape):
    """All texts about a course, by time."""

    items: list[TextShape]


@router.get("")
@needs(Deed.SEE_CALENDAR)
def list_courses(
    call: Reading,
    part: Part,
    clinic_id: QueryId = None,
    patient_id: QueryId = None,
    state: CourseState | None = None,
) -> Page[CourseHead]:
    """The courses of your clinics, in the order of booking."""
    where = []
    if patient_id is not None:
        where.append(col(Course.patient_id) == patient_id)
    if state is not None:
        where.append(col(Course.state) == state)
    found = lists.rows(call, Course, part, *where, clinic_id=clinic_id)
    known_zones = zones.of_all(call.session, {row.clinic_id for row in found})
    return lists.page(found, part, lambda row: CourseHead(**_head(row, known_zones[row.clinic_id])))


@router.post("", status_code=201, response_model=CourseShape)
@needs(Deed.BOOK)
def book(call: Writing, body: NewCourse) -> JSONResponse:
    """Book all sessions or none. Taken ones: 409, with free times near each.

    Sessions are numbered by time; `field` says where in the request one stood. Dates off the pace
    are booked as you say: `compromises` names them.
    """
    treatment = setup.find_treatment(call.session, call.actor, body.treatment_id)
    patient, screening = _patient(call, body, treatment)
    asked = [each.starts_at for each in body.sessions]
    with telling_alternatives(zones.of(call.session, treatment.clinic_id), asked):
        course = courses.book(
            call.session,
            call.actor,
            treatment=treatment,
            patient=patient,
            wanted=[
                Wanted(number, each.starts_at, each.practitioner_id)
                for number, each in enumerate(body.sessions, start=1)
            ],
            now=call.now,
            agreed=None if body.phases is None else agreed_phases(body.phases),
            screening=screening,
            pain_since=body.pain_since,
        )
    return _answer(call, course, status=201)


@router.get("/{course_id}", response_model=CourseShape)
@needs(Deed.SEE_CALENDAR)
def show_course(call: Looking, course_id: PathId) -> JSONResponse:
    """One course. That you looked is written down."""
    return _answer(call, _looked_at(call, course_id))


@router.post("/{course_id}/shift", response_model=CourseShape)
@needs(Deed.BOOK)
def shift(call: Writing, course_id: PathId, body: Shift) -> JSONResponse:
    """Move a session and all after it, each at its wall time; all or none."""
    course = _expected(call, course_id)
    with telling_alternatives(zones.of(call.session, course.clinic_id)):
        moves.shift_rest(call.session, call.actor, course, now=call.now, **body.model_dump())
    return _answer(call, course)


@router.post("/{course_id}/cancellation", response_model=CourseShape)
@needs(Deed.BOOK)
def cancel(call: Writing, course_id: PathId, body: Reason | None = None) -> JSONResponse:
    """Cancel what is still to come of a course.

    One that waits for clearance is declined so, and the patient is asked to call.
    """
    course = _expected(call, course_id)
    reason = body.reason if body else ""
    courses.cancel(call.session, call.actor, course, reason=reason, now=call.now)
    return _answer(call, course)


@router.post("/{course_id}/clearance", response_model=CourseShape)
@needs(Deed.CLEAR)
def clear(call: Writing, course_id: PathId, body: Note | None = None) -> JSONResponse:
    """A practitioner has looked at the answers about health: the course may begin."""
    course = _expected(call, course_id)
    note = body.note if body else ""
    courses.clear(call.session, call.actor, course, note=note, now=call.now)
    return _answer(call, course)


@router.get("/{course_id}/messages")
@needs(Deed.SEE_MESSAGES)
def list_texts(call: Looking, course_id: PathId) -> Timeline:
    """What was texted about a course, what is owed and when, and what was not sent and why."""
    course = _looked_at(call, course_id)
    zone = zones.of(call.session, course.clinic_id)
    entries = timeline(call.session, course, now=call.now)
    return Timeline(items=[_text(entry, zone) for entry in entries])


def _patient(call: Call, body: NewCourse, treatment: Treatment) -> tuple[Patient, Screening | None]:
    if body.patient_id is not None:
        patient = register.find(call.session, call.actor, body.patient_id)
        if patient.clinic_id != treatment.clinic_id:
            raise Unfit("Patient and treatment are of different clinics.", field="patient_id")
        return patient, None
    if body.patient is None:
        raise Unfit("Say who it is for.", field="patient")
    if body.patient.clinic_id not in {None, treatment.clinic_id}:
        raise Unfit("Patient and treatment are of different clinics.", field="patient.clinic_id")
    clinic = setup.find_clinic(call.session, call.actor, treatment.clinic_id)
    return enrol(call, clinic, body.patient)


def _expected(call: Call, course_id: int) -> Course:
    course = courses.find(call.session, call.actor, course_id)
    appointments.lock(call, course)
    call.expect(course.version)
    return course


def _looked_at(call: Call, course_id: int) -> Course:
    course = courses.find(call.session, call.actor, course_id)
    audit.record(
        call.session,
        call.actor,
        "looked at",
        "course",
        course_id,
        clinic_id=course.clinic_id,
        now=call.now,
    )
    return course


def _answer(call: Call, course: Course, *, status: int = 200) -> JSONResponse:
    call.session.flush()
    zone = zones.of(call.session, course.clinic_id)
    told = CourseShape(
        **_head(course, zone),
        phases=[PhaseShape(**phase) for phase in course.phases],
        appointments=[
            appointments.shape(each, zone) for each in courses.appointments_of(call.session, course)
        ],
        compromises=[
            CompromiseShape(kind=each.kind, session_numbers=[each.number], sentence=f"{each.what}.")
            for each in courses.off_pace(call.session, course)
        ],
    )
    return call.answer(told, status=status, version=course.version)


def _head(course: Course, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": known(course.id),
        "clinic_id": course.clinic_id,
        "patient_id": course.patient_id,
        "treatment_id": course.treatment_id,
        "state": CourseState(course.state),
        "booked_at": local(course.booked_at, zone),
        "version": course.version,
    }


def _text(entry: TimelineEntry, zone: ZoneInfo) -> TextShape:
    def told(instant: datetime | None) -> str | None:
        return None if instant is None else local(instant, zone)

    return TextShape(
        id=entry.id,
        kind=entry.kind,
        why=entry.why,
        text=entry.text,
        state=entry.state,
        reason=entry.reason,
        due_at=local(entry.due_at, zone),
        expires_at=local(entry.expires_at, zone),
        sent_at=told(entry.sent_at),
        delivered_at=told(entry.delivered_at),
        appointment_id=entry.appointment_id,
        number=entry.number,
    )
