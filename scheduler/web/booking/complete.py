"""Turns a finished form into a patient, consent, screening, a course and its private link.

All in one transaction, so sending the last step twice finds the course of the first time.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.booking.courses import courses, private_links
from scheduler.booking.models import Course, Enquiry
from scheduler.booking.planning import draft_plans
from scheduler.booking.stored_values import DraftAnswers
from scheduler.clinic.models import Clinic, Treatment
from scheduler.patients import consent, register, screening
from scheduler.patients.models import Patient


@dataclass(frozen=True, kw_only=True)
class Application:
    """The answers about the patient, as `draft_bookings.keep` kept them."""

    name: str
    phone: str
    language: str
    consent: bool
    health: dict[str, str]
    pain_since: str


def enroll(
    session: Session,
    actor: Actor,
    clinic: Clinic,
    application: Application,
    *,
    now: datetime,
) -> Patient:
    """Register the patient of a form whose phone was proved."""
    patient = register.enroll(
        session,
        actor,
        clinic=clinic,
        name=application.name,
        phone=application.phone,
        language=application.language,
        now=now,
    )
    patient.phone_proved_at, patient.textable = now, True
    session.add(patient)
    return patient


def book(
    session: Session,
    actor: Actor,
    enquiry: Enquiry,
    treatment: Treatment,
    *,
    patient: Patient,
    application: Application,
    key: str,
    now: datetime,
) -> Course:
    """Book the proposal of the form, or raise SessionsTaken and store nothing.

    `key`: the secret key from which the token of the private link is derived.
    """
    with session.begin_nested():
        _settle_consent(session, actor, patient, application, now)
        screened = screening.record(session, actor, patient, answers=application.health, now=now)
        course = courses.book(
            session,
            actor,
            treatment=treatment,
            patient=patient,
            wanted=draft_plans.wanted(draft_plans.planned(session, enquiry, treatment)),
            agreed=draft_plans.agreed(enquiry, treatment),
            screening=screened,
            pain_since=application.pain_since,
            hold_id=enquiry.hold_id,
            now=now,
        )
    link = private_links.mint(session, key, course, purpose=private_links.COURSE_LINK, now=now)
    private_links.mint(session, key, course, purpose=private_links.CALENDAR, now=now)
    enquiry.course_id, enquiry.link_id, enquiry.hold_id = course.id, link.id, None
    # The answers about health are stored with the patient now. A second copy would be a risk.
    enquiry.answers, enquiry.sessions = DraftAnswers(), []
    session.add(enquiry)
    session.flush()
    return course


def _settle_consent(
    session: Session, actor: Actor, patient: Patient, application: Application, now: datetime
) -> None:
    """Apply the latest form's choice. The page says that an empty box withdraws consent."""
    if application.consent:
        wording = consent.wording(application.language)
        consent.give(session, actor, patient, wording=wording, channel="web", now=now)
    elif patient.sms_consent:
        wording = "The box was left empty on a later form."
        consent.withdraw(session, actor, patient, wording=wording, channel="web", now=now)
