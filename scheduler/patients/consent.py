"""The consent of a patient to texts, and the opt-out of a phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select, update

from scheduler.audit import audit_trail
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor
from scheduler.i18n import languages
from scheduler.i18n.languages import Words
from scheduler.patients.models import ConsentRecord, OptOut, Patient
from scheduler.storage.database import stored_id

WORDING = Words(
    "consent",
    "Text me about my sessions at this clinic: when they are, how to prepare, what to do"
    " afterwards. At most a few texts a week; message and data rates may apply. I can reply"
    " STOP at any time. My treatment does not depend on this.",
)
"""The text that a patient agrees to, by language. Each consent stores the text that was shown."""


def wording(language: str) -> str:
    """The consent text in a language, or in English if it has no translation."""
    return WORDING.get(language) or WORDING[languages.SOURCE]


TEXT, PAGE = "text", "page"
"""The channels of an opt-out: a text message, or the patient's page."""


@dataclass(frozen=True)
class Silence:
    """Why a patient is not texted, since when, and the words of the opt-out."""

    reason: str
    since: datetime | None = None
    words: str = ""


def silences(session: Session, patients: Sequence[Patient]) -> dict[int, Silence]:
    """Why patients get no texts, by patient id. Patients who get texts are not in it."""
    phones = {patient.phone for patient in patients}
    stopped = {
        stop.phone: Silence("The phone asked for no more texts.", stop.since, stop.words)
        for stop in session.exec(
            select(OptOut)
            .where(col(OptOut.phone).in_(phones), col(OptOut.lifted_at).is_(None))
            .order_by(col(OptOut.id).desc())
        )
    }
    return {
        stored_id(patient.id): silence
        for patient in patients
        if (silence := _without_texts(patient) or stopped.get(patient.phone) or _undecided(patient))
    }


def _without_texts(patient: Patient) -> Silence | None:
    if not patient.phone:
        return Silence("The patient has no phone.")
    return None if patient.textable else Silence("This phone cannot be texted.")


def _undecided(patient: Patient) -> Silence | None:
    return None if patient.sms_consent else Silence("The patient has not agreed to texts.")


def give(
    session: Session,
    actor: Actor,
    patient: Patient,
    *,
    wording: str,
    channel: str,
    now: datetime,
) -> None:
    """The patient consents to texts. An opt-out of the phone stays in force until it opts in."""
    _decide(session, actor, patient, given=True, wording=wording, channel=channel, now=now)


def withdraw(
    session: Session,
    actor: Actor,
    patient: Patient,
    *,
    wording: str,
    channel: str,
    now: datetime,
) -> None:
    """The patient withdraws consent to texts."""
    _decide(session, actor, patient, given=False, wording=wording, channel=channel, now=now)


def stop(
    session: Session,
    actor: Actor,
    phone: str,
    *,
    words: str,
    now: datetime,
    said_at: datetime | None = None,
    channel: str = TEXT,
) -> bool:
    """Opt a phone out of texts, for all patients who share it. Returns whether that is new.

    `said_at`: when the phone opted out, if the message arrived late; an opt-in after that counts.
    An opt-out by text after one on the page is new, because the page can no longer revert it.
    """
    since = said_at or now
    lifted_since = select(OptOut.id).where(OptOut.phone == phone, col(OptOut.lifted_at) > since)
    stopped_on = _stopped_on(session, phone)
    if TEXT in stopped_on or channel in stopped_on:
        return False
    if said_at and session.exec(lifted_since).first():
        return False
    session.add(
        OptOut(phone=phone, since=since, words=words[:200], channel=channel, changed_at=now)
    )
    session.flush()
    audit_trail.record(session, actor, Action.STOPPED_TEXTS, "phone", None, clinic_id=None, now=now)
    return True


def start(
    session: Session, actor: Actor, phone: str, *, now: datetime, said_at: datetime | None = None
) -> None:
    """Opt a phone in again.

    `said_at`: when the phone opted in, if the message arrived late; a later opt-out stays in force.
    """
    lifted = session.exec(
        update(OptOut)
        .where(
            col(OptOut.phone) == phone,
            col(OptOut.lifted_at).is_(None),
            col(OptOut.since) <= (said_at or now),
        )
        .values(lifted_at=said_at or now, changed_at=now)
    )
    if lifted.rowcount:
        audit_trail.record(
            session, actor, Action.STARTED_TEXTS, "phone", None, clinic_id=None, now=now
        )


def resume(session: Session, actor: Actor, phone: str, *, now: datetime) -> None:
    """Revert an opt-out on the page. One by text stays: the phone must opt in by text too."""
    lifted = session.exec(
        update(OptOut)
        .where(
            col(OptOut.phone) == phone,
            col(OptOut.channel) == PAGE,
            col(OptOut.lifted_at).is_(None),
        )
        .values(lifted_at=now, changed_at=now)
    )
    if lifted.rowcount:
        audit_trail.record(
            session, actor, Action.STARTED_TEXTS, "phone", None, clinic_id=None, now=now
        )


def is_stopped(session: Session, phone: str) -> bool:
    """Whether this phone is opted out."""
    return bool(_stopped_on(session, phone))


def is_stopped_by_text(session: Session, phone: str) -> bool:
    """Whether this phone is opted out by text, which only a text reverts."""
    return TEXT in _stopped_on(session, phone)


def _stopped_on(session: Session, phone: str) -> Sequence[str]:
    return session.exec(
        select(OptOut.channel).where(OptOut.phone == phone, col(OptOut.lifted_at).is_(None))
    ).all()


def _decide(
    session: Session,
    actor: Actor,
    patient: Patient,
    *,
    given: bool,
    wording: str,
    channel: str,
    now: datetime,
) -> None:
    session.add(
        ConsentRecord(
            patient_id=stored_id(patient.id),
            phone=patient.phone,
            at=now,
            given=given,
            channel=channel,
            wording=wording,
        )
    )
    patient.sms_consent = given
    patient.changed_at = now
    session.add(patient)
    session.flush()
    audit_trail.record(
        session,
        actor,
        Action.AGREED_TO_TEXTS if given else Action.WITHDREW_CONSENT,
        "patient",
        patient.id,
        clinic_id=patient.clinic_id,
        now=now,
        channel=channel,
    )
