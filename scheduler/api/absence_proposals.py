"""A practitioner falls ill: where the patients who are booked could go, and all of it at once."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from scheduler import audit
from scheduler.api import zones
from scheduler.api.conflicts import telling_who_is_booked
from scheduler.api.entry import Call, Looking, Rehearsing, Writing, needs
from scheduler.api.problems import MEDIA_TYPE, status_of
from scheduler.api.shapes import Moment, PathId, Shape, Text, local
from scheduler.booking import absence_proposals
from scheduler.booking.absence_proposals import Outdated
from scheduler.booking.models import AbsenceProposal
from scheduler.clinic import setup
from scheduler.clinic.models import Practitioner
from scheduler.database import known
from scheduler.staff.roles import Deed

router = APIRouter(prefix="/practitioners", tags=["practitioners"])


class NewAbsence(Shape):
    """When a practitioner will be away."""

    starts_at: Moment
    ends_at: Moment
    reason: Text = Field("", max_length=200, examples=["ill"])


class PlaceShape(Shape):
    """Where a session could go."""

    starts_at: str
    practitioner_id: int


class PlacingShape(Shape):
    """A session that is booked in that time."""

    appointment_id: int
    course_id: int
    patient_id: int
    number: int
    starts_at: str = Field(description="When it is now.")
    to: PlaceShape | None = Field(description="None: there is no place for it; `why` says so.")
    why: str


class ProposalShape(Shape):
    """What could become of the sessions. Nothing is moved before it is confirmed."""

    id: int | None = Field(description="None: it was only rehearsed, and does not exist.")
    practitioner_id: int
    starts_at: str
    ends_at: str
    reason: str
    sessions: list[PlacingShape]
    unplaced: int = Field(description="How many have no place.")
    confirmed_at: str | None


class OutdatedShape(Shape):
    """A problem (RFC 9457) that brings what is possible now."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    proposal: ProposalShape


class Confirmation(Shape):
    """What is to become of sessions that have no place."""

    unplaced: Literal["cancel", "refuse"] = Field(
        "refuse", description="`refuse`: nothing is done while there are any."
    )


@router.post("/{practitioner_id}/absence-proposals", status_code=201, response_model=ProposalShape)
@needs(Deed.CLOSE)
def propose(call: Writing, practitioner_id: PathId, body: NewAbsence) -> JSONResponse:
    """Where each session in that time could go: another practitioner on the day, or a day near it.

    Never off the pace of its course. Sessions that have begun: 409, which lists them.
    """
    practitioner = setup.find_practitioner(call.session, call.actor, practitioner_id)
    made = _propose(call, practitioner, body.starts_at, body.ends_at, body.reason)
    return call.answer(_shape(call, made), status=201)


@router.get("/{practitioner_id}/absence-proposals/{proposal_id}")
@needs(Deed.SEE_CALENDAR)
def show_proposal(call: Looking, practitioner_id: PathId, proposal_id: PathId) -> ProposalShape:
    """A proposal as it was made. That you looked is written down."""
    found = absence_proposals.find(call.session, call.actor, practitioner_id, proposal_id)
    audit.record(
        call.session,
        call.actor,
        "looked at",
        "absence proposal",
        proposal_id,
        clinic_id=found.clinic_id,
        now=call.now,
    )
    return _shape(call, found)


@router.post(
    "/{practitioner_id}/absence-proposals/{proposal_id}/confirmation", response_model=ProposalShape
)
@needs(Deed.CLOSE)
def confirm(
    call: Rehearsing,
    practitioner_id: PathId,
    proposal_id: PathId,
    body: Confirmation | None = None,
) -> JSONResponse:
    """Take the time off and move all, in one step. The patients are texted as for any move.

    Something has changed since: 409 with a fresh `proposal`, and nothing is moved.
    """
    found = absence_proposals.find(call.session, call.actor, practitioner_id, proposal_id)
    cancel = body is not None and body.unplaced == "cancel"
    try:
        with call.session.begin_nested():
            absence_proposals.confirm(
                call.session, call.actor, found, cancel_unplaced=cancel, now=call.now
            )
    except Outdated as outdated:
        return _afresh(call, found, outdated)
    return call.answer(_shape(call, found))


def _propose(
    call: Call, practitioner: Practitioner, starts_at: datetime, ends_at: datetime, reason: str
) -> AbsenceProposal:
    with telling_who_is_booked(zones.of(call.session, practitioner.clinic_id)):
        return absence_proposals.propose(
            call.session,
            call.actor,
            practitioner,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            now=call.now,
        )


def _afresh(call: Call, before: AbsenceProposal, outdated: Outdated) -> JSONResponse:
    """A refusal that is kept: raising it would take the fresh proposal back with all else."""
    practitioner = call.session.get_one(Practitioner, before.practitioner_id)
    fresh = _propose(call, practitioner, before.starts_at, before.ends_at, before.reason)
    told = OutdatedShape(
        type=f"/problems/{outdated.slug}",
        title="Conflict",
        status=status_of(outdated),
        detail=outdated.sentence,
        request_id=call.actor.request_id,
        proposal=_shape(call, fresh).model_copy(update={"id": None} if call.rehearsal else {}),
    )
    answer = call.answer(told, status=told.status)
    answer.headers["Content-Type"] = MEDIA_TYPE
    return answer


def _shape(call: Call, proposal: AbsenceProposal) -> ProposalShape:
    zone = zones.of(call.session, proposal.clinic_id)
    sessions = absence_proposals.sessions_of(call.session, proposal)
    confirmed = proposal.confirmed_at
    return ProposalShape(
        id=known(proposal.id),
        practitioner_id=proposal.practitioner_id,
        starts_at=local(proposal.starts_at, zone),
        ends_at=local(proposal.ends_at, zone),
        reason=proposal.reason,
        sessions=[
            PlacingShape(
                appointment_id=each["appointment_id"],
                course_id=session.course_id,
                patient_id=session.patient_id,
                number=session.number,
                starts_at=local(session.starts_at, zone),
                to=_place(each, zone),
                why=each.get("why", ""),
            )
            for each in proposal.placings
            for session in [sessions[each["appointment_id"]]]
        ],
        unplaced=sum("why" in each for each in proposal.placings),
        confirmed_at=None if confirmed is None else local(confirmed, zone),
    )


def _place(placing: dict[str, str], zone: ZoneInfo) -> PlaceShape | None:
    if "why" in placing:
        return None
    starts_at = datetime.fromisoformat(placing["starts_at"])
    return PlaceShape(
        starts_at=local(starts_at, zone), practitioner_id=int(placing["practitioner_id"])
    )
