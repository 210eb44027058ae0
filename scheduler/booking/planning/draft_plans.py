"""The plan of a draft booking: proposed, held for ten minutes, changed and proposed again.

The enquiry stores the plan beside the answers of the form. A hold keeps its times in the diary.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.booking.availability import holds, reservation, search
from scheduler.booking.availability.allocation import Allocation, SessionsTaken
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.availability.search import Ignoring
from scheduler.booking.models import Enquiry
from scheduler.booking.pace import planner
from scheduler.booking.pace.compromises import Compromise
from scheduler.booking.pace.planner import Opening, Plan, PlannedSession, Wishes
from scheduler.booking.planning import draft_bookings, fact_json, plan_course
from scheduler.booking.stored_values import DraftSession
from scheduler.clinic import hours
from scheduler.clinic.models import Treatment
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Conflict
from scheduler.infra.intervals import instant_of
from scheduler.patients.models import Patient

NEAR = timedelta(days=14)
"""Other times for a session are searched this far before and after its day."""


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
    ready: Plan | None = None,
) -> None:
    """Propose the best course and hold its times. Raises ExplainedNoPlan if there is none.

    `patient`: if known, only times at which that patient is free. `ready`: a plan that was worked
    out before. It is adopted unless others have taken its times since. Then the course is planned
    once more, not again and again: other writers wait for this one.
    """
    ignoring = Ignoring(enquiry.hold_id)

    def propose_and_hold() -> None:
        plan = plan_course.propose(
            session,
            treatment,
            wishes,
            now=now,
            agreed=agreed(enquiry, treatment),
            patient=patient,
            ignoring=ignoring,
        )
        adopt(session, enquiry, treatment, plan, now=now)

    if ready is None:
        reservation.retry(propose_and_hold, after=SessionsTaken)
    elif not _adopted(session, enquiry, treatment, ready, now=now):
        propose_and_hold()


def _adopted(
    session: Session, enquiry: Enquiry, treatment: Treatment, ready: Plan, *, now: datetime
) -> bool:
    try:
        adopt(session, enquiry, treatment, ready, now=now)
    except SessionsTaken:
        return False
    return True


def adopt(
    session: Session, enquiry: Enquiry, treatment: Treatment, plan: Plan, *, now: datetime
) -> None:
    """Propose this course. SessionsTaken leaves the earlier proposal unchanged."""
    _keep(session, enquiry, treatment, plan.sessions, now)
    enquiry.compromises = [fact_json.COMPROMISE.dump(compromise) for compromise in plan.compromises]
    session.add(enquiry)
    session.flush()


def put_back(
    session: Session,
    enquiry: Enquiry,
    treatment: Treatment,
    sessions: Sequence[DraftSession],
    compromises: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
) -> None:
    """Propose an earlier plan again, as stored in these two fields. SessionsTaken as in `adopt`."""
    zone = search.find_resources(session, treatment).zone
    _keep(session, enquiry, treatment, _read(sessions, zone), now)
    enquiry.compromises = [dict(compromise) for compromise in compromises]
    session.add(enquiry)
    session.flush()


def agreed(enquiry: Enquiry, treatment: Treatment) -> list[Phase]:
    """The phases to plan: the ones that the patient accepted, else the treatment's."""
    return enquiry.answers.phases or plan_course.phases_of(treatment)


def renew(session: Session, enquiry: Enquiry, treatment: Treatment, *, now: datetime) -> bool:
    """Hold the proposed times for ten more minutes. False if some are taken; none is held then."""
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
    """Free times for one session that keep the pace as well as now, nearest first."""
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
    """Give one proposed session another time. NoLongerFree if it is not among `others`.

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

    A time is listed once, with the current practitioner if possible.
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
    """The compromises of the proposed course."""
    return fact_json.COMPROMISE.load_all(enquiry.compromises)


def wanted(sessions: Sequence[PlannedSession]) -> list[RequestedTime]:
    """The times to request: with the practitioner that the page shows, in any room."""
    return [
        RequestedTime(
            planned.number,
            instant_of(planned.opening.starts_at),
            planned.opening.practitioner_id,
        )
        for planned in sessions
    ]


def _choice(minute: int, times: dict[int, Opening], most: int) -> list[Opening]:
    """Up to `most` times: half of them close to a time of day, half spread over the day."""
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
    """Hold these times instead of the earlier ones, or raise SessionsTaken and change nothing."""
    if enquiry.unproved_phone:
        # The hold may have expired, and other forms may have used up the limit of this phone.
        draft_bookings.claim_phone(session, enquiry, enquiry.unproved_phone, now=now)
    with session.begin_nested():
        before, enquiry.hold_id = enquiry.hold_id, None
        # Flushed now, because SQLite may give the new hold the id of the old one. Deleting the old
        # one would then detach the new one from the enquiry.
        session.add(enquiry)
        session.flush()
        hold, allocations = holds.keep(
            session,
            treatment,
            wanted(sessions),
            origin=enquiry.origin,
            now=now,
            instead_of=before,
        )
    phase_of = {planned.number: planned.phase for planned in sessions}
    enquiry.sessions = [_draft(allocated, phase_of[allocated.number]) for allocated in allocations]
    enquiry.hold_id = hold.id
    session.add(enquiry)
    session.flush()


def _read(sessions: Iterable[DraftSession], zone: ZoneInfo) -> list[PlannedSession]:
    return [
        PlannedSession(
            stored.number,
            stored.phase,
            Opening(
                *hours.wall(stored.starts_at, zone),
                stored.starts_at,
                stored.practitioner_id,
                stored.room_id,
            ),
        )
        for stored in sessions
    ]


def _draft(allocated: Allocation, phase: int) -> DraftSession:
    return DraftSession(
        number=allocated.number,
        phase=phase,
        starts_at=allocated.starts_at,
        practitioner_id=allocated.practitioner_id,
        room_id=allocated.room_id,
    )
