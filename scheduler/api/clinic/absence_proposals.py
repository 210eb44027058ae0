"""Proposals that move the booked sessions of an absence, and their confirmation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from scheduler.api.clinic.closures import NewClosure
from scheduler.api.http import zones
from scheduler.api.http.auth import Call, Looking, Rehearsing, Writing, needs
from scheduler.api.http.fields import LocalTime, Moment, PathId, Shape, Text, local
from scheduler.api.http.problems import MEDIA_TYPE, status_of
from scheduler.booking.absences import confirmation, proposals
from scheduler.booking.absences.confirmation import Held, Outdated
from scheduler.booking.absences.time_off import Whose
from scheduler.booking.models import AbsenceProposal, Appointment
from scheduler.booking.stored_values import PlacedAt, Placing, Postponed
from scheduler.clinic import setup
from scheduler.phrases import absences as absence_phrases
from scheduler.staff.roles import Permission

router = APIRouter(tags=["absences"])


class NewAbsence(Shape):
    """A time in which a practitioner will be away, or a room out of use."""

    starts_at: Moment
    ends_at: Moment
    reason: Text = Field("", max_length=200, examples=["ill"])


class ProposedTime(Shape):
    """A time that a session could move to."""

    starts_at: LocalTime
    practitioner_id: int
    room_id: int | None = Field(description="Null: any free room.")


class ProposedClosure(Shape):
    """The days on which a clinic will close: all day (00:00 to 00:00) or part of each day."""

    date: str
    last_date: str
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")


class ProposedMove(Shape):
    """A session with its present time, and the time that it could move to."""

    appointment_id: int
    course_id: int
    patient_id: int
    number: int
    starts_at: LocalTime = Field(description="The present time.")
    to: ProposedTime | None = Field(description="Null: no time is free. `why` says why.")
    why: str


class PostponedCourse(Shape):
    """A course whose remaining sessions all move later, because a session has no time of its own.

    The course keeps its pace after the absence. Its `compromises` contain the gap.
    """

    course_id: int
    patient_id: int
    from_number: int = Field(description="The first session that moves.")
    by_weeks: int | None = Field(
        description="The number of weeks that every session moves, at its hour and with its"
        " practitioner. Null: the rest of the course was replanned."
    )
    sentence: str = Field(
        examples=["From session 3 on, the rest of the course moves by one week: 4 sessions."]
    )
    sessions: list[ProposedMove] = Field(
        description="All sessions that move, in order, including those after the absence."
    )


class AbsenceProposalShape(Shape):
    """A proposal. It moves no session until it is confirmed."""

    id: int | None = Field(description="Null: a dry run; the proposal does not exist.")
    clinic_id: int
    practitioner_id: int | None = Field(description="The practitioner who will be away.")
    room_id: int | None = Field(description="The room that will be out of use.")
    closure: ProposedClosure | None = Field(description="The days on which the clinic will close.")
    starts_at: LocalTime
    ends_at: LocalTime
    reason: str
    sessions: list[ProposedMove] = Field(description="The sessions that are booked in that time.")
    postponed_courses: list[PostponedCourse] = Field(
        description="Courses whose remaining sessions move later together. Confirming the proposal"
        " moves them too."
    )
    unplaced: int = Field(description="The number of sessions without any free time.")
    held_until: LocalTime | None = Field(
        description="A patient holds a time in the absence on the booking form, at least until"
        " then. Confirm after that, or with `held`: `release`."
    )
    confirmed_at: LocalTime | None


class OutdatedProposal(Shape):
    """A problem (RFC 9457) with a new proposal for the present calendar."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    proposal: AbsenceProposalShape


class ProposalConfirmation(Shape):
    """How to treat sessions without a free time, and times held on the booking form."""

    unplaced: Literal["cancel", "refuse"] = Field(
        "refuse",
        description="Sessions without a free time: `cancel` cancels them, `refuse` changes nothing"
        " while there are any.",
    )
    held: Literal["release", "refuse"] = Field(
        "refuse",
        description="Times held on the booking form: `release` releases them, and the form proposes"
        " others. `refuse` changes nothing while there are any.",
    )


@router.post(
    "/practitioners/{practitioner_id}/absence-proposals",
    status_code=201,
    response_model=AbsenceProposalShape,
)
@needs(Permission.CLOSE)
def propose_for_practitioner(
    call: Writing, practitioner_id: PathId, body: NewAbsence
) -> JSONResponse:
    """Propose other practitioners, or other times, while a practitioner is away.

    Each session keeps the pace of its course. Where no time does, the rest of the course moves
    later (`postponed_courses`). If a session in that time has begun, 409 lists it.
    """
    return _of_time_off(
        call, setup.find_practitioner(call.session, call.actor, practitioner_id), body
    )


@router.post(
    "/rooms/{room_id}/absence-proposals", status_code=201, response_model=AbsenceProposalShape
)
@needs(Permission.CLOSE)
def propose_for_room(call: Writing, room_id: PathId, body: NewAbsence) -> JSONResponse:
    """Propose other rooms, or other times, while a room is out of use.

    Each session keeps the pace of its course. Where no time does, the rest of the course moves
    later (`postponed_courses`). If a session in that time has begun, 409 lists it.
    """
    return _of_time_off(call, setup.find_room(call.session, call.actor, room_id), body)


