"""Offers of free times to waiting patients: made, expired, accepted, declined.

Every operation locks the entry first. A time that is offered to one patient at a time is kept by a
hold, so the database refuses it to everyone else. If it is offered to several patients, the first
one to accept gets it, as in any booking.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import WORKER, Actor
from scheduler.booking.availability import allocation, diary, holds, search
from scheduler.booking.availability.allocation import Allocation, SessionsTaken
from scheduler.booking.availability.requested_times import RequestedTime
from scheduler.booking.courses import appointments, courses
from scheduler.booking.models import (
    Appointment,
    Course,
    EntryState,
    Hold,
    Offer,
    OfferState,
    WaitlistEntry,
)
from scheduler.booking.pace.planner import Opening
from scheduler.booking.stored_values import PlacedAt
from scheduler.booking.waitlist import entries as waitlist_entries
from scheduler.booking.waitlist import matching
from scheduler.booking.waitlist.matching import StartWithPractitioner
from scheduler.clinic.models import Clinic, Treatment
from scheduler.infra.errors import Conflict, NotFound, Unavailable
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.patients.models import Patient
from scheduler.storage.database import Busy, stored_id

LOG = logging.getLogger(__name__)

ONE_BY_ONE, FIRST_COME, OFF = MODES = ("one_by_one", "first_come", "off")


class OfferOver(Conflict):
    sentence = "This offer has ended: it has expired, or another patient has the time."

    slug = "offer-over"


class OfferTaken(Conflict):
    sentence = (
        "Another patient was quicker and has this time. Nothing was changed, and you keep waiting."
    )

    slug = "offer-taken"


def make(
    session: Session, entry: WaitlistEntry, chosen: Sequence[Opening], *, now: datetime
) -> Offer | None:
    """Offer the chosen times to a waiting patient. None if the times or the entry are gone."""
    waitlist_entries.lock(session, entry)
    clinic = session.get_one(Clinic, entry.clinic_id)
    if entry.state != EntryState.WAITING or clinic.waitlist_mode == OFF:
        return None
    resources = search.find_resources(session, session.get_one(Treatment, entry.treatment_id))
    first = instant_of(chosen[0].starts_at)
    notice = timedelta(minutes=resources.treatment.min_notice_minutes)
    expires_at = min(now + timedelta(minutes=clinic.waitlist_minutes), first - notice)
    offer = Offer(
        clinic_id=entry.clinic_id,
        entry_id=stored_id(entry.id),
        starts_at=first,
        practitioner_id=chosen[0].practitioner_id,
        sessions=[_placed_at(opening) for opening in chosen],
        to_several=clinic.waitlist_mode == FIRST_COME,
        offered_at=now,
        expires_at=expires_at,
    )
    if first in matching.offered_starts(session, entry):
        return None
    if not matching.still_fits(session, entry, offer, now=now):
        return None
    if offer.to_several:
        if (first, offer.practitioner_id) in full_starts(session, clinic):
            return None
    elif not _keep(session, offer, chosen, resources, now):
        return None
    session.add(offer)
    entry.state, entry.changed_at = EntryState.OFFERED, now
    session.add(entry)
    session.flush()
    waitlist_entries.record(
        session, WORKER, Action.WAS_OFFERED, entry, now, starts_at=first.isoformat()
    )
    return offer


def full_starts(session: Session, clinic: Clinic) -> set[StartWithPractitioner]:
    """Starts that are offered to as many patients at once as the clinic allows."""
    rows = session.exec(
        select(Offer.starts_at, Offer.practitioner_id)
        .where(Offer.clinic_id == clinic.id, Offer.state == OfferState.OPEN)
        .group_by(col(Offer.starts_at), col(Offer.practitioner_id))
        .having(func.count() >= clinic.waitlist_at_once)
    )
    return set(rows)


def due(session: Session, *, now: datetime) -> list[WaitlistEntry]:
    """Entries that have ended, or whose offer has ended. Only reads."""
    return [
        entry
        for entry in waitlist_entries.open_entries(session)
        if _is_due(session, entry, now=now)
    ]


def possible(
    session: Session, clinic_id: int, *, now: datetime
) -> list[tuple[WaitlistEntry, list[Opening]]]:
    """The waiting entries of a clinic with a suitable time, in queue order. Only reads.

    An entry whose search fails is logged and left out.

    Overlapping times may be found for two entries. The first one to get the offer keeps it.
    """
    clinic = session.get_one(Clinic, clinic_id)
    if clinic.waitlist_mode == OFF:
        return []
    full = full_starts(session, clinic)
    free = matching.availability(session, now=now)
    matches = []
    for entry in waitlist_entries.queue(session, clinic_id):
        try:
            chosen = matching.find(session, entry, now=now, free=free, full=full)
        except (Busy, Unavailable):
            raise
        except Exception:  # a row that cannot be read must not stop the offers to all others
            LOG.exception("no time could be searched for waitlist entry %d", stored_id(entry.id))
            continue
        if chosen:
            matches.append((entry, chosen))
        if clinic.waitlist_mode == ONE_BY_ONE:
            full |= {matching.start_of(opening) for opening in chosen}
    return matches


def _is_due(session: Session, entry: WaitlistEntry, *, now: datetime) -> bool:
    if waitlist_entries.why_over(session, entry, now=now) is not None:
        return True
    if entry.state == EntryState.WAITING:
        return False
    offer = waitlist_entries.open_offer(session, entry)
    return offer is not None and _why_over(session, entry, offer, now) is not None


def expire(session: Session, entry: WaitlistEntry, *, now: datetime) -> None:
    """End an entry that is over, or an offer that is over while its patient keeps waiting."""
    waitlist_entries.lock(session, entry)
    if entry.state not in waitlist_entries.OPEN_STATES:
        return
    if over := waitlist_entries.why_over(session, entry, now=now):
        state_of_entry, why = over
        waitlist_entries.end(session, WORKER, entry, state_of_entry, reason=why, now=now)
        return
    offer = waitlist_entries.open_offer(session, entry)
    if offer is not None and (ended := _why_over(session, entry, offer, now)):
        state, reason = ended
        _keep_waiting(session, WORKER, entry, offer, state=state, reason=reason, now=now)


def accept(session: Session, actor: Actor, offer: Offer, *, now: datetime) -> Course:
    """Accept an offer: move the appointment there, or book all of its times, or none.

    Raises OfferOver if the offer has ended and OfferTaken if another patient was first. Accepting
    twice changes nothing.
    """
    entry = _locked(session, offer)
    if offer.state == OfferState.ACCEPTED:
        return _course_taken(session, entry, offer)
    if offer.state != OfferState.OPEN or offer.expires_at <= now:
        raise OfferOver
    own = _own(session, entry)
    if own is not None:
        # A concurrent change of this course waits for the lock and then sees this one.
        courses.lock(session, own.course_id)
        session.refresh(own)
    if waitlist_entries.why_over(session, entry, now=now) is not None:
        raise OfferOver
    if not matching.still_fits(session, entry, offer, now=now):
        raise OfferTaken if offer.to_several else OfferOver
    try:
        with session.begin_nested():
            waitlist_entries.close_offer(session, offer, OfferState.ACCEPTED, now=now)
            course = _take(session, actor, entry, offer=offer, own=own, now=now)
    except SessionsTaken:
        raise OfferTaken from None
    entry.state, entry.changed_at = EntryState.TAKEN, now
    entry.appointment_id = entry.appointment_id or courses.appointments_of(session, course)[0].id
    session.add(entry)
    session.flush()
    waitlist_entries.record(
        session, actor, Action.ACCEPTED, entry, now, starts_at=offer.starts_at.isoformat()
    )
    return course


def decline(
    session: Session, actor: Actor, offer: Offer, *, leave: bool = False, now: datetime
) -> WaitlistEntry:
    """Decline an offer, so that the next patient gets it. Raises OfferOver.

    `leave`: also leave the waitlist.
    """
    entry = _locked(session, offer)
    if offer.state == OfferState.OPEN:
        _keep_waiting(session, actor, entry, offer, state=OfferState.DECLINED, now=now)
    elif offer.state != OfferState.DECLINED:
        raise OfferOver
    if leave:
        waitlist_entries.withdraw(
            session, actor, entry, reason="The patient asked for it.", now=now
        )
    return entry


def find_running(session: Session, entry: WaitlistEntry) -> Offer:
    """The running offer of an entry. Raises OfferOver if there is none."""
    offer = waitlist_entries.open_offer(session, entry)
    if offer is None:
        raise OfferOver("No offer is open for this entry.")
    return offer


def _placed_at(opening: Opening) -> PlacedAt:
    return PlacedAt(
        starts_at=instant_of(opening.starts_at),
        practitioner_id=opening.practitioner_id,
        room_id=opening.room_id,
    )


def _keep(
    session: Session,
    offer: Offer,
    chosen: Sequence[Opening],
    resources: search.Resources,
    now: datetime,
) -> bool:
    """Hold the times until the offer expires. False if one of them is taken by now."""
    holds.release_lapsed(session, now=now)
    hold = Hold(clinic_id=offer.clinic_id, expires_at=offer.expires_at)
    session.add(hold)
    session.flush()
    until = minute_of(offer.expires_at.replace(second=0, microsecond=0)) + 1
    entries = [
        entry
        for number, opening in enumerate(chosen, start=1)
        for entry in allocation.diary_entries(
            Allocation(number, opening.starts_at, opening.practitioner_id, opening.room_id),
            resources,
            # Not on the patient's calendar: it may hold the appointment that this offer replaces.
            patient=None,
            hold_id=stored_id(hold.id),
            held_until=until,
        )
    ]
    if not diary.claim(session, entries):
        session.delete(hold)
        session.flush()
        return False
    offer.hold_id = hold.id
    return True


def _why_over(
    session: Session, entry: WaitlistEntry, offer: Offer, now: datetime
) -> tuple[OfferState, str] | None:
    if offer.expires_at <= now:
        return OfferState.LAPSED, "No answer came in time."
    if not matching.still_fits(session, entry, offer, now=now):
        return OfferState.WITHDRAWN, "The time is taken, or no longer suits."
    return None


def _keep_waiting(
    session: Session,
    actor: Actor,
    entry: WaitlistEntry,
    offer: Offer,
    *,
    state: OfferState,
    reason: str = "",
    now: datetime,
) -> None:
    waitlist_entries.close_offer(session, offer, state, reason=reason, now=now)
    entry.state, entry.changed_at = EntryState.WAITING, now
    session.add(entry)
    session.flush()
    starts_at = offer.starts_at.isoformat()
    waitlist_entries.record(
        session, actor, Action(f"offer {state}"), entry, now, starts_at=starts_at
    )


def _locked(session: Session, offer: Offer) -> WaitlistEntry:
    entry = session.get_one(WaitlistEntry, offer.entry_id)
    waitlist_entries.lock(session, entry)
    session.refresh(offer)
    return entry


def _own(session: Session, entry: WaitlistEntry) -> Appointment | None:
    """The appointment that the patient wants earlier."""
    if entry.wants != "earlier":
        return None
    own = session.get(Appointment, entry.appointment_id)
    if own is None:
        raise NotFound
    return own


def _take(
    session: Session,
    actor: Actor,
    entry: WaitlistEntry,
    *,
    offer: Offer,
    own: Appointment | None,
    now: datetime,
) -> Course:
    if own is not None:
        appointments.move(
            session,
            actor,
            own,
            starts_at=offer.starts_at,
            practitioner_id=offer.practitioner_id,
            now=now,
        )
        return session.get_one(Course, own.course_id)
    return courses.book(
        session,
        actor,
        treatment=session.get_one(Treatment, entry.treatment_id),
        patient=session.get_one(Patient, entry.patient_id),
        wanted=[
            RequestedTime(number, offered.starts_at, offered.practitioner_id)
            for number, offered in enumerate(offer.sessions, start=1)
        ],
        agreed=None if entry.wants == "course" else [matching.ONE_SESSION],
        now=now,
    )


def _course_taken(session: Session, entry: WaitlistEntry, offer: Offer) -> Course:
    own = session.get(Appointment, entry.appointment_id)
    if own is None or offer.state != OfferState.ACCEPTED:
        raise OfferOver
    return session.get_one(Course, own.course_id)
