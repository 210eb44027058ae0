"""Somebody or something is not there: where those booked could go, and all of it at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from scheduler.api.clinic.closures import NewClosure
from scheduler.api.http import zones
from scheduler.api.http.auth import Call, Looking, Rehearsing, Writing, needs
from scheduler.api.http.fields import Moment, PathId, Shape, Text, local
from scheduler.api.http.problems import MEDIA_TYPE, status_of
from scheduler.booking.absences import confirmation, proposals
from scheduler.booking.absences.confirmation import Held, Outdated
from scheduler.booking.absences.time_off import Whose
from scheduler.booking.models import AbsenceProposal, Appointment
from scheduler.clinic import setup
from scheduler.phrases import absences as absence_phrases
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(tags=["absences"])


class NewAbsence(Shape):
    """When a practitioner will be away, or a room out of use."""

    starts_at: Moment
    ends_at: Moment
    reason: Text = Field("", max_length=200, examples=["ill"])


class ProposedTime(Shape):
    """Where a session could go."""

    starts_at: str
    practitioner_id: int
    room_id: int | None = Field(description="None: whichever is free.")


class ProposedClosure(Shape):
    """The days on which a clinic closes, for all of each (00:00 to 00:00) or for a part."""

    date: str
    last_date: str
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")


class ProposedMove(Shape):
    """A session, when it is now and where it could go."""

    appointment_id: int
    course_id: int
    patient_id: int
    number: int
    starts_at: str = Field(description="When it is now.")
    to: ProposedTime | None = Field(description="None: there is no place for it; `why` says so.")
    why: str


class PostponedCourse(Shape):
    """A course with a session that has no place by itself: the rest of it goes later, as a whole.

    So it keeps its pace after the absence, and the gap is in its `compromises`.
    """

    course_id: int
    patient_id: int
    from_number: int = Field(description="The first of the sessions that go later.")
    by_weeks: int | None = Field(
        description="By how many weeks, each at its hour and with whom it was. None: these times"
        " are not free, or the course can go on sooner; the rest was planned anew."
    )
    sentence: str = Field(
        examples=["From session 3 on, the rest of the course moves by one week: 4 sessions."]
    )
    sessions: list[ProposedMove] = Field(
        description="All that go later, in order, those after the absence too."
    )


class AbsenceProposalShape(Shape):
    """What could become of the sessions. Nothing is moved before it is confirmed."""

    id: int | None = Field(description="None: it was only rehearsed, and does not exist.")
    clinic_id: int
    practitioner_id: int | None = Field(description="Who will be away, if it is somebody.")
    room_id: int | None = Field(description="Which room is out of use, if it is one.")
    closure: ProposedClosure | None = Field(description="When the clinic closes, if it does.")
    starts_at: str
    ends_at: str
    reason: str
    sessions: list[ProposedMove] = Field(description="Those that are booked in that time.")
    postponed_courses: list[PostponedCourse] = Field(
        description="Courses of which sessions have no place by themselves, and that can go on"
        " later as a whole. Confirming moves them too."
    )
    unplaced: int = Field(description="How many have no place, not even so.")
    held_until: str | None = Field(
        description="Somebody who is filling the booking form has a time in it, until then or for"
        " as long as they go on. Confirm after that, or with `held`: `release`."
    )
    confirmed_at: str | None


class OutdatedProposal(Shape):
    """A problem (RFC 9457) that brings what is possible now."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    proposal: AbsenceProposalShape


