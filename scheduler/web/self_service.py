"""The private page of a course: see it, confirm, cancel, take it along as a calendar file.

Whoever has the address may do what it is for, and nothing else. GET only shows: programs that look
at links before people do must not confirm or cancel anything.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler import languages, links, spoken
from scheduler.audit import Actor
from scheduler.booking import appointments, courses, enquiries
from scheduler.booking.models import Appointment, AppointmentState, Course, CourseState
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.database import known
from scheduler.errors import Conflict, NotFound, Unfit
from scheduler.intervals import minute_of
from scheduler.links import Link
from scheduler.patients import consent, register
from scheduler.patients.models import Patient
from scheduler.phone import for_people
from scheduler.reminders import timeline
from scheduler.spoken import gettext as _
from scheduler.spoken import marked, ngettext
from scheduler.web import intake, pages, texts, views, words
from scheduler.web.desk import DONE, open_form
from scheduler.web.entry import Reading, Typed, Visit, Writing
from scheduler.web.views import Place, SessionView

router = APIRouter()

SAID = {
    "confirmed": marked("Thank you. We look forward to seeing you."),
    "cancelled": marked("The session is cancelled."),
}
"""What a page says after a deed; the address names it, so that the page itself needs no memory."""

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
    """This session is at another time now. Please look at your course again."""


@dataclass
class Folder:
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
    def place(self) -> Place:
        """Where and when it is read."""
        return Place.of(self.clinic, self.visit.now)

    @property
    def actor(self) -> Actor:
        """The patient."""
        return self.visit.actor(known(self.clinic.id))

    @cached_property
    def appointments(self) -> list[Appointment]:
        """Its sessions, in order."""
        return courses.appointments_of(self.visit.session, self.course)

    @property
    def sessions(self) -> list[SessionView]:
        """Its sessions in words."""
        return [self.shown(each) for each in self.appointments]

    def shown(self, appointment: Appointment) -> SessionView:
        """A session in words, with what can be done about it."""
        seen = views.session_view(
            self.place,
            number=appointment.number,
            phase=appointment.phase,
            starts_at=appointment.starts_at,
            minutes=int((appointment.ends_at - appointment.starts_at).total_seconds()) // 60,
            who=self.visit.session.get_one(Practitioner, appointment.practitioner_id).name,
            state=appointment.state,
        )
        return views.tagged(
            seen,
            _tag(appointment.state),
            can_cancel=appointment.state in OPEN and appointment.starts_at > self.visit.now,
        )

    def at(self, typed: str) -> Appointment:
        """The session that begins in a minute, out of an address.

        Numbers follow the calendar: by its number an old page would cancel another session than
        the one it showed. Moved: whoever looks at an old page is told so.
        """
        if not (typed.isascii() and typed.isdecimal() and len(typed) < 12):
            raise NotFound
        there = [each for each in self.appointments if minute_of(each.starts_at) == int(typed)]
        if not there:
            raise MovedAway
        return min(there, key=lambda each: each.state == AppointmentState.CANCELLED)

    def calendar(self) -> str:
        """The address of the calendar file; empty where none has been made yet."""
        link = intake.calendar_link(self.visit.session, self.course, now=self.visit.now)
        return f"/calendars/{self.token(link)}.ics" if link else ""

    def token(self, link: Link) -> str:
        """The token of a link, which the database does not hold."""
        return links.token_of(self.visit.settings.secret_key, link.nonce)

    @property
    def needs_clearance(self) -> bool:
        """Whether a practitioner has yet to look at the answers."""
        return self.course.state == CourseState.NEEDS_CLEARANCE


@router.get("/book/{token}/done")
def done(token: str, visit: Reading) -> Response:
    """The end of the booking form: the course, its private page, what will be texted."""
    form = open_form(visit, token)
    if elsewhere := form.elsewhere(DONE):
        return pages.go(elsewhere)
    enquiry = enquiries.find(visit.session, token, now=visit.now)
    folder = _folder(visit, visit.session.get_one(Course, enquiry.course_id))
    sessions = folder.sessions
    my = f"/my/{folder.token(visit.session.get_one(Link, enquiry.link_id))}"
    entries = timeline.timeline(visit.session, folder.course, now=visit.now)
    return _page(
        folder,
        "done.html",
        summary=views.summary(sessions, folder.place),
        first=sessions[0],
        weeks=views.weeks(sessions, folder.place.manner),
        my=my,
        number=for_people(folder.patient.phone),
        texts=texts.owed_or_sent(entries, folder.place),
        stopped=consent.is_stopped(visit.session, folder.patient.phone),
    )


@router.get("/my/{token}")
def show(token: str, visit: Reading, said: str = "") -> HTMLResponse:
    """The course: the next session first."""
    folder = _open(visit, token)
    sessions = folder.sessions
    coming = [each for each in sessions if each.can_cancel]
    entries = timeline.timeline(visit.session, folder.course, now=visit.now)
    return _page(
        folder,
        "my.html",
        base=f"/my/{token}",
        my=f"/my/{token}",
        notices=[_(SAID[said])] if said in SAID else [],
        next=coming[0] if coming else None,
        over=_over(folder),
        total=len(sessions),
        always=views.summary(sessions, folder.place).always,
        weeks=views.weeks(sessions, folder.place.manner),
        coming=texts.owed(entries, folder.place),
        stopped=consent.is_stopped(visit.session, folder.patient.phone),
        sent=texts.sent(entries, folder.place),
    )


@router.post("/my/{token}/sessions/{minute}/confirmation")
def confirm(token: str, minute: str, visit: Writing) -> Response:
    """The patient will come."""
    folder = _open(visit, token)
    appointments.confirm(visit.session, folder.actor, folder.at(minute), now=visit.now)
    return pages.go(f"/my/{token}?said=confirmed")


@router.get("/my/{token}/sessions/{minute}/cancellation")
def ask_cancellation(token: str, minute: str, visit: Reading) -> Response:
    """What it means to cancel a session."""
    folder = _open(visit, token)
    session = folder.shown(folder.at(minute))
    if not session.can_cancel:
        return pages.go(f"/my/{token}")
    others = [each for each in folder.sessions if each.can_cancel and each != session]
    return _page(
        folder,
        "cancel.html",
        base=f"/my/{token}",
        my=f"/my/{token}",
        session=session,
        others=_stay(len(others)),
        late=session.starts_at - visit.now < timedelta(hours=folder.clinic.cancel_notice_hours),
        hours=spoken.hours(folder.clinic.cancel_notice_hours),
    )


@router.post("/my/{token}/sessions/{minute}/cancellation")
def cancel(token: str, minute: str, visit: Writing) -> Response:
    """The patient cannot come."""
    folder = _open(visit, token)
    appointments.cancel(
        visit.session,
        folder.actor,
        folder.at(minute),
        reason="cancelled by the patient",
        now=visit.now,
    )
    return pages.go(f"/my/{token}?said=cancelled")


@router.post("/my/{token}/language")
def choose_language(token: str, visit: Writing, form: Typed) -> Response:
    """Speak another language to this patient from now on, in texts too."""
    folder = _open(visit, token)
    language = form.one("language")
    if not languages.is_known(language):
        raise Unfit(_("Please choose one of the languages that are offered."))
    register.change(visit.session, folder.actor, folder.patient, language=language, now=visit.now)
    return pages.go(f"/my/{token}")


@router.post("/my/{token}/calendar")
def take_along(token: str, visit: Writing) -> Response:
    """The calendar file of a course that has none yet, as those that the clinic booked."""
    folder = _open(visit, token)
    if not folder.calendar():
        key = visit.settings.secret_key
        intake.mint(visit.session, key, folder.course, purpose=intake.CALENDAR, now=visit.now)
    return pages.go(folder.calendar())


def _open(visit: Visit, token: str) -> Folder:
    """The course behind a private link; the same NotFound for each link that leads nowhere."""
    link = links.follow(visit.session, token, purpose=intake.PURPOSE, now=visit.now)
    return _folder(visit, visit.session.get_one(Course, link.subject_id))


def _folder(visit: Visit, course: Course) -> Folder:
    """A course, from here on spoken of in the patient's language."""
    folder = Folder(visit, course)
    visit.speak(folder.patient.language, folder.clinic.language)
    return folder


def _page(folder: Folder, template: str, **values: Any) -> HTMLResponse:
    return pages.show(
        template,
        clinic=folder.clinic,
        treatment=folder.treatment,
        needs_clearance=folder.needs_clearance,
        consent=folder.patient.sms_consent,
        calendar=folder.calendar(),
        **values,
    )


def _over(folder: Folder) -> str:
    if folder.course.state == CourseState.CANCELLED:
        return _("This course is cancelled. You can book another, or call us.")
    return _("This course is over. We hope that it has helped you.")


def _stay(others: int) -> str:
    if not others:
        return _("It is the last one: nothing of this course is left then.")
    return ngettext(
        "Your other session stays as it is.",
        "Your other %(number)s sessions stay as they are.",
        others,
    ) % {"number": words.small(others)}


def _tag(state: str) -> str:
    said = TAGS[AppointmentState(state)]
    return _(said) if said else ""
