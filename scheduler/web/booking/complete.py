"""What a finished form becomes: a patient, consent, screening, a course and its private link.

All in one transaction: whoever sends the last step twice finds the course of the first time.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from scheduler.audit.audit_trail import Actor
from scheduler.booking.courses import courses
from scheduler.booking.models import Course, Enquiry
from scheduler.booking.planning import draft_plans
from scheduler.clinic.models import Clinic, Treatment
from scheduler.patients import consent, register, screening
from scheduler.patients.models import Patient
from scheduler.storage import links
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link

PURPOSE = "course"
CALENDAR = "calendar"
"""Purposes of private links: one acts for the patient, the other only shows times."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """What was said in the form, as `enquiries.keep` kept it."""

    name: str
    phone: str
    language: str
    consent: bool
    health: dict[str, str]
    pain_since: str


def enrol(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    said: Application,
    *,
    now: datetime,
) -> Patient:
    """The patient behind a form whose phone was proved."""
    patient = register.enrol(
        session,
        actor,
        clinic=clinic,
        name=said.name,
        phone=said.phone,
        language=said.language,
        now=now,
    )
    patient.phone_proved_at = now
    session.add(patient)
    return patient


def book(
    session: Session,
    actor: Actor,
    enquiry: Enquiry,
    treatment: Treatment,
    *,
    patient: Patient,
    said: Application,
    key: str,
    now: datetime,
) -> Course:
    """Book what the form proposes. Raises SessionsTaken, and then nothing of this was done.

    `key`: the secret from which the private link's token follows.
    """
    with session.begin_nested():
        _settle_consent(session, actor, patient, said, now)
        screened = screening.record(session, actor, patient, answers=said.health, now=now)
        course = courses.book(
            session,
            actor,
            treatment=treatment,
            patient=patient,
            wanted=draft_plans.wanted(draft_plans.planned(session, enquiry, treatment)),
            agreed=draft_plans.agreed(enquiry, treatment),
            screening=screened,
            pain_since=said.pain_since,
            hold_id=enquiry.hold_id,
            now=now,
        )
    link = mint(session, key, course, purpose=PURPOSE, now=now)
    mint(session, key, course, purpose=CALENDAR, now=now)
    enquiry.course_id, enquiry.link_id, enquiry.hold_id = course.id, link.id, None
    # The answers about health are with the patient now; a second copy would only be a risk.
    enquiry.answers, enquiry.sessions = {}, []
    session.add(enquiry)
    session.flush()
    return course


def mint(session: Session, key: str, course: Course, *, purpose: str, now: datetime) -> Link:
    """A private link to a course, for one purpose, until some time after its last session."""
    last = courses.appointments_of(session, course)[-1]
    link, _ = links.mint(
        session,
        key,
        purpose=purpose,
        subject_id=stored_id(course.id),
        now=now,
        expires_at=max(last.ends_at, now) + courses.LINKS_OUTLIVE,
    )
    return link


def link_to(session: Session, course: Course, *, purpose: str, now: datetime) -> Link | None:
    """The newest live link to a course for one purpose, if there is one."""
    return session.exec(
        select(Link)
        .where(
            Link.purpose == purpose,
            Link.subject_id == course.id,
            col(Link.revoked_at).is_(None),
            col(Link.expires_at) > now,
        )
        .order_by(col(Link.id).desc())
    ).first()


def _settle_consent(
    session: Session, actor: Actor, patient: Patient, said: Application, now: datetime
) -> None:
    """What the latest form says holds: the page told what an empty box means."""
    if said.consent:
        wording = consent.wording(said.language)
        consent.give(session, actor, patient, wording=wording, channel="web", now=now)
    elif patient.sms_consent:
        wording = "The box was left empty on a later form."
        consent.withdraw(session, actor, patient, wording=wording, channel="web", now=now)
