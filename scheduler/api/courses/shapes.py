"""How a course is told, and found again before it is changed: what its routes share."""

from typing import Any
from zoneinfo import ZoneInfo

from fastapi.responses import JSONResponse
from pydantic import Field

from scheduler.api.clinic.treatments import PhaseShape
from scheduler.api.courses import appointments
from scheduler.api.courses.appointments import AppointmentShape
from scheduler.api.courses.plans import CompromiseShape
from scheduler.api.http import zones
from scheduler.api.http.auth import Call
from scheduler.api.http.fields import Shape, local
from scheduler.booking.courses import adherence, courses, extensions
from scheduler.booking.models import Course, CourseState
from scheduler.phrases import pace
from scheduler.storage.database import stored_id


class CourseCompromise(CompromiseShape):
    """Where a course is not at its pace, and why."""

    reason: str


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
    to_make_up: int = Field(
        description="Sessions that were missed or cancelled and that none was added for yet:"
        " `POST .../make-up` adds one."
    )
    compromises: list[CourseCompromise] = Field(
        description="Where the dates are not at the pace of the phases, each with the reason."
        " Empty: the pace is kept. A cancelled session keeps its place; its gap is meant.",
        examples=[
            [
                {
                    "kind": "too_fast",
                    "session_numbers": [3],
                    "sentence": "3 sessions are in the week of 11 January: there should be 2.",
                    "reason": "The patient travels that week.",
                }
            ]
        ],
    )


def expected(call: Call, course_id: int) -> Course:
    """A course that is about to be changed, for one at a time; Stale if the caller saw another."""
    course = courses.find(call.session, call.actor, course_id)
    courses.lock(call.session, course_id)
    call.expect(course.version)
    return course


def looked_at(call: Call, course_id: int) -> Course:
    """A course that somebody sees, which is written down."""
    course = courses.find(call.session, call.actor, course_id)
    call.record_view("course", course)
    return course


def answer(call: Call, course: Course, *, status: int = 200) -> JSONResponse:
    """The whole course, its version in the ETag."""
    call.session.flush()
    return call.answer(shape(call, course), status=status, version=course.version)


def shape(call: Call, course: Course) -> CourseShape:
    """A course with its sessions, and where it is not at its pace."""
    zone = zones.of(call.session, course.clinic_id)
    sessions = courses.appointments_of(call.session, course)
    why = adherence.accepted_violations(course)
    return CourseShape(
        **head(course, zone),
        phases=[PhaseShape(**phase) for phase in course.phases],
        appointments=[appointments.shape(appointment, zone) for appointment in sessions],
        to_make_up=extensions.to_make_up(course, sessions),
        compromises=[
            CourseCompromise(
                kind=each.kind,
                session_numbers=[each.number],
                sentence=pace.sentence(each),
                reason=why.get((each.kind, each.number), courses.BOOKED_SO),
            )
            for each in adherence.off_pace(course, sessions)
        ],
    )


def head(course: Course, zone: ZoneInfo) -> dict[str, Any]:
    """The fields of CourseHead."""
    return {
        "id": stored_id(course.id),
        "clinic_id": course.clinic_id,
        "patient_id": course.patient_id,
        "treatment_id": course.treatment_id,
        "state": CourseState(course.state),
        "booked_at": local(course.booked_at, zone),
        "version": course.version,
    }
