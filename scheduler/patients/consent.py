"""Who may be texted: consent of a person, and the wish of a phone to be left alone."""

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
"""What a patient agrees to, per language. It is stored with each consent as it was shown."""


def wording(language: str) -> str:
    """What a patient agrees to in a language, or in English where that has no words for it."""
    return WORDING.get(language) or WORDING[languages.SOURCE]


TEXT, PAGE = "text", "page"
"""Where a phone's wish for no texts was said."""


@dataclass(frozen=True)
class Silence:
    """Why somebody is not texted, since when, and what they said."""

    reason: str
    since: datetime | None = None
    words: str = ""


def silences(session: Session, patients: Sequence[Patient]) -> dict[int, Silence]:
    """By id, why patients get no texts. Those who do are left out."""
    phones = {patient.phone for patient in patients}
    stopped = {
        stop.phone: Silence("The phone asked for no more texts.", stop.since, stop.words)
        for stop in session.exec(
            select(OptOut)
            .where(col(OptOut.phone).in_(phones), col(OptOut.lifted_at).is_(None))
            .order_by(col(OptOut.id).desc())
        )
    }
    disagree = Silence("The patient has not agreed to texts.")
    return {
        stored_id(patient.id): stopped.get(patient.phone, disagree)
        for patient in patients
        if patient.phone in stopped or not patient.sms_consent
    }


def give(
    session: Session,
    actor: Actor,
    patient: Patient,
    *,
    wording: str,
    channel: str,
    now: datetime,
) -> None:
    """The patient agrees to be texted. A STOP of the phone stays in force until its START."""
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
    """The patient no longer agrees to be texted."""
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
    """This phone wants no texts, whoever it belongs to. Whether that is news.

    `said_at`: when it was said, where it reached us late: a START since then has lifted it. What
    was said on the page is news again when it is texted: the page can no longer take it back.
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
    """This phone wants texts again. What it said before a later STOP, and we heard late, counts
    for nothing.
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
    """Take back what was said on the page. A STOP by text stays: its START must be texted too."""
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
    """Whether this phone asked to be left alone and has not asked for texts since."""
    return bool(_stopped_on(session, phone))


def is_stopped_by_text(session: Session, phone: str) -> bool:
    """Whether it said so by text, which only a text takes back."""
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
