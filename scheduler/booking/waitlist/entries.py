"""Entries of patients who wait for an earlier time, an appointment or a course."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.audit import audit_trail, scoped
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.booking.availability import holds, search
from scheduler.booking.models import (
    Appointment,
    Course,
    EntryState,
    Offer,
    OfferState,
    WaitlistEntry,
)
from scheduler.booking.states import EXPECTED
from scheduler.clinic.models import Clinic, Treatment
from scheduler.infra.errors import Conflict, Invalid, NotFound
from scheduler.patients.models import OptOut, Patient
from scheduler.storage import links
from scheduler.storage.database import stored_id

OPEN_STATES = frozenset({EntryState.WAITING, EntryState.OFFERED})
LONGEST_WAIT = timedelta(days=366)
WAITLIST_LINK = "waiting"
"""Purpose of the private link to a waitlist entry."""
PAGE_KEPT_FOR = timedelta(days=1)
"""How long the page of an ended entry still says that it has ended."""
URGENCIES = ("usual", "soon", "urgent")
"""Names of the levels 0, 1 and 2. Higher need comes first, then the longer wait."""


class OnTheList(Conflict):
    sentence = "This session is already on the waitlist."

    slug = "on-the-list"


class OverAlready(Conflict):
    sentence = "This entry has ended. Please make a new one."

    slug = "entry-over"


def enter(
    session: Session,
    actor: Actor,
    *,
    now: datetime,
    appointment: Appointment | None = None,
    treatment: Treatment | None = None,
    patient: Patient | None = None,
    whole_course: bool = False,
    **wishes: Any,
) -> WaitlistEntry:
    """Add an entry for an earlier time of an appointment, or for a treatment.

    Raises Invalid for preferences that no time can meet, and OnTheList if the appointment waits
    already.
    """
    if appointment is not None:
        entry = _for_session(session, appointment, now)
    elif treatment is not None and patient is not None:
        entry = _for_treatment(treatment, patient, whole_course, now)
    else:
        raise Invalid("Give the appointment that should be earlier, or a patient and a treatment.")
    _wish(session, entry, wishes, now)
    session.add(entry)
    session.flush()
    record(session, actor, Action.ENTERED, entry, now)
    return entry


def change(
    session: Session,
    actor: Actor,
    entry: WaitlistEntry,
    wishes: Mapping[str, Any],
    *,
    now: datetime,
) -> WaitlistEntry:
    """Change the preferences or the need. An offer that no longer suits is withdrawn later."""
    lock(session, entry)
    if entry.state not in OPEN_STATES:
        raise OverAlready
    _wish(session, entry, wishes, now)
    entry.changed_at = now
    session.add(entry)
    session.flush()
    record(session, actor, Action.CHANGED, entry, now, fields=sorted(wishes))
    return entry


def withdraw(
    session: Session, actor: Actor, entry: WaitlistEntry, *, reason: str = "", now: datetime
) -> WaitlistEntry:
    """Remove an entry from the list. A time that is offered to it becomes free again."""
    lock(session, entry)
    if entry.state in OPEN_STATES:
        end(session, actor, entry, EntryState.WITHDRAWN, reason=reason, now=now)
    return entry


def for_course(session: Session, patient: Patient, treatment: Treatment) -> WaitlistEntry | None:
    """The open entry of a patient for a whole course of a treatment, if any."""
    return session.exec(
        select(WaitlistEntry)
        .where(
            WaitlistEntry.patient_id == patient.id,
            WaitlistEntry.treatment_id == treatment.id,
            WaitlistEntry.wants == "course",
            col(WaitlistEntry.state).in_(OPEN_STATES),
        )
        .order_by(col(WaitlistEntry.id))
    ).first()


def for_session(session: Session, own: Appointment) -> WaitlistEntry | None:
    """The open entry of an appointment for an earlier time, if any."""
    return session.exec(
        select(WaitlistEntry).where(
            WaitlistEntry.appointment_id == own.id, col(WaitlistEntry.state).in_(OPEN_STATES)
        )
    ).first()


def find(session: Session, actor: Actor, entry_id: int) -> WaitlistEntry:
    """A waitlist entry at one of the actor's clinics. Raises NotFound for any other."""
    return scoped.find(session, actor, WaitlistEntry, entry_id)


def queue(session: Session, clinic_id: int) -> Sequence[WaitlistEntry]:
    """The waiting entries of a clinic whose patients can be texted, in queue order.

    Entries with an open offer are left out. Patients who cannot be texted stay on the list for
    staff, who call them.
    """
    stopped = select(OptOut.phone).where(col(OptOut.lifted_at).is_(None))
    return session.exec(
        select(WaitlistEntry)
        .join(Patient, col(Patient.id) == WaitlistEntry.patient_id)
        .where(
            WaitlistEntry.clinic_id == clinic_id,
            WaitlistEntry.state == EntryState.WAITING,
            col(Patient.sms_consent),
            col(Patient.textable),
            col(Patient.erased_at).is_(None),
            col(Patient.phone).not_in(stopped),
        )
        .order_by(
            col(WaitlistEntry.need).desc(), col(WaitlistEntry.entered_at), col(WaitlistEntry.id)
        )
    ).all()


def open_entries(session: Session) -> Sequence[WaitlistEntry]:
    """All entries that wait or have an offer, at all clinics."""
    return session.exec(
        select(WaitlistEntry)
        .where(col(WaitlistEntry.state).in_(OPEN_STATES))
        .order_by(col(WaitlistEntry.clinic_id), col(WaitlistEntry.id))
    ).all()


