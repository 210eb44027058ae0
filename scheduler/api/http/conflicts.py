"""What stands in the way of a booking, an absence or a plan, told so that it can be mended."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from scheduler.api.http import zones
from scheduler.api.http.auth import Call
from scheduler.api.http.fields import local
from scheduler.api.http.problems import With
from scheduler.booking.absences import displaced
from scheduler.booking.absences.time_off import BookedInside
from scheduler.booking.availability.allocation import SessionsTaken, TimeConflict
from scheduler.booking.courses.adherence import BreaksPace
from scheduler.booking.pace.planner import NoPlan
from scheduler.booking.pace.remedies import Remedy
from scheduler.booking.planning.no_plan import Refused
from scheduler.clinic.models import Practitioner
from scheduler.clinic.phases import to_json
from scheduler.infra.intervals import instant_of

KeepBooked = Annotated[
    bool,
    Field(
        strict=True,
        description="True: sessions that would no longer fit stay as they are. Otherwise 409"
        " lists them and nothing changes.",
    ),
]


@contextmanager
def telling_alternatives(zone: ZoneInfo, asked: Sequence[datetime] = ()) -> Iterator[None]:
    """Sessions that are taken are told with free times near them.

    `asked`: the starts in the order in which they were sent, so that each is found again there.
    """
    try:
        yield
    except SessionsTaken as taken:
        raise With(
            taken, conflicts=[_clash(clash, zone, asked) for clash in taken.clashes]
        ) from taken


@contextmanager
def telling_what_breaks(zone: ZoneInfo) -> Iterator[None]:
    """Sessions that are taken, and a pace that would be left, are told with what they are about."""
    try:
        with telling_alternatives(zone):
            yield
    except BreaksPace as broken:
        raise With(
            broken,
            breaks=[
                {
                    "kind": departure.kind,
                    "session_numbers": [departure.number],
                    "sentence": f"{departure.what}.",
                }
                for departure in broken.departures
            ],
        ) from broken


@contextmanager
def telling_who_is_booked(zone: ZoneInfo) -> Iterator[None]:
    """An absence that is in the way of sessions is told with them."""
    try:
        yield
    except BookedInside as booked:
        raise With(
            booked,
            appointments=[
                {
                    "id": appointment.appointment_id,
                    "course_id": appointment.course_id,
                    "number": appointment.number,
                    "starts_at": local(appointment.starts_at, zone),
                }
                for appointment in booked.appointments
            ],
        ) from booked


@contextmanager
def telling_displaced(call: Call, practitioner: Practitioner, *, keep: bool) -> Iterator[None]:
    """Sessions that a change of a practitioner's rules leaves out are told, unless to be kept."""
    zone = zones.of(call.session, practitioner.clinic_id)
    with (
        telling_who_is_booked(zone),
        displaced.telling(call.session, practitioner, keep=keep, now=call.now),
    ):
        yield


@contextmanager
def telling_which_session() -> Iterator[None]:
    """A plan that cannot be is told with the session that cannot be placed."""
    try:
        yield
    except Refused as none:
        raise With(
            none,
            session_number=none.session_number,
            remedies=[_remedy(remedy) for remedy in none.remedies],
        ) from none
    except NoPlan as none:
        raise With(none, session_number=none.session_number) from none


def _remedy(remedy: Remedy) -> dict[str, Any]:
    send: dict[str, Any] = {}
    if remedy.start_on is not None:
        send["start_on"] = remedy.start_on.isoformat()
    if remedy.phases is not None:
        send["phases"] = [to_json(phase) for phase in remedy.phases]
    if remedy.strict is not None:
        send["strict"] = sorted(remedy.strict)
    return {"kind": remedy.kind, "sentence": remedy.sentence, "send": send}


def _clash(clash: TimeConflict, zone: ZoneInfo, asked: Sequence[datetime]) -> dict[str, Any]:
    place = {"field": f"sessions[{asked.index(clash.starts_at)}]"} if asked else {}
    return {
        "number": clash.number,
        **place,
        "starts_at": local(clash.starts_at, zone),
        "reason": clash.reason,
        "alternatives": [
            {
                "starts_at": local(instant_of(slot.starts_at), zone),
                "practitioner_id": slot.practitioner_id,
                "room_id": slot.room_id,
            }
            for slot in clash.alternatives
        ],
    }
