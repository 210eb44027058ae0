"""The course that a form proposes: planned, kept free for ten minutes, changed, planned anew.

What a form has told is in its enquiry; what is proposed lies there too, and its times are on the
diary as a hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.booking.availability import holds, search
from scheduler.booking.availability.allocation import Allocation, RequestedTime, SessionsTaken
from scheduler.booking.availability.search import Ignoring
from scheduler.booking.models import Enquiry
from scheduler.booking.pace import planner
from scheduler.booking.pace.compromises import Compromise
from scheduler.booking.pace.planner import Opening, Plan, PlannedSession, Wishes
from scheduler.booking.planning import draft_bookings, fact_json, plan_course
from scheduler.clinic import hours, phases
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Conflict
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient

CLAIM_ATTEMPTS = 3
NEAR = timedelta(days=14)
"""How far from its time another one is looked for when a session is changed."""


class NoLongerFree(Conflict):
    sentence = "This time is no longer free, or no longer keeps the rhythm. Please choose again."

    slug = "no-longer-free"


def make(
    session: Session,
    enquiry: Enquiry,
    treatment: Treatment,
    wishes: Wishes,
    *,
    now: datetime,
    patient: Patient | None = None,
) -> None:
    """Propose the best course and keep its times. Raises planner.NoPlan with why there is none.

    `patient`: where it is known who comes, at times when that person is free.
    """
    ignoring = Ignoring(enquiry.hold_id)
    for look in range(1, CLAIM_ATTEMPTS + 1):
        plan = plan_course.propose(
            session,
            treatment,
            wishes,
            now=now,
            agreed=agreed(enquiry, treatment),
            patient=patient,
            ignoring=ignoring,
        )
        try:
            adopt(session, enquiry, treatment, plan, now=now)
        except SessionsTaken:
            # Somebody was quicker between the look and the claim: look again.
            if look == CLAIM_ATTEMPTS:
                raise
        else:
            return


def adopt(
    session: Session, enquiry: Enquiry, treatment: Treatment, plan: Plan, *, now: datetime
) -> None:
    """Propose this course and no other. Raises SessionsTaken, and then all is as it was."""
    _keep(session, enquiry, treatment, plan.sessions, now)
    enquiry.compromises = [fact_json.COMPROMISE.dump(compromise) for compromise in plan.compromises]
    session.add(enquiry)
    session.flush()


def put_back(
    session: Session,
    enquiry: Enquiry,
    treatment: Treatment,
    sessions: Sequence[Mapping[str, int]],
    compromises: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
) -> None:
    """Propose again what an enquiry once held in these two fields. SessionsTaken as in `adopt`."""
    zone = search.find_resources(session, treatment).zone
    _keep(session, enquiry, treatment, _read(sessions, zone), now)
    enquiry.compromises = [dict(compromise) for compromise in compromises]
    session.add(enquiry)
    session.flush()


def agreed(enquiry: Enquiry, treatment: Treatment) -> list[Phase]:
    """The phases that are planned: the treatment's, or others that the form has settled for."""
    others = enquiry.answers.get("phases")
    return (
        [phases.from_json(each) for each in others] if others else plan_course.phases_of(treatment)
    )


def renew(session: Session, enquiry: Enquiry, treatment: Treatment, *, now: datetime) -> bool:
    """Keep the proposed times for ten more minutes. False: some are gone, and nothing is kept."""
    if enquiry.hold_id is not None and holds.renew(session, enquiry.hold_id, now=now):
        return True
    try:
        _keep(session, enquiry, treatment, planned(session, enquiry, treatment), now)
    except SessionsTaken:
        return False
    return True


def others(
    session: Session, enquiry: Enquiry, treatment: Treatment, number: int, *, now: datetime
) -> list[Opening]:
    """Free times to which one session could go without harm to the rhythm, the nearest first."""
    resources = search.find_resources(session, treatment)
    sessions = planned(session, enquiry, treatment)
    day = sessions[number - 1].opening.day
    free = search.free_slots(
        session,
        resources,
        first=day - NEAR,
        last=day + NEAR,
        now=now,
        ignoring=Ignoring(enquiry.hold_id),
    )
    pace = [phase for phase in agreed(enquiry, treatment) if not phase.optional]
    return planner.neighbours(
        Plan(tuple(sessions)), number, search.openings(free, resources.zone), pace, limit=len(free)
    )