def why_over(
    session: Session, entry: WaitlistEntry, *, now: datetime
) -> tuple[EntryState, str] | None:
    """Why an entry ends without anyone removing it; None if it does not end."""
    if session.get_one(Patient, entry.patient_id).erased_at is not None:
        return EntryState.WITHDRAWN, "The patient was erased."
    if not session.get_one(Treatment, entry.treatment_id).active:
        return EntryState.WITHDRAWN, "The treatment is no longer offered."
    own = session.get(Appointment, entry.appointment_id) if entry.appointment_id else None
    if own is not None and own.state not in EXPECTED:
        return EntryState.WITHDRAWN, "The session will no longer take place."
    return _why_expired(session, entry, own, now)


def _why_expired(
    session: Session, entry: WaitlistEntry, own: Appointment | None, now: datetime
) -> tuple[EntryState, str] | None:
    if own is not None and own.starts_at <= now:
        return EntryState.EXPIRED, "The session took place at its own time."
    if entry.last_day is not None and entry.last_day < _today(session, entry, now):
        return EntryState.EXPIRED, "The last day that would have suited is over."
    if now - entry.entered_at > LONGEST_WAIT:
        return EntryState.EXPIRED, "Nothing was found within a year."
    return None


def open_offer(session: Session, entry: WaitlistEntry) -> Offer | None:
    """The open offer of an entry, if any."""
    return session.exec(
        select(Offer)
        .where(Offer.entry_id == entry.id, Offer.state == OfferState.OPEN)
        .execution_options(populate_existing=True)
    ).first()


def lock(session: Session, entry: WaitlistEntry) -> None:
    """Lock an entry and its offers, so that operations on them run one after another."""
    session.refresh(entry, with_for_update={"key_share": True})


def end(
    session: Session,
    actor: Actor,
    entry: WaitlistEntry,
    state: EntryState,
    *,
    reason: str,
    now: datetime,
) -> None:
    """End an entry and its open offer. The entry must be locked."""
    offer = open_offer(session, entry)
    if offer is not None:
        close_offer(session, offer, OfferState.WITHDRAWN, reason=reason, now=now)
    entry.state, entry.reason, entry.changed_at = state, reason, now
    session.add(entry)
    session.flush()
    # Its page still reports for a while that the entry has ended.
    links.shorten(
        session, purpose=WAITLIST_LINK, subject_id=stored_id(entry.id), until=now + PAGE_KEPT_FOR
    )
    record(session, actor, Action(f"is {state}"), entry, now)


def close_offer(
    session: Session, offer: Offer, state: OfferState, *, reason: str = "", now: datetime
) -> None:
    """End an offer and release its hold. The entry must be locked.

    The hold is deleted first, as everywhere: the database then clears the reference to it.
    """
    if offer.hold_id is not None:
        holds.release(session, offer.hold_id)
        offer.hold_id = None
    offer.state, offer.reason, offer.ended_at = state, reason, now
    session.add(offer)
    session.flush()


def record(
    session: Session,
    actor: Actor,
    action: Action,
    entry: WaitlistEntry,
    now: datetime,
    **details: Any,
) -> None:
    """Record an action on an entry in the audit trail."""
    audit_trail.record(
        session,
        actor,
        action,
        "waitlist entry",
        entry.id,
        clinic_id=entry.clinic_id,
        now=now,
        **details,
    )


def _for_session(session: Session, own: Appointment, now: datetime) -> WaitlistEntry:
    if own.state not in EXPECTED or own.starts_at <= now:
        raise Conflict("Only a session that is still to come can be moved earlier.")
    if for_session(session, own) is not None:
        raise OnTheList
    course = session.get_one(Course, own.course_id)
    return WaitlistEntry(
        clinic_id=own.clinic_id,
        patient_id=own.patient_id,
        treatment_id=course.treatment_id,
        appointment_id=own.id,
        wants="earlier",
        entered_at=now,
        changed_at=now,
    )


def _for_treatment(
    treatment: Treatment, patient: Patient, whole_course: bool, now: datetime
) -> WaitlistEntry:
    if patient.clinic_id != treatment.clinic_id or patient.erased_at is not None:
        raise NotFound
    if not treatment.active:
        raise Conflict("This treatment is no longer offered.")
    return WaitlistEntry(
        clinic_id=treatment.clinic_id,
        patient_id=stored_id(patient.id),
        treatment_id=stored_id(treatment.id),
        wants="course" if whole_course else "session",
        entered_at=now,
        changed_at=now,
    )


def _wish(session: Session, entry: WaitlistEntry, wishes: Mapping[str, Any], now: datetime) -> None:
    # Before the row is changed, because a query would flush an unknown id to the database.
    _require_giver(session, entry, wishes.get("practitioner_id"))
    for name, value in wishes.items():
        setattr(entry, name, value)
    if entry.need and not entry.need_reason:
        raise Invalid("Say why this entry goes before others.", field="need_reason")
    first, last = entry.first_day, entry.last_day
    if first is not None and last is not None and last < first:
        raise Invalid("The last day must not be before the first.", field="to")
    if last is not None and last < _today(session, entry, now):
        raise Invalid("This day has passed. Choose a later one.", field="to")


def _require_giver(session: Session, entry: WaitlistEntry, practitioner_id: int | None) -> None:
    if practitioner_id is None:
        return
    resources = search.find_resources(session, session.get_one(Treatment, entry.treatment_id))
    if not resources.gives(practitioner_id):
        raise Invalid("This practitioner does not give this treatment.", field="practitioner_id")


def _today(session: Session, entry: WaitlistEntry, now: datetime) -> date:
    clinic = session.get_one(Clinic, entry.clinic_id)
    return now.astimezone(ZoneInfo(clinic.timezone)).date()