class ProposalConfirmation(Shape):
    """What is to become of sessions that have no place, and of times that are only held."""

    unplaced: Literal["cancel", "refuse"] = Field(
        "refuse", description="`refuse`: nothing is done while there are any."
    )
    held: Literal["release", "refuse"] = Field(
        "refuse",
        description="`release`: whoever is filling the booking form with a time in the absence is"
        " proposed others. `refuse`: nothing is done while somebody is.",
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
    """A practitioner will be away: where each session could go, with another or on another day.

    At the pace of its course. Where that cannot be, the rest of the course goes later as a whole
    (`postponed_courses`). Sessions that have begun: 409, which lists them.
    """
    return _of_time_off(
        call, setup.find_practitioner(call.session, call.actor, practitioner_id), body
    )


@router.post(
    "/rooms/{room_id}/absence-proposals", status_code=201, response_model=AbsenceProposalShape
)
@needs(Permission.CLOSE)
def propose_for_room(call: Writing, room_id: PathId, body: NewAbsence) -> JSONResponse:
    """A room will be out of use: where each session could go, in another or on another day.

    At the pace of its course. Where that cannot be, the rest of the course goes later as a whole
    (`postponed_courses`). Sessions that have begun: 409, which lists them.
    """
    return _of_time_off(call, setup.find_room(call.session, call.actor, room_id), body)


@router.post(
    "/clinics/{clinic_id}/absence-proposals", status_code=201, response_model=AbsenceProposalShape
)
@needs(Permission.CLOSE)
def propose_for_clinic(call: Writing, clinic_id: PathId, body: NewClosure) -> JSONResponse:
    """A clinic will close: where each session could go, at another hour or on another day.

    At the pace of its course. Where that cannot be, the rest of the course goes later as a whole
    (`postponed_courses`). Sessions that have begun: 409, which lists them.
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
    """A proposal as it was made. That you looked is written down."""
    found = proposals.find(call.session, call.actor, proposal_id)
    call.record_view("absence proposal", found)
    return _shape(call, found)


@router.post("/absence-proposals/{proposal_id}/confirmation", response_model=AbsenceProposalShape)
@needs(Permission.CLOSE)
def confirm(
    call: Rehearsing, proposal_id: PathId, body: ProposalConfirmation | None = None
) -> JSONResponse:
    """Enter the absence and move all, in one step. The patients are texted as for any move.

    Something has changed since, or somebody who is filling the booking form has a time in the
    absence: 409 with a fresh `proposal`, and nothing is moved.
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
        return _afresh(call, found, problem)
    return call.answer(_shape(call, found))


def _of_time_off(call: Call, whose: Whose, body: NewAbsence) -> JSONResponse:
    return _propose(call, proposals.of_time_off(whose, now=call.now, **body.model_dump()))


def _propose(call: Call, absence: AbsenceProposal) -> JSONResponse:
    made = proposals.propose(call.session, call.actor, absence)
    return call.answer(_shape(call, made), status=201)


def _afresh(call: Call, before: AbsenceProposal, problem: Outdated | Held) -> JSONResponse:
    """A refusal that is kept: raising it would take the fresh proposal back with all else."""
    fresh = proposals.propose_again(call.session, call.actor, before, now=call.now)
    told = OutdatedProposal(
        type=f"/problems/{problem.slug}",
        title="Conflict",
        status=status_of(problem),
        detail=problem.sentence,
        request_id=call.actor.request_id,
        proposal=_shape(call, fresh).model_copy(update={"id": None} if call.rehearsal else {}),
    )
    answer = call.answer(told, status=told.status)
    answer.headers["Content-Type"] = MEDIA_TYPE
    return answer


def _shape(call: Call, proposal: AbsenceProposal) -> AbsenceProposalShape:
    zone = zones.of(call.session, proposal.clinic_id)
    sessions = proposals.sessions_of(call.session, proposal)
    held, confirmed = proposal.held_until, proposal.confirmed_at
    return AbsenceProposalShape(
        id=stored_id(proposal.id),
        clinic_id=proposal.clinic_id,
        practitioner_id=proposal.practitioner_id,
        room_id=proposal.room_id,
        closure=_closed(proposal),
        starts_at=local(proposal.starts_at, zone),
        ends_at=local(proposal.ends_at, zone),
        reason=proposal.reason,
        sessions=[
            _placing(placing, sessions, zone)
            for placing in proposal.placings
            if proposals.is_inside(placing)
        ],
        postponed_courses=_postponed(proposal, sessions, zone),
        unplaced=sum("why" in placing for placing in proposal.placings),
        held_until=None if held is None else local(held, zone),
        confirmed_at=None if confirmed is None else local(confirmed, zone),
    )


def _postponed(
    proposal: AbsenceProposal, sessions: Mapping[int, Appointment], zone: ZoneInfo
) -> list[PostponedCourse]:
    of_course: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for placing in proposal.placings:
        if proposals.is_later(placing):
            of_course[sessions[placing["appointment_id"]].course_id].append(placing)
    return [
        PostponedCourse(
            course_id=course_id,
            patient_id=sessions[those[0]["appointment_id"]].patient_id,
            from_number=placings[0].number,
            by_weeks=those[0]["by_weeks"],
            sentence=_sentence(placings, those[0]["by_weeks"]),
            sessions=placings,
        )
        for course_id, those in of_course.items()
        for placings in [
            sorted((_placing(each, sessions, zone) for each in those), key=lambda each: each.number)
        ]
    ]


def _sentence(placings: Sequence[ProposedMove], weeks: int | None) -> str:
    how = (
        "to other times" if weeks is None else "by one week" if weeks == 1 else f"by {weeks} weeks"
    )
    many = "1 session" if len(placings) == 1 else f"{len(placings)} sessions"
    first = placings[0].number
    return f"From session {first} on, the rest of the course moves {how}: {many}."


def _placing(
    placing: dict[str, Any], sessions: Mapping[int, Appointment], zone: ZoneInfo
) -> ProposedMove:
    session = sessions[placing["appointment_id"]]
    return ProposedMove(
        appointment_id=placing["appointment_id"],
        course_id=session.course_id,
        patient_id=session.patient_id,
        number=session.number,
        starts_at=local(session.starts_at, zone),
        to=_place(placing, zone),
        why=absence_phrases.why_unplaced(placing),
    )


def _closed(proposal: AbsenceProposal) -> ProposedClosure | None:
    said = proposal.closure
    if not said:
        return None
    return ProposedClosure(
        date=said["day"], last_date=said["last_day"], start=said["starts"], end=said["ends"]
    )


def _place(placing: dict[str, Any], zone: ZoneInfo) -> ProposedTime | None:
    if "why" in placing:
        return None
    return ProposedTime(
        starts_at=local(datetime.fromisoformat(placing["starts_at"]), zone),
        practitioner_id=placing["practitioner_id"],
        room_id=placing.get("room_id"),
    )
