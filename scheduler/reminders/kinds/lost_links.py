"""The texts that bring somebody a new private link: one for each course of the phone that asked.

Links in older texts go on living: else whoever knows a number could end them. They die with a
change of the phone, and some time after the course.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from scheduler.booking.models import Appointment, Course, CourseState
from scheduler.booking.states import EXPECTED
from scheduler.clinic.models import Clinic
from scheduler.i18n import languages
from scheduler.patients import lost_links
from scheduler.patients.models import LinkRequest, Patient
from scheduler.reminders.models import Message
from scheduler.reminders.outbox import outbox
from scheduler.reminders.schedule import templating
from scheduler.reminders.texts import default_texts
from scheduler.storage.database import stored_id

USEFUL = timedelta(minutes=30)
"""A link that comes later than this comes to somebody who has given up waiting."""

LATELY = timedelta(days=14)
"""A course that ended within this still has a page worth looking at."""

MOST_COURSES = 3

KIND, OVER = "lost_link", "lost_link_over"
KINDS = frozenset({KIND, OVER})


def answer(session: Session, *, now: datetime) -> None:
    """Owe a text for each course of each phone that asked, and forget who asked."""
    for request in lost_links.waiting(session):
        if now - request.created_at < USEFUL:
            outbox.take_turn(session, [request.phone])
            for course, patient in _courses(session, request.phone, now):
                _owe(session, request, course, patient, now)
        lost_links.done(session, request)


def why_gone(session: Session, message: Message) -> str:
    """Why such a text must not go out now, as a sentence for staff; empty: it may."""
    patient = session.get(Patient, message.patient_id) if message.patient_id else None
    if patient is None or patient.erased_at or patient.phone != message.phone:
        return "The patient has another phone now."
    return ""


def _courses(session: Session, phone: str, now: datetime) -> Sequence[tuple[Course, Patient]]:
    """The courses that are under way or were lately, the latest first."""
    ends = func.max(Appointment.ends_at)
    rows = session.exec(
        select(Course, Patient)
        .join(Patient, col(Patient.id) == Course.patient_id)
        .join(Appointment, col(Appointment.course_id) == Course.id)
        .where(
            Patient.phone == phone,
            col(Patient.erased_at).is_(None),
            Course.state != CourseState.CANCELLED,
        )
        .group_by(col(Course.id), col(Patient.id))
        .having(ends > now - LATELY)
        .order_by(ends.desc(), col(Course.id))
        .limit(MOST_COURSES)
    ).all()
    return [(course, patient) for course, patient in rows]


def _owe(
    session: Session, request: LinkRequest, course: Course, patient: Patient, now: datetime
) -> None:
    clinic = session.get_one(Clinic, course.clinic_id)
    upcoming = session.exec(
        select(Appointment)
        .where(
            Appointment.course_id == course.id,
            Appointment.starts_at > now,
            col(Appointment.state).in_(EXPECTED),
        )
        .order_by(col(Appointment.starts_at))
    ).first()
    fields = outbox.fields_of(clinic)
    if upcoming is not None:
        local = upcoming.starts_at.astimezone(ZoneInfo(clinic.timezone))
        language = languages.of(patient.language, clinic.language)
        fields |= templating.when(local, language, templating.clock_of(clinic.country))
    kind = OVER if upcoming is None else KIND
    message = Message(
        clinic_id=stored_id(clinic.id),
        key=f"link:{request.id}:{course.id}",
        kind=kind,
        course_id=course.id,
        patient_id=patient.id,
        phone=patient.phone,
        language=patient.language,
        text=templating.render(
            default_texts.answer(kind, patient.language, clinic.language), fields
        ),
        asked=True,
        priority=100,
        due_at=now,
        expires_at=request.created_at + USEFUL,
        created_at=now,
    )
    session.add(message)
    session.flush()
