"""Changes of booked courses. Each takes `?dry_run=true`."""

from typing import Literal, Self

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator

from scheduler.api.courses import shapes
from scheduler.api.courses.allowed_limits import PaceOverride, WithReason
from scheduler.api.courses.plans import PlanWishes
from scheduler.api.courses.shapes import CourseShape
from scheduler.api.http import zones
from scheduler.api.http.auth import Call, Rehearsing, needs
from scheduler.api.http.fields import Day, Id, PathId
from scheduler.booking.courses import courses, extensions, replanning, rescheduling
from scheduler.booking.models import Course
from scheduler.booking.pace.wishes import Wishes
from scheduler.clinic import regimen
from scheduler.clinic.phases import MAX_COURSE_SESSIONS
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/courses", tags=["courses"])


class CourseShift(PaceOverride):
    """Moves all sessions from a number on by the same number of days."""

    from_number: int = Field(strict=True, ge=1, le=MAX_COURSE_SESSIONS)
    by_days: int | None = Field(None, strict=True, ge=-366, le=366)
    start_on: Day | None = Field(None, description="The new date of the first of these sessions.")
    replan: bool = Field(
        False,
        description="True: find the best free times from that day on. False: keep the times of day"
        " of all sessions.",
    )

    @model_validator(mode="after")
    def _says_how_far(self) -> Self:
        if (self.by_days is None) == (self.start_on is None):
            raise ValueError("send either by_days or start_on, not both")
        return self


class SkippedWeek(PaceOverride):
    """A week without sessions."""

    start_on: Day = Field(description="The first of the seven days.")
    then: Literal["later", "behind"] = Field(
        "later",
        description="`later`: all sessions from that day on move one week later. `behind`: the"
        " sessions of the week move behind all others.",
    )


class CourseReplanning(PaceOverride, PlanWishes):
    """Wishes for the remaining sessions of a course."""

    from_number: int = Field(strict=True, ge=1, le=MAX_COURSE_SESSIONS)
    start_on: Day | None = Field(None, description="No session before this date.")


class CourseExtension(PaceOverride, PlanWishes):
    """An optional phase to add after a review."""

    phase: int = Field(
        strict=True,
        ge=1,
        le=regimen.MAX_PHASES,
        description="The number of the phase in the treatment, from 1.",
    )
    start_on: Day | None = Field(None, description="No session before this date.")


class MakeUpSession(PaceOverride, PlanWishes):
    """Wishes for a make-up session."""

    start_on: Day | None = Field(None, description="No session before this date.")


class CoursePractitioner(PaceOverride):
    """The practitioner of the remaining sessions of a course."""

    practitioner_id: Id
    from_number: int = Field(1, strict=True, ge=1, le=MAX_COURSE_SESSIONS)


@router.post("/{course_id}/shift", response_model=CourseShape)
@needs(Permission.BOOK)
def shift(call: Rehearsing, course_id: PathId, body: CourseShift) -> JSONResponse:
    """Move a session and all later ones, at their times of day. All move, or none.

    A later date than the pace allows is listed in `compromises`. An earlier one is refused, unless
    you send `insist`. If times are taken, 409 lists free times near them in `conflicts`.
    """
    course = shapes.expected(call, course_id)
    shift_rest = replanning.shift_by_plan if body.replan else rescheduling.shift_rest
    shift_rest(
        call.session,
        call.actor,
        course,
        from_number=body.from_number,
        by_days=body.by_days,
        start_on=body.start_on,
        policy=body.policy(call.actor, allow_later=True, label="the rest was shifted"),
        now=call.now,
    )
    return shapes.answer(call, course)


@router.post("/{course_id}/replanning", response_model=CourseShape)
@needs(Permission.BOOK)
def replan(call: Rehearsing, course_id: PathId, body: CourseReplanning) -> JSONResponse:
    """Find the best free times for the remaining sessions, for new wishes and at the same pace.

    422 says which session cannot be placed, and why.
    """
    course = shapes.expected(call, course_id)
    replanning.replan(
        call.session,
        call.actor,
        course,
        from_number=body.from_number,
        wishes=_wishes(call, course, body),
        policy=body.policy(call.actor, allow_later=True, label="the rest was replanned"),
        now=call.now,
    )
    return shapes.answer(call, course)


@router.post("/{course_id}/extension", response_model=CourseShape)
@needs(Permission.BOOK)
def extend(call: Rehearsing, course_id: PathId, body: CourseExtension) -> JSONResponse:
    """Add an optional phase after a review. All its sessions are booked, or none."""
    course = shapes.expected(call, course_id)
    extensions.extend(
        call.session,
        call.actor,
        course,
        phase=body.phase,
        wishes=_wishes(call, course, body),
        policy=body.policy(call.actor, allow_later=True, label="the course was extended"),
        now=call.now,
    )
    return shapes.answer(call, course)


@router.post("/{course_id}/make-up", response_model=CourseShape)
@needs(Permission.BOOK)
def make_up(call: Rehearsing, course_id: PathId, body: MakeUpSession | None = None) -> JSONResponse:
    """Add a session for a missed or cancelled one, after the last session and at its pace.

    409 if no session needs one. `to_make_up` of the course is the number of those that do.
    """
    course = shapes.expected(call, course_id)
    body = body or MakeUpSession()
    extensions.make_up(
        call.session,
        call.actor,
        course,
        wishes=_wishes(call, course, body),
        policy=body.policy(call.actor, allow_later=True, label="a missed session was made up for"),
        now=call.now,
    )
    return shapes.answer(call, course)


@router.post("/{course_id}/skipped-week", response_model=CourseShape)
@needs(Permission.BOOK)
def skip_week(call: Rehearsing, course_id: PathId, body: SkippedWeek) -> JSONResponse:
    """Skip a week. All later sessions move a week later, or its own sessions move to the end."""
    course = shapes.expected(call, course_id)
    replanning.skip_week(
        call.session,
        call.actor,
        course,
        start_on=body.start_on,
        behind=body.then == "behind",
        policy=body.policy(call.actor, allow_later=True, label="a week was skipped"),
        now=call.now,
    )
    return shapes.answer(call, course)


@router.post("/{course_id}/practitioner", response_model=CourseShape)
@needs(Permission.BOOK)
def change_practitioner(
    call: Rehearsing, course_id: PathId, body: CoursePractitioner
) -> JSONResponse:
    """Change the practitioner of the remaining sessions, at the same times. All change, or none."""
    course = shapes.expected(call, course_id)
    replanning.change_practitioner(
        call.session,
        call.actor,
        course,
        from_number=body.from_number,
        practitioner_id=body.practitioner_id,
        policy=body.policy(call.actor),
        now=call.now,
    )
    return shapes.answer(call, course)


@router.post("/{course_id}/cancellation", response_model=CourseShape)
@needs(Permission.BOOK)
def cancel(call: Rehearsing, course_id: PathId, body: WithReason | None = None) -> JSONResponse:
    """Cancel all future sessions of a course.

    A course that waits for clearance is declined, and the patient is asked to call.
    """
    course = shapes.expected(call, course_id)
    reason = body.reason if body else ""
    courses.cancel(call.session, call.actor, course, reason=reason, now=call.now)
    return shapes.answer(call, course)


def _wishes(
    call: Call, course: Course, body: CourseReplanning | CourseExtension | MakeUpSession
) -> Wishes:
    if body.practitioner_id is not None:
        resources = rescheduling.resources_of(call.session, course)
        resources.practitioner(body.practitioner_id)
    today = call.now.astimezone(zones.of(call.session, course.clinic_id)).date()
    return body.wishes(body.start_on or today)
