"""A patient's course as its private page knows it: all there is about it, and how it is said.

Whoever has the address may do what it is for, and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from fastapi.responses import HTMLResponse

from scheduler.audit.audit_trail import Actor
from scheduler.booking.courses import courses, undo
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked, ngettext
from scheduler.infra.errors import Conflict, NotFound, TooMany
from scheduler.infra.intervals import minute_of
from scheduler.patients.models import Patient
from scheduler.storage import links
from scheduler.storage.database import stored_id
from scheduler.storage.links import Link
from scheduler.web.booking import complete
from scheduler.web.site import formatting, rendering, view_models
from scheduler.web.site.view_models import Locale, SessionView
from scheduler.web.site.visit import Visit

TAGS = {
    AppointmentState.BOOKED: "",
    AppointmentState.CONFIRMED: marked("confirmed"),
    AppointmentState.ARRIVED: marked("under way"),
    AppointmentState.COMPLETED: marked("done"),
    AppointmentState.CANCELLED: marked("cancelled"),
    AppointmentState.NO_SHOW: marked("missed"),
}
OPEN = frozenset({AppointmentState.BOOKED, AppointmentState.CONFIRMED})


class MovedAway(Conflict):
    sentence = "This session is at another time now. Please look at your course again."

    def __init__(self, folder: "CoursePage") -> None:
        super().__init__()
        self.folder = folder


@dataclass
class CoursePage:
    """All there is about a course, within one visit."""

    visit: Visit
    course: Course

    @cached_property
    def clinic(self) -> Clinic:
        """Where it takes place."""
        return self.visit.session.get_one(Clinic, self.course.clinic_id)

    @cached_property
    def treatment(self) -> Treatment:
        """What it is."""
        return self.visit.session.get_one(Treatment, self.course.treatment_id)

    @cached_property
    def patient(self) -> Patient:
        """Whose it is."""
        return self.visit.session.get_one(Patient, self.course.patient_id)

    @cached_property
    def place(self) -> Locale:
        """Where and when it is read."""
        return Locale.of(self.clinic, self.visit.now)

    @property
    def actor(self) -> Actor:
        """The patient."""
        return self.visit.actor(stored_id(self.clinic.id))

    @cached_property
    def appointments(self) -> list[Appointment]:
        """Its sessions, in order."""
        return courses.appointments_of(self.visit.session, self.course)

    @property
    def sessions(self) -> list[SessionView]:
        """Its sessions in words."""
        return [self.shown(appointment) for appointment in self.appointments]

    def shown(self, appointment: Appointment, *, starts_at: datetime | None = None) -> SessionView:
        """A session in words, with what can be done about it. `starts_at`: as if it were then."""
        seen = view_models.session_view(
            self.place,
            number=appointment.number,
            phase=appointment.phase,
            starts_at=starts_at or appointment.starts_at,
            minutes=int((appointment.ends_at - appointment.starts_at).total_seconds()) // 60,
            who=self.visit.session.get_one(Practitioner, appointment.practitioner_id).name,
            state=appointment.state,
        )
        return view_models.tagged(
            seen,
            _tag(appointment.state),
            can_cancel=appointment.state in OPEN and appointment.starts_at > self.visit.now,
            can_move=self.can_move(appointment),
        )

    def can_move(self, appointment: Appointment) -> bool:
        """Whether the patient can put a session at another time without a call.

        Not within the notice of the clinic: nobody else could come in its place any more.
        """
        return appointment.state in OPEN and not self.is_late(appointment)

    def is_late(self, appointment: Appointment) -> bool:
        """Whether a session is nearer than the notice that the clinic asks for."""
        notice = timedelta(hours=self.clinic.cancel_notice_hours)
        return appointment.starts_at <= self.visit.now + notice

    def check_calm(self) -> None:
        """TooMany where the patient has changed the times of the course very often today."""
        made = undo.changes_of_the_day(self.visit.session, self.course, now=self.visit.now)
        if made >= undo.MOST:
            raise TooMany(
                _(
                    "You have changed this course %(times)s times within a day. Please call us to"
                    " change it again."
                )
                % {"times": formatting.small(made)},
                retry_after=3600,
            )

    def others_stay(self, changed: Appointment) -> str:
        """What becomes of the other sessions to come; nothing where there is none."""
        others = [
            appointment
            for appointment in self.appointments
            if appointment.state in OPEN
            and appointment.starts_at > self.visit.now
            and appointment.id != changed.id
        ]
        if not others:
            return ""
        return ngettext(
            "Your other session stays as it is.",
            "Your other %(number)s sessions stay as they are.",
            len(others),
        ) % {"number": formatting.small(len(others))}

    def at(self, typed: str) -> Appointment:
        """The session that begins in a minute, out of an address.

        Numbers follow the calendar: by its number an old page would cancel another session than
        the one it showed. Moved: whoever looks at an old page is told so.
        """
        if not (typed.isascii() and typed.isdecimal() and len(typed) < 12):
            raise NotFound
        there = [
            appointment
            for appointment in self.appointments
            if minute_of(appointment.starts_at) == int(typed)
        ]
        if not there:
            raise MovedAway(self)
        return min(there, key=lambda each: each.state == AppointmentState.CANCELLED)

    def calendar(self) -> str:
        """The address of the calendar file; empty where none has been made yet."""
        link = complete.link_to(
            self.visit.session, self.course, purpose=complete.CALENDAR, now=self.visit.now
        )
        return f"/calendars/{self.token(link)}.ics" if link else ""

    def token(self, link: Link) -> str:
        """The token of a link, which the database does not hold."""
        return links.token_of(self.visit.settings.secret_key, link.nonce)

    @property
    def needs_clearance(self) -> bool:
        """Whether a practitioner has yet to look at the answers."""
        return self.course.state == CourseState.NEEDS_CLEARANCE


def find(visit: Visit, token: str, *, lock: bool = False) -> CoursePage:
    """The course behind a private link; the same NotFound for each link that leads nowhere.

    `lock`: it is about to be changed, one after another: the second sees what the first has done.
    """
    link = links.follow(visit.session, token, purpose=complete.PURPOSE, now=visit.now)
    if lock:
        courses.lock(visit.session, link.subject_id)
    return opened(visit, visit.session.get_one(Course, link.subject_id))


def opened(visit: Visit, course: Course) -> CoursePage:
    """A course, from here on spoken of in the patient's language."""
    folder = CoursePage(visit, course)
    visit.speak(folder.patient.language, folder.clinic.language)
    translation.set_country(folder.clinic.country)
    return folder


def page(folder: CoursePage, template: str, **values: Any) -> HTMLResponse:
    """A page about the course."""
    return rendering.show(
        template,
        clinic=folder.clinic,
        treatment=folder.treatment,
        needs_clearance=folder.needs_clearance,
        consent=folder.patient.sms_consent,
        calendar=folder.calendar(),
        **values,
    )


def _tag(state: str) -> str:
    said = TAGS[AppointmentState(state)]
    return _(said) if said else ""