def change(
    session: Session,
    enquiry: Enquiry,
    treatment: Treatment,
    number: int,
    *,
    starts_at: int,
    practitioner_id: int,
    now: datetime,
) -> None:
    """Give one proposed session another time. NoLongerFree where it is none of `others`.

    `starts_at`: minute, as in Opening.
    """
    for opening in others(session, enquiry, treatment, number, now=now):
        if (opening.starts_at, opening.practitioner_id) == (starts_at, practitioner_id):
            break
    else:
        raise NoLongerFree
    sessions = planned(session, enquiry, treatment)
    sessions[number - 1] = sessions[number - 1]._replace(opening=opening)
    try:
        _keep(session, enquiry, treatment, sessions, now)
    except SessionsTaken as taken:
        raise NoLongerFree from taken
    # The compromises of the old time do not hold for the new one.
    enquiry.compromises = [
        fact_json.COMPROMISE.dump(compromise)
        for compromise in compromises_of(enquiry)
        if compromise.session_numbers != (number,)
    ]


def by_day(
    found: Sequence[Opening], current: Opening, *, days: int, a_day: int
) -> list[tuple[date, list[Opening]]]:
    """The nearest days in order, each with some of its times.

    Each time once: with the current practitioner where that is possible.
    """
    offers: dict[date, dict[int, Opening]] = {}
    for opening in found:
        times = offers.setdefault(opening.day, {})
        if opening.practitioner_id == current.practitioner_id or opening.minute not in times:
            times[opening.minute] = opening
    nearest = sorted(offers, key=lambda day: (abs((day - current.day).days), day))[:days]
    return [(day, _choice(current.minute, offers[day], a_day)) for day in sorted(nearest)]


def planned(session: Session, enquiry: Enquiry, treatment: Treatment) -> list[PlannedSession]:
    """The proposed sessions, in order."""
    return _read(enquiry.sessions, search.find_resources(session, treatment).zone)


def compromises_of(enquiry: Enquiry) -> list[Compromise]:
    """What the proposed course does not keep."""
    return fact_json.COMPROMISE.load_all(enquiry.compromises)


def wanted(sessions: Sequence[PlannedSession]) -> list[RequestedTime]:
    """The times to ask for: with the practitioner that was shown, in any room."""
    return [
        RequestedTime(each.number, instant_of(each.opening.starts_at), each.opening.practitioner_id)
        for each in sessions
    ]


def _choice(minute: int, times: dict[int, Opening], most: int) -> list[Opening]:
    """Half of them close to a time of day, half spread over the day for those who cannot then."""
    by_nearness = sorted(times, key=lambda time: (abs(time - minute), time))
    near, rest = by_nearness[: most // 2], sorted(by_nearness[most // 2 :])
    step = max(1, ceil(len(rest) / (most - most // 2)))
    return [times[time] for time in sorted([*near, *rest[step - 1 :: step]])]


def _keep(
    session: Session,
    enquiry: Enquiry,
    treatment: Treatment,
    sessions: Sequence[PlannedSession],
    now: datetime,
) -> None:
    """Hold these times instead of those held so far; SessionsTaken leaves all as it was."""
    if enquiry.unproved_phone:
        # It may have lapsed, and others have begun for the same phone since.
        draft_bookings.claim_phone(session, enquiry, enquiry.unproved_phone, now=now)
    with session.begin_nested():
        before, enquiry.hold_id = enquiry.hold_id, None
        # Written now: SQLite may give the new hold the number of the old one, and deleting the old
        # one would then leave the enquiry without the new one.
        session.add(enquiry)
        session.flush()
        hold, seats = holds.keep(
            session,
            treatment,
            wanted(sessions),
            origin=enquiry.origin,
            now=now,
            instead_of=before,
        )
    phase_of = {each.number: each.phase for each in sessions}
    enquiry.sessions = [_as_json(seat, phase_of[seat.number]) for seat in seats]
    enquiry.hold_id = hold.id
    session.add(enquiry)
    session.flush()


def _read(sessions: Iterable[Mapping[str, int]], zone: ZoneInfo) -> list[PlannedSession]:
    return [
        PlannedSession(
            each["number"],
            each["phase"],
            Opening(
                *hours.wall(each["starts_at"], zone),
                each["starts_at"],
                each["practitioner_id"],
                each["room_id"],
            ),
        )
        for each in sessions
    ]


def _as_json(seat: Allocation, phase: int) -> dict[str, int]:
    return {
        "number": seat.number,
        "phase": phase,
        "starts_at": seat.starts_at,
        "practitioner_id": seat.practitioner_id,
        "room_id": seat.room_id,
    }
