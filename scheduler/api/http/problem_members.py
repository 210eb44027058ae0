"""Members that a problem carries beside its sentence, so that a program can react to it."""

from functools import singledispatch
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from scheduler.api.http.fields import Shape, local
from scheduler.booking.absences.time_off import BookedInside
from scheduler.booking.availability.allocation import SessionsTaken, TimeConflict
from scheduler.booking.availability.limits import Limit
from scheduler.booking.courses.adherence import BreaksPace
from scheduler.booking.pace.refusals import NoPlan, Remedy
from scheduler.booking.planning.no_plan import ExplainedNoPlan
from scheduler.clinic.phases import to_json
from scheduler.infra.errors import Problem
from scheduler.infra.intervals import instant_of
from scheduler.phrases import availability, no_plan, pace
from scheduler.reminders.staff.bulk_review import OtherPeople


class FreeTime(Shape):
    """A free time near one that is taken."""

    starts_at: str
    practitioner_id: int
    room_id: int


class SessionConflict(Shape):
    """A limit that a session breaks, and free times near it."""

    number: int
    field: str | None = Field(
        None, description="Where the session stands in the request.", examples=["sessions[2]"]
    )
    starts_at: str
    code: Limit
    can_be_allowed: bool = Field(description="Whether you may send the code in `allow`.")
    reason: str = Field(examples=["no room is free"])
    alternatives: list[FreeTime]


class PaceBreak(Shape):
    """A session that would break the pace of its course."""

    kind: str
    session_numbers: list[int]
    sentence: str


class BookedSession(Shape):
    """A booked session that an absence or a change of hours would displace."""

    id: int
    course_id: int
    number: int
    starts_at: str


class RemedyShape(Shape):
    """A change of the request that was tried and that makes a plan possible."""

    kind: str
    sentence: str
    send: dict[str, Any] = Field(description="Fields to send instead.")


class ProblemMembers(BaseModel):
    """All members that a problem may carry. Each kind of problem has its own."""

    conflicts: list[SessionConflict] | None = Field(
        None, description="`sessions-taken`, `soft-limits`: the limits that the sessions break."
    )
    breaks: list[PaceBreak] | None = Field(
        None, description="`breaks-pace`: how the change would break the pace of the course."
    )
    appointments: list[BookedSession] | None = Field(
        None, description="`booked-inside`, `booked-outside`: the sessions to move first."
    )
    session_number: int | None = Field(
        None, description="`no-plan`: the session that cannot be placed."
    )
    remedies: list[RemedyShape] | None = Field(
        None, description="`no-plan`: changes of the request that make a plan possible."
    )
    people: int | None = Field(
        None, description="`other-people`: how many people would be texted now."
    )


class ProblemField(Shape):
    """A field of the request that was refused."""

    field: str = Field(examples=["sessions[2].starts_at"])
    message: str


class ProblemShape(ProblemMembers):
    """An error (RFC 9457)."""

    type: str = Field(examples=["/problems/unfit"], description="Stable; programs may rely on it.")
    title: str
    status: int
    detail: str = Field(description="A sentence for people.")
    request_id: str = Field(description="Quote it when you report a fault.")
    errors: list[ProblemField] | None = Field(None, description="The fields that were refused.")


@singledispatch
def members_of(problem: Problem) -> ProblemMembers:  # noqa: ARG001 - the class decides
    """The members of a problem. Most problems have none."""
    return ProblemMembers()


@members_of.register
def _(problem: SessionsTaken) -> ProblemMembers:
    return ProblemMembers(
        conflicts=[_conflict(clash, limit) for clash in problem.clashes for limit in clash.limits]
    )


@members_of.register
def _(problem: BreaksPace) -> ProblemMembers:
    return ProblemMembers(
        breaks=[
            PaceBreak(
                kind=violation.kind,
                session_numbers=[violation.number],
                sentence=pace.sentence(violation),
            )
            for violation in problem.violations
        ]
    )


@members_of.register
def _(problem: BookedInside) -> ProblemMembers:
    return ProblemMembers(
        appointments=[
            BookedSession(
                id=appointment.appointment_id,
                course_id=appointment.course_id,
                number=appointment.number,
                starts_at=local(appointment.starts_at, ZoneInfo(appointment.zone)),
            )
            for appointment in problem.appointments
        ]
    )


@members_of.register
def _(problem: NoPlan) -> ProblemMembers:
    return ProblemMembers(session_number=problem.session_number)


@members_of.register
def _(problem: ExplainedNoPlan) -> ProblemMembers:
    remedies = [_remedy(remedy) for remedy in problem.remedies]
    return ProblemMembers(session_number=problem.session_number, remedies=remedies)


@members_of.register
def _(problem: OtherPeople) -> ProblemMembers:
    return ProblemMembers(people=problem.people)


def _conflict(clash: TimeConflict, limit: Limit) -> SessionConflict:
    place = {} if clash.position is None else {"field": f"sessions[{clash.position}]"}
    return SessionConflict(
        number=clash.number,
        **place,
        starts_at=local(clash.starts_at, clash.zone),
        code=limit,
        can_be_allowed=limit in clash.could_pass,
        reason=availability.reason(limit),
        alternatives=[
            FreeTime(
                starts_at=local(instant_of(slot.starts_at), clash.zone),
                practitioner_id=slot.practitioner_id,
                room_id=slot.room_id,
            )
            for slot in clash.alternatives
        ],
    )


def _remedy(remedy: Remedy) -> RemedyShape:
    send: dict[str, Any] = {}
    if remedy.start_on is not None:
        send["start_on"] = remedy.start_on.isoformat()
    if remedy.phases is not None:
        send["phases"] = [to_json(phase) for phase in remedy.phases]
    if remedy.strict is not None:
        send["strict"] = sorted(remedy.strict)
    return RemedyShape(kind=remedy.kind, sentence=no_plan.remedy(remedy), send=send)
