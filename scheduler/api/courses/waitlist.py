"""The waitlist: patients who want an earlier or another time, and their offers."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Call, Looking, Reading, Writing, needs
from scheduler.api.http.fields import (
    ClockTime,
    Day,
    Id,
    LocalTime,
    PatchShape,
    PathId,
    QueryId,
    Several,
    Shape,
    Text,
    Weekday,
    given,
    local,
)
from scheduler.api.http.pagination import Page, Paging
from scheduler.booking.courses import appointments
from scheduler.booking.models import EntryState, Offer, WaitlistEntry
from scheduler.booking.waitlist import entries, offers
from scheduler.clinic import setup
from scheduler.clinic.hours import MINUTES_PER_DAY, end_of, minute_of_day
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import WEEKDAYS
from scheduler.infra.errors import Invalid
from scheduler.patients import register
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/waitlist", tags=["waitlist"])

Need = Literal["usual", "soon", "urgent"]
Between = Annotated[list[ClockTime], Field(min_length=2, max_length=2)]


class WaitlistWishes(Shape):
    """Times that suit the patient. Fields that are not sent do not restrict them."""

    practitioner_id: Id | None = None
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7, examples=[["mon", "thu"]])
    between: Between | None = Field(
        None,
        examples=[["09:00", "13:00"]],
        description="Sessions start at or after the first time, and before the second.",
    )
    first: Day | None = Field(None, alias="from", description="No session before this date.")
    last: Day | None = Field(None, alias="to", description="No session after this date.")
    need: Need = Field(
        "usual", description="Entries with a higher need come first, then those that wait longer."
    )
    need_reason: Text = Field("", max_length=200, description="The reason of a higher need.")


class NewWaitlistEntry(WaitlistWishes):
    """A new entry. Send `appointment_id` for an earlier time of that session, or `treatment_id` and
    `patient_id` for a session or a whole course."""

    appointment_id: Id | None = None
    treatment_id: Id | None = None
    patient_id: Id | None = None
    wants: Literal["earlier", "session", "course"] = "earlier"


class WaitlistEntryChange(PatchShape, WaitlistWishes):
    """Changes of an entry. An offer that no longer suits is withdrawn."""


class OfferedSession(Shape):
    """A session of an offer."""

    starts_at: LocalTime
    ends_at: LocalTime
    practitioner_id: int


class WaitlistOfferShape(Shape):
    """The open offer."""

    sessions: list[OfferedSession]
    expires_at: LocalTime
    to_several: bool = Field(
        description="True: several patients have the offer, and the first to accept gets it."
        " False: the time is held for this patient."
    )


class WaitlistEntryShape(Shape):
    """An entry of the waitlist. The ETag contains its version."""

    id: int
    clinic_id: int
    patient_id: int
    treatment_id: int
    appointment_id: int | None = Field(
        description="The session that should be earlier. In the state `taken`: the booked session."
    )
    wants: str
    practitioner_id: int | None
    weekdays: list[Weekday]
    between: list[str] | None
    first: str | None = Field(alias="from")
    last: str | None = Field(alias="to")
    need: Need
    need_reason: str
    state: EntryState
    reason: str = Field(description="Why the entry ended, if no offer was accepted.")
    entered_at: LocalTime
    offer: WaitlistOfferShape | None
    version: int


class OfferDecline(Shape):
    """The patient's answer to an offer."""

    leave: bool = Field(
        False, strict=True, description="True: also take the patient off the waitlist."
    )


@router.get("")
@needs(Permission.SEE_CALENDAR)
def list_entries(
    call: Reading,
    paging: Paging,
    *,
    clinic_id: QueryId = None,
    treatment_id: QueryId = None,
    patient_id: QueryId = None,
    state: Several[EntryState] = None,
) -> Page[WaitlistEntryShape]:
    """The entries of your clinics, in the order in which they were added.

    Offers go to patients who have agreed to texts, by need and then by waiting time. Call the
    others.
    """
    where = [
        col(getattr(WaitlistEntry, name)) == value
        for name, value in (
            ("treatment_id", treatment_id),
            ("patient_id", patient_id),
        )
        if value is not None
    ]
    if state:
        where.append(col(WaitlistEntry.state).in_(state))
    found = pagination.rows(call, WaitlistEntry, paging, *where, clinic_id=clinic_id)
    known_zones = zones.of_all(call.session, {row.clinic_id for row in found})
    return pagination.page(found, paging, lambda row: _shape(call, row, known_zones[row.clinic_id]))


@router.post("", status_code=201, response_model=WaitlistEntryShape)
@needs(Permission.BOOK)
def enter(call: Writing, body: NewWaitlistEntry) -> JSONResponse:
    """Add an entry. A free time that suits is offered at once."""
    wishes = _wishes(body, body.model_dump(exclude={"appointment_id", "treatment_id", "wants"}))
    entry = entries.enter(call.session, call.actor, now=call.now, **_for_whom(call, body), **wishes)
    return _answer(call, entry, status=201)


@router.get("/{entry_id}", response_model=WaitlistEntryShape)
@needs(Permission.SEE_CALENDAR)
def show_entry(call: Looking, entry_id: PathId) -> JSONResponse:
    """One entry. The audit trail records that you read it."""
    entry = entries.find(call.session, call.actor, entry_id)
    call.record_view("waitlist entry", entry)
    return _answer(call, entry)


@router.patch("/{entry_id}", response_model=WaitlistEntryShape)
@needs(Permission.BOOK)
def change_entry(call: Writing, entry_id: PathId, body: WaitlistEntryChange) -> JSONResponse:
    """Change an entry. It keeps its waiting time."""
    entry = _expected(call, entry_id)
    entries.change(call.session, call.actor, entry, _wishes(body, given(body)), now=call.now)
    return _answer(call, entry)