@router.post(
    "/clinics/{clinic_id}/absence-proposals", status_code=201, response_model=AbsenceProposalShape
)
@needs(Permission.CLOSE)
def propose_for_clinic(call: Writing, clinic_id: PathId, body: NewClosure) -> JSONResponse:
    """Propose other times while a clinic is closed.

    Each session keeps the pace of its course. Where no time does, the rest of the course moves
    later (`postponed_courses`). If a session in that time has begun, 409 lists it.
    """
    clinic = setup.find_clinic(call.session, call.actor, clinic_id)
    body.check(call.now.astimezone(zones.of(call.session, clinic_id)).date())
    return _propose(
        call,
        proposals.of_closure(
            clinic,
            day=body.date,
            last_day=body.last_date,
            starts=body.start,
            ends=body.end,
            reason=body.reason,
            now=call.now,
        ),
    )


@router.get("/absence-proposals/{proposal_id}")
@needs(Permission.SEE_CALENDAR)
def show_proposal(call: Looking, proposal_id: PathId) -> AbsenceProposalShape:
    """A proposal as it was made. The audit trail records that you read it."""
    found = proposals.find(call.session, call.actor, proposal_id)
    call.record_view("absence proposal", found)
    return _shape(call, found)


@router.post("/absence-proposals/{proposal_id}/confirmation", response_model=AbsenceProposalShape)
@needs(Permission.CLOSE)
def confirm(
    call: Rehearsing, proposal_id: PathId, body: ProposalConfirmation | None = None
) -> JSONResponse:
    """Add the absence and move all its sessions in one step. The patients get the usual texts.

    If the calendar has changed since, or a patient holds a time in the absence on the booking
    form, 409 contains a new `proposal` and nothing moves.
    """
    found = proposals.find(call.session, call.actor, proposal_id)
    body = body or ProposalConfirmation()
    try:
        with call.session.begin_nested():
            confirmation.confirm(
                call.session,
                call.actor,
                found,
                cancel_unplaced=body.unplaced == "cancel",
                release_held=body.held == "release",
                now=call.now,
            )
    except (Outdated, Held) as problem:
        return _outdated(call, found, problem)
    return call.answer(_shape(call, found))


def _of_time_off(call: Call, owner: Whose, body: NewAbsence) -> JSONResponse:
    return _propose(call, proposals.of_time_off(owner, now=call.now, **body.model_dump()))


def _propose(call: Call, absence: AbsenceProposal) -> JSONResponse:
    made = proposals.propose(call.session, call.actor, absence)
    return call.answer(_shape(call, made), status=201)


def _outdated(call: Call, before: AbsenceProposal, problem: Outdated | Held) -> JSONResponse:
    """The error with a new proposal. Raising it would roll the new proposal back."""
    fresh = proposals.propose_again(call.session, call.actor, before, now=call.now)
    body = OutdatedProposal(
        type=f"/problems/{problem.slug}",
        title="Conflict",
        status=status_of(problem),
        detail=problem.sentence,
        request_id=call.actor.request_id,
        proposal=_shape(call, fresh).model_copy(update={"id": None} if call.rehearsal else {}),
    )
    answer = call.answer(body, status=body.status)
    answer.headers["Content-Type"] = MEDIA_TYPE
    return answer


def _shape(call: Call, proposal: AbsenceProposal) -> AbsenceProposalShape:
    zone = zones.of(call.session, proposal.clinic_id)
    sessions = proposals.sessions_of(call.session, proposal)
    return AbsenceProposalShape.of(
        proposal,
        zone,
        closure=_closure(proposal),
        sessions=[
            _move(placing, sessions, zone) for placing in proposal.placings if placing.inside
        ],
        postponed_courses=_postponed(proposal, sessions, zone),
        unplaced=sum(placing.to is None for placing in proposal.placings),
    )


def _postponed(
    proposal: AbsenceProposal, sessions: Mapping[int, Appointment], zone: ZoneInfo
) -> list[PostponedCourse]:
    of_course: dict[int, list[Placing]] = defaultdict(list)
    for placing in proposal.placings:
        if placing.postponed:
            of_course[sessions[placing.appointment_id].course_id].append(placing)
    return [
        _postponed_course([_move(placing, sessions, zone) for placing in placings], postponed)
        for placings in of_course.values()
        if (postponed := placings[0].postponed)
    ]


def _postponed_course(moves: list[ProposedMove], postponed: Postponed) -> PostponedCourse:
    moves.sort(key=lambda move: move.number)
    return PostponedCourse(
        course_id=moves[0].course_id,
        patient_id=moves[0].patient_id,
        from_number=moves[0].number,
        by_weeks=postponed.by_weeks,
        sentence=_sentence(moves, postponed.by_weeks),
        sessions=moves,
    )


def _sentence(placings: Sequence[ProposedMove], weeks: int | None) -> str:
    how = (
        "to other times" if weeks is None else "by one week" if weeks == 1 else f"by {weeks} weeks"
    )
    many = "1 session" if len(placings) == 1 else f"{len(placings)} sessions"
    first = placings[0].number
    return f"From session {first} on, the rest of the course moves {how}: {many}."


def _move(placing: Placing, sessions: Mapping[int, Appointment], zone: ZoneInfo) -> ProposedMove:
    session = sessions[placing.appointment_id]
    return ProposedMove.of(
        session,
        zone,
        appointment_id=session.id,
        to=_proposed_time(placing.to, zone) if placing.to else None,
        why=absence_phrases.why_unplaced(placing),
    )


def _proposed_time(to: PlacedAt, zone: ZoneInfo) -> ProposedTime:
    return ProposedTime(
        starts_at=local(to.starts_at, zone), practitioner_id=to.practitioner_id, room_id=to.room_id
    )


def _closure(proposal: AbsenceProposal) -> ProposedClosure | None:
    closure = proposal.closure
    if closure is None:
        return None
    return ProposedClosure(
        date=closure.day.isoformat(),
        last_date=closure.last_day.isoformat(),
        start=closure.starts,
        end=closure.ends,
    )
