"""Free times offered to those who wait: made, looked after, accepted in one move, declined.

Each deed locks the entry first. What is offered to one at a time is kept by a hold, so that the
database itself refuses it to everybody else; of several the first to say yes has it, by the same
rule that settles any booking.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from scheduler.audit.audit_trail import WORKER, Actor
from scheduler.booking.availability import allocation, diary, holds, search
from scheduler.booking.availability.allocation import Allocation, RequestedTime, SessionsTaken
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
from scheduler.booking.waitlist import entries as waitlist_entries
from scheduler.booking.waitlist import matching
from scheduler.booking.waitlist.matching import StartWithPractitioner
from scheduler.clinic.models import Clinic, Treatment
from scheduler.infra.errors import Conflict, NotFound
from scheduler.infra.intervals import instant_of, minute_of
from scheduler.patients.models import Patient
from scheduler.storage.database import stored_id

ONE_BY_ONE, FIRST_COME, OFF = MODES = ("one_by_one", "first_come", "off")


class OfferOver(Conflict):
    sentence = "This offer is over: its time has run out, or somebody else has the place."

    slug = "offer-over"


class OfferTaken(Conflict):
    sentence = (
        "Somebody else was quicker and has this time. Nothing of yours was changed; you still wait."
    )

    slug = "offer-taken"


def make(
    session: Session, entry: WaitlistEntry, chosen: Sequence[Opening], *, now: datetime
) -> Offer | None:
    """Offer somebody what was found for them. None: meanwhile it is gone, or they are."""
    waitlist_entries.lock(session, entry)
    clinic = session.get_one(Clinic, entry.clinic_id)
    if entry.state != EntryState.WAITING or clinic.waitlist_mode == OFF:
        return None
    means = search.resources(session, session.get_one(Treatment, entry.treatment_id))
    first = instant_of(chosen[0].starts_at)
    notice = timedelta(minutes=means.treatment.min_notice_minutes)
    expires_at = min(now + timedelta(minutes=clinic.waitlist_minutes), first - notice)
    offer = Offer(
        clinic_id=entry.clinic_id,
        entry_id=stored_id(entry.id),
        starts_at=first,
        practitioner_id=chosen[0].practitioner_id,
        sessions=[_session(each) for each in chosen],
        to_several=clinic.waitlist_mode == FIRST_COME,
        offered_at=now,
        expires_at=expires_at,
    )
    if first in matching.had(session, entry):
        return None
    if not matching.still_fits(session, entry, offer, now=now):
        return None
    if offer.to_several:
        if (first, offer.practitioner_id) in full(session, clinic):
            return None
    elif not _keep(session, offer, chosen, means, now):
        return None
    session.add(offer)
    entry.state, entry.changed_at = EntryState.OFFERED, now
    session.add(entry)
    session.flush()
    waitlist_entries.record(session, WORKER, "was offered", entry, now, starts_at=first.isoformat())
    return offer


def full(session: Session, clinic: Clinic) -> set[StartWithPractitioner]:
    """Times that as many have been offered at once as the clinic wants."""
    rows = session.exec(
        select(Offer.starts_at, Offer.practitioner_id)
        .where(Offer.clinic_id == clinic.id, Offer.state == OfferState.OPEN)
        .group_by(col(Offer.starts_at), col(Offer.practitioner_id))
        .having(func.count() >= clinic.waitlist_at_once)
    )
    return set(rows)


def due(session: Session, *, now: datetime) -> list[WaitlistEntry]:
    """Entries that have come to their end, or whose offer has. Only reads."""
    return [entry for entry in waitlist_entries.live(session) if _is_due(session, entry, now=now)]


def found(
    session: Session, clinic_id: int, *, now: datetime
) -> list[tuple[WaitlistEntry, list[Opening]]]:
    """Those who wait at a clinic and for whom there is something, in their order. Only reads.

    Times that overlap may be found for two; the first whom it is offered to has it.
    """
    clinic = session.get_one(Clinic, clinic_id)
    if clinic.waitlist_mode == OFF:
        return []
    no_more = full(session, clinic)
    board = matching.board_of(session, now=now)
    for_whom = []
    for entry in waitlist_entries.queue(session, clinic_id):
        chosen = matching.find(session, entry, now=now, board=board, full=no_more)
        if chosen:
            for_whom.append((entry, chosen))
        if clinic.waitlist_mode == ONE_BY_ONE:
            no_more |= {matching.opens(each) for each in chosen}
    return for_whom


def _is_due(session: Session, entry: WaitlistEntry, *, now: datetime) -> bool:
    if waitlist_entries.why_over(session, entry, now=now) is not None:
        return True
    if entry.state == EntryState.WAITING:
        return False
    offer = waitlist_entries.open_offer(session, entry)
    return offer is not None and _why_over(session, entry, offer, now) is not None


def look_after(session: Session, entry: WaitlistEntry, *, now: datetime) -> None:
    """End what has come to its end: an entry, or an offer whose patient goes on waiting."""
    waitlist_entries.lock(session, entry)
    if entry.state not in waitlist_entries.LIVE:
        return
    if over := waitlist_entries.why_over(session, entry, now=now):
        state_of_entry, why = over
        waitlist_entries.end(session, WORKER, entry, state_of_entry, reason=why, now=now)
        return
    offer = waitlist_entries.open_offer(session, entry)
    if offer is not None and (ended := _why_over(session, entry, offer, now)):
        state, reason = ended
        _go_on_waiting(session, WORKER, entry, offer, state=state, reason=reason, now=now)


def accept(session: Session, actor: Actor, offer: Offer, *, now: datetime) -> Course:
    """Take what is offered: move the session there, or book it. All of it or nothing.

    OfferOver: too late. OfferTaken: another was first. Saying yes twice changes nothing.
    """
    entry = _locked(session, offer)
    if offer.state == OfferState.ACCEPTED:
        return _course_taken(session, entry, offer)
    if offer.state != OfferState.OPEN or offer.expires_at <= now:
        raise OfferOver
    own = _own(session, entry)
    if own is not None:
        # Whoever changes this course at the same time waits, and finds what is done here.
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
        session, actor, "accepted", entry, now, starts_at=offer.starts_at.isoformat()
    )
    return course


def decline(
    session: Session, actor: Actor, offer: Offer, *, leave: bool = False, now: datetime
) -> WaitlistEntry:
    """No to this time, which goes to the next. `leave`: and no to all others. OfferOver if late."""
    entry = _locked(session, offer)
    if offer.state == OfferState.OPEN:
        _go_on_waiting(session, actor, entry, offer, state=OfferState.DECLINED, now=now)
    elif offer.state != OfferState.DECLINED:
        raise OfferOver
    if leave:
        waitlist_entries.withdraw(
            session, actor, entry, reason="The patient asked for it.", now=now
        )
    return entry


def running(session: Session, entry: WaitlistEntry) -> Offer:
    """The offer that runs for somebody; OfferOver where none does."""
    offer = waitlist_entries.open_offer(session, entry)
    if offer is None:
        raise OfferOver("Nothing is offered to them just now.")
    return offer


def _session(opening: Opening) -> dict[str, object]:
    return {
        "starts_at": instant_of(opening.starts_at).isoformat(),
        "practitioner_id": opening.practitioner_id,
        "room_id": opening.room_id,
    }


def _keep(
    session: Session,
    offer: Offer,
    chosen: Sequence[Opening],
    means: search.Resources,
    now: datetime,
) -> bool:
    """Keep the times for as long as the offer runs. False: somebody has one of them by now."""
    holds.release_lapsed(session, now=now)
    hold = Hold(clinic_id=offer.clinic_id, expires_at=offer.expires_at)
    session.add(hold)
    session.flush()
    until = minute_of(offer.expires_at.replace(second=0, microsecond=0)) + 1
    entries = [
        entry
        for number, each in enumerate(chosen, start=1)
        for entry in allocation.diary_entries(
            Allocation(number, each.starts_at, each.practitioner_id, each.room_id),
            means,
            # Not on the patient's calendar: their own session may be in the way, and makes room.
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
        return OfferState.LAPSED, "Nobody answered in time."
    if not matching.still_fits(session, entry, offer, now=now):
        return OfferState.WITHDRAWN, "This time can no longer be had, or no longer suits."
    return None


def _go_on_waiting(
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
    waitlist_entries.record(session, actor, f"offer {state}", entry, now, starts_at=starts_at)


def _locked(session: Session, offer: Offer) -> WaitlistEntry:
    entry = session.get_one(WaitlistEntry, offer.entry_id)
    waitlist_entries.lock(session, entry)
    session.refresh(offer)
    return entry


def _own(session: Session, entry: WaitlistEntry) -> Appointment | None:
    """The session that is to be earlier."""
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
            RequestedTime(
                number, datetime.fromisoformat(each["starts_at"]), each["practitioner_id"]
            )
            for number, each in enumerate(offer.sessions, start=1)
        ],
        agreed=None if entry.wants == "course" else [matching.ONE_SESSION],
        now=now,
    )


def _course_taken(session: Session, entry: WaitlistEntry, offer: Offer) -> Course:
    own = session.get(Appointment, entry.appointment_id)
    if own is None or offer.state != OfferState.ACCEPTED:
        raise OfferOver
    return session.get_one(Course, own.course_id)
