"""The sessions of one course as a calendar file."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scheduler.booking.courses import courses, private_links
from scheduler.booking.models import Appointment, AppointmentState, Course
from scheduler.clinic.models import Clinic
from scheduler.feeds import ical
from scheduler.i18n.translation import activate
from scheduler.i18n.translation import gettext as _
from scheduler.patients.models import Patient
from scheduler.storage import links


def file(session: Session, token: str, *, host: str, now: datetime) -> bytes:
    """The iCalendar file behind a link; NoSuchLink alike for unknown, expired and revoked links.

    In the patient's language, because a calendar program asks for none. `host`: the end of the
    ids in the file, which makes them globally unique.
    """
    link = links.follow(session, token, purpose=private_links.CALENDAR, now=now)
    course = session.get_one(Course, link.subject_id)
    clinic = session.get_one(Clinic, course.clinic_id)
    activate(session.get_one(Patient, course.patient_id).language)
    appointments = courses.appointments_of(session, course)
    return ical.render(
        clinic.text_name,
        [_event(appointment, clinic, len(appointments), host) for appointment in appointments],
    )


def _event(appointment: Appointment, clinic: Clinic, total: int, host: str) -> ical.CalendarEvent:
    position = _("session %(number)s of %(total)s") % {"number": appointment.number, "total": total}
    advice = _(
        "Eat something about two hours before. Get up slowly afterwards. Questions, or not able to"
        " come? Call %(phone)s."
    ) % {"phone": clinic.phone}
    return ical.CalendarEvent(
        uid=f"session-{appointment.id}@{host}",
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        zone=ZoneInfo(appointment.zone),
        summary=f"{clinic.text_name}: {position}",
        description=advice,
        location=clinic.name,
        sequence=appointment.version - 1,
        changed_at=appointment.changed_at,
        cancelled=appointment.state == AppointmentState.CANCELLED,
    )
