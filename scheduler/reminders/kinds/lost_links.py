"""Messages that bring a patient a new private link, one for each course of the phone that asked.

Links in older messages stay valid. Otherwise anyone who knows a phone number could end them. They
end when the phone changes, and some time after the course.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from scheduler.booking.models import Appointment, Course, CourseState
from scheduler.booking.states import EXPECTED
from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.patients import lost_links
from scheduler.patients.models import LinkRequest, Patient
from scheduler.reminders import message_key
from scheduler.reminders.kinds.message_kind import MessageKind
from scheduler.reminders.outbox import immediate, message_text, outbox
from scheduler.storage.database import stored_id

EXPIRES_AFTER = timedelta(minutes=30)
"""After this the patient has given up waiting."""

RECENT = timedelta(days=14)
"""How long after its end the page of a course is still worth a link."""

MAX_COURSES = 3

UPCOMING, OVER = "lost_link", "lost_link_over"
LOST_LINK_KINDS = frozenset({UPCOMING, OVER})
LOST_LINK = MessageKind(needs_patient=True)


def answer(session: Session, *, now: datetime) -> None:
    """Owe a message for each course of each phone that asked, and delete the requests."""
    for request in lost_links.waiting(session):
        if now - request.created_at < EXPIRES_AFTER:
            outbox.take_turn(session, [request.phone])
            for course, patient in _courses(session, request.phone, now):
                _owe(session, request, course, patient, now)
        lost_links.done(session, request)


def _courses(session: Session, phone: str, now: datetime) -> Sequence[tuple[Course, Patient]]:
    """The current and recent courses of a phone, the latest first."""
    ends = func.max(Appointment.ends_at)
    rows = session.exec(
        select(Course, Patient)
        .join(Patient, col(Patient.id) == Course.patient_id)
        .join(Appointment, col(Appointment.course_id) == Course.id)
        .where(
            Patient.phone == phone,
            col(Patient.textable),
            col(Patient.erased_at).is_(None),
            Course.state != CourseState.CANCELLED,
        )
        .group_by(col(Course.id), col(Patient.id))
        .having(ends > now - RECENT)
        .order_by(ends.desc(), col(Course.id))
        .limit(MAX_COURSES)
    ).all()
    return [(course, patient) for course, patient in rows]


def _owe(
    session: Session, request: LinkRequest, course: Course, patient: Patient, now: datetime
) -> None:
    clinic = session.get_one(Clinic, course.clinic_id)
    upcoming = _next_start(session, course, now)
    language = languages.of(patient.language, clinic.language)
    immediate.owe(
        session,
        clinic,
        OVER if upcoming is None else UPCOMING,
        key=message_key.of_lost_link(stored_id(request.id), stored_id(course.id)),
        phone=patient.phone,
        language=patient.language,
        now=now,
        expires_at=request.created_at + EXPIRES_AFTER,
        fields=message_text.time_fields(clinic, language, upcoming) if upcoming else None,
        course_id=course.id,
        patient_id=patient.id,
    )


def _next_start(session: Session, course: Course, now: datetime) -> datetime | None:
    return session.exec(
        select(Appointment.starts_at)
        .where(
            Appointment.course_id == course.id,
            Appointment.starts_at > now,
            col(Appointment.state).in_(EXPECTED),
        )
        .order_by(col(Appointment.starts_at))
    ).first()
