"""The shape of a course, and how its routes find, lock and answer it."""

from fastapi.responses import JSONResponse
from pydantic import Field

from scheduler.api.clinic.treatments import PhaseShape
from scheduler.api.courses.appointments import AppointmentShape
from scheduler.api.courses.plans import CompromiseShape
from scheduler.api.http import zones
from scheduler.api.http.auth import Call
from scheduler.api.http.fields import LocalTime, Shape
from scheduler.booking.courses import adherence, courses, extensions
from scheduler.booking.models import Course, CourseState
from scheduler.phrases import pace


class CourseCompromise(CompromiseShape):
    """A place where a course breaks its pace, with the reason."""

    reason: str


class CourseHead(Shape):
    """A course without its sessions."""

    id: int
    clinic_id: int
    patient_id: int
    treatment_id: int
    state: CourseState
    booked_at: LocalTime
    version: int


class CourseShape(CourseHead):
    """A course with all its sessions, including cancelled ones. The ETag contains its version."""

    phases: list[PhaseShape]
    appointments: list[AppointmentShape]
    to_make_up: int = Field(
        description="The number of missed or cancelled sessions without a make-up session."
        " `POST .../make-up` adds one."
    )
    compromises: list[CourseCompromise] = Field(
        description="Where the dates break the pace of the phases, with the reason. Empty: the"
        " course keeps its pace. A cancelled session keeps its number.",
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
    """A locked course for a change. Raises Stale if `If-Match` names another version."""
    course = courses.find(call.session, call.actor, course_id)
    courses.lock(call.session, course_id)
    call.expect(course.version)
    return course


def looked_at(call: Call, course_id: int) -> Course:
    """A course whose reading is recorded in the audit trail."""
    course = courses.find(call.session, call.actor, course_id)
    call.record_view("course", course)
    return course


def answer(call: Call, course: Course, *, status: int = 200) -> JSONResponse:
    """The response with the whole course."""
    call.session.flush()
    return call.answer(shape(call, course), status=status, version=course.version)


def shape(call: Call, course: Course) -> CourseShape:
    """A course with its sessions and compromises."""
    zone = zones.of(call.session, course.clinic_id)
    sessions = courses.appointments_of(call.session, course)
    reasons = adherence.accepted_violations(course)
    return CourseShape.of(
        course,
        zone,
        appointments=[AppointmentShape.of(appointment, zone) for appointment in sessions],
        to_make_up=extensions.to_make_up(course, sessions),
        compromises=[
            CourseCompromise(
                kind=violation.kind,
                session_numbers=[violation.number],
                sentence=pace.sentence(violation),
                reason=reasons.get((violation.kind, violation.number), courses.BOOKED_SO),
            )
            for violation in adherence.off_pace(course, sessions)
        ],
    )