@router.delete("/{entry_id}", status_code=204)
@needs(Permission.BOOK)
def withdraw(call: Writing, entry_id: PathId) -> None:
    """Remove an entry. A time that is on offer to it goes to the next entry."""
    entries.withdraw(call.session, call.actor, _expected(call, entry_id), now=call.now)


@router.post("/{entry_id}/acceptance", response_model=WaitlistEntryShape)
@needs(Permission.BOOK)
def accept(call: Writing, entry_id: PathId) -> JSONResponse:
    """Accept the offer. The session is moved or booked, and its old time becomes free."""
    entry = _expected(call, entry_id)
    offer = offers.find_running(call.session, entry)
    offers.accept(call.session, call.actor, offer, now=call.now)
    return _answer(call, entry)


@router.post("/{entry_id}/decline", response_model=WaitlistEntryShape)
@needs(Permission.BOOK)
def decline(call: Writing, entry_id: PathId, body: OfferDecline | None = None) -> JSONResponse:
    """Decline the offer. The time goes to the next entry, and this entry keeps waiting."""
    entry = _expected(call, entry_id)
    offer = offers.find_running(call.session, entry)
    leave = body is not None and body.leave
    offers.decline(call.session, call.actor, offer, leave=leave, now=call.now)
    return _answer(call, entry)


def _expected(call: Call, entry_id: int) -> WaitlistEntry:
    entry = entries.find(call.session, call.actor, entry_id)
    entries.lock(call.session, entry)
    call.expect(entry.version)
    return entry


def _for_whom(call: Call, body: NewWaitlistEntry) -> dict[str, Any]:
    for_treatment = body.treatment_id is not None and body.patient_id is not None
    if body.wants == "earlier":
        if body.appointment_id is None:
            raise Invalid(
                "Send `appointment_id`, the session that should be earlier.", field="appointment_id"
            )
        if body.treatment_id is not None or body.patient_id is not None:
            raise Invalid(
                "`appointment_id` already names the patient and the treatment. Remove"
                " `treatment_id` and `patient_id`.",
                field="treatment_id",
            )
        found = appointments.find(call.session, call.actor, body.appointment_id)
        return {"appointment": found}
    if body.appointment_id is not None:
        raise Invalid(
            f"`appointment_id` does not go with `wants`: “{body.wants}”. Remove one of them.",
            field="appointment_id",
        )
    if not for_treatment or body.treatment_id is None or body.patient_id is None:
        raise Invalid("Send `treatment_id` and `patient_id`.", field="treatment_id")
    return {
        "treatment": setup.find_treatment(call.session, call.actor, body.treatment_id),
        "patient": register.find(call.session, call.actor, body.patient_id),
        "whole_course": body.wants == "course",
    }


def _wishes(body: WaitlistWishes, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the wishes that were sent."""
    wishes: dict[str, Any] = {
        name: sent[name] for name in ("practitioner_id", "need_reason") if name in sent
    }
    if "weekdays" in sent:
        wishes["weekdays"] = sorted({WEEKDAYS.index(weekday) for weekday in body.weekdays})
    if "between" in sent:
        wishes["from_minute"], wishes["to_minute"] = _minutes(body.between)
    if "first" in sent:
        wishes["first_day"] = body.first
    if "last" in sent:
        wishes["last_day"] = body.last
    if "need" in sent:
        wishes["need"] = entries.URGENCIES.index(body.need)
    return wishes


def _minutes(between: list[str] | None) -> tuple[int | None, int | None]:
    if between is None:
        return None, None
    first, last = (time.fromisoformat(clock_time) for clock_time in between)
    if end_of(last) <= minute_of_day(first):
        raise Invalid(
            f"{between[1]} is not later than {between[0]}. Send a later second time.",
            field="between",
        )
    return minute_of_day(first), end_of(last)


def _shape(call: Call, entry: WaitlistEntry, zone: ZoneInfo) -> WaitlistEntryShape:
    between = None
    if entry.from_minute is not None and entry.to_minute is not None:
        between = [_clock(entry.from_minute), _clock(entry.to_minute)]
    offer = entries.open_offer(call.session, entry) if entry.state == EntryState.OFFERED else None
    return WaitlistEntryShape.of(
        entry,
        zone,
        weekdays=[WEEKDAYS[weekday] for weekday in entry.weekdays],
        between=between,
        first=entry.first_day.isoformat() if entry.first_day else None,
        last=entry.last_day.isoformat() if entry.last_day else None,
        need=entries.URGENCIES[entry.need],
        offer=_offer_shape(call, entry, offer, zone) if offer else None,
    )


def _offer_shape(
    call: Call, entry: WaitlistEntry, offer: Offer, zone: ZoneInfo
) -> WaitlistOfferShape:
    length = timedelta(minutes=call.session.get_one(Treatment, entry.treatment_id).minutes)
    return WaitlistOfferShape(
        sessions=[
            OfferedSession(
                starts_at=local(offered.starts_at, zone),
                ends_at=local(offered.starts_at + length, zone),
                practitioner_id=offered.practitioner_id,
            )
            for offered in offer.sessions
        ],
        expires_at=local(offer.expires_at, zone),
        to_several=offer.to_several,
    )


def _clock(minute: int) -> str:
    return f"{minute % MINUTES_PER_DAY // 60:02}:{minute % 60:02}"


def _answer(call: Call, entry: WaitlistEntry, *, status: int = 200) -> JSONResponse:
    call.session.flush()
    shape = _shape(call, entry, zones.of(call.session, entry.clinic_id))
    return call.answer(shape, status=status, version=entry.version)
