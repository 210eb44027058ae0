"""The private links to a course: one acts for the patient, the other only shows the calendar."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from scheduler.booking.courses import courses
from scheduler.booking.models import Course, Offer, WaitlistEntry
from scheduler.patients.models import Patient
from scheduler.storage import links
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link

COURSE_LINK = "course"
CALENDAR = "calendar"

LINKS_OUTLIVE = timedelta(days=14)
"""How long a link works after the last session, so that the patient can read the aftercare."""


def mint(session: Session, key: str, course: Course, *, purpose: str, now: datetime) -> Link:
    """A private link to a course, for one purpose, until some time after its last session."""
    last = courses.appointments_of(session, course)[-1]
    link, _ = links.mint(
        session,
        key,
        purpose=purpose,
        subject_id=stored_id(course.id),
        now=now,
        expires_at=max(last.ends_at, now) + LINKS_OUTLIVE,
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


def prolong_links(session: Session, course: Course, *, now: datetime) -> None:
    """Extend the links to a course that now ends later."""
    last = max(appointment.ends_at for appointment in courses.appointments_of(session, course))
    links.prolong(
        session,
        purposes=(COURSE_LINK, CALENDAR),
        subject_id=stored_id(course.id),
        now=now,
        until=last + LINKS_OUTLIVE,
    )


def end_links(session: Session, patient: Patient, *, now: datetime) -> None:
    """End all private links to a patient's courses, places on the waitlist and offers: the phone
    that they were texted to is another's."""
    own = (
        ((COURSE_LINK, CALENDAR), select(Course.id).where(Course.patient_id == patient.id)),
        (("waiting",), select(WaitlistEntry.id).where(WaitlistEntry.patient_id == patient.id)),
        (
            ("offer",),
            select(Offer.id)
            .join(WaitlistEntry, col(WaitlistEntry.id) == Offer.entry_id)
            .where(WaitlistEntry.patient_id == patient.id),
        ),
    )
    for purposes, ids in own:
        for subject_id in session.exec(ids).all():
            for purpose in purposes:
                links.revoke(session, purpose=purpose, subject_id=stored_id(subject_id), now=now)
