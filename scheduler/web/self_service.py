"""The private page of a course: see it, confirm, cancel, take it along as a calendar file.

Whoever has the address may do what it is for, and nothing else. GET only shows: programs that look
at links before people do must not confirm or cancel anything.
"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler import languages, spoken
from scheduler.booking import appointments, enquiries
from scheduler.booking.models import Course, CourseState
from scheduler.errors import Unfit
from scheduler.links import Link
from scheduler.patients import consent, register
from scheduler.phone import for_people
from scheduler.reminders import timeline
from scheduler.spoken import gettext as _
from scheduler.spoken import marked
from scheduler.web import folder as folders
from scheduler.web import intake, pages, progress, texts, views
from scheduler.web.desk import DONE, open_form
from scheduler.web.entry import Reading, Typed, Writing
from scheduler.web.folder import Folder

router = APIRouter()

SAID = {
    "confirmed": marked("Thank you. We look forward to seeing you."),
    "cancelled": marked("The session is cancelled."),
    "moved": marked("The session has its new time."),
    "rest": marked("Your sessions have their new times."),
    "scored": marked("Thank you, we have noted it. If you are worried, please call us."),
}
"""What a page says after a deed; the address names it, so that the page itself needs no memory."""


@router.get("/book/{token}/done")
def done(token: str, visit: Reading) -> Response:
    """The end of the booking form: the course, its private page, what will be texted."""
    form = open_form(visit, token)
    if elsewhere := form.elsewhere(DONE):
        return pages.go(elsewhere)
    enquiry = enquiries.find(visit.session, token, now=visit.now)
    folder = folders.opened(visit, visit.session.get_one(Course, enquiry.course_id))
    sessions = folder.sessions
    my = f"/my/{folder.token(visit.session.get_one(Link, enquiry.link_id))}"
    entries = timeline.timeline(visit.session, folder.course, now=visit.now)
    return folders.page(
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
def show(token: str, visit: Reading, said: str = "", at: str = "") -> HTMLResponse:
    """The course: the next session first."""
    folder = folders.find(visit, token)
    sessions = folder.sessions
    coming = [each for each in sessions if each.can_cancel]
    entries = timeline.timeline(visit.session, folder.course, now=visit.now)
    return folders.page(
        folder,
        "my.html",
        base=f"/my/{token}",
        my=f"/my/{token}",
        notices=_said(folder, said, at),
        next=coming[0] if coming else None,
        over=_over(folder),
        total=len(sessions),
        always=views.summary(sessions, folder.place).always,
        weeks=views.weeks(sessions, folder.place.manner),
        coming=texts.owed(entries, folder.place),
        stopped=consent.is_stopped(visit.session, folder.patient.phone),
        sent=texts.sent(entries, folder.place),
        progress=progress.of(folder),
        mistakes={},
    )


@router.post("/my/{token}/sessions/{minute}/confirmation")
def confirm(token: str, minute: str, visit: Writing) -> Response:
    """The patient will come."""
    folder = folders.find(visit, token)
    appointments.confirm(visit.session, folder.actor, folder.at(minute), now=visit.now)
    return pages.go(f"/my/{token}?said=confirmed")


@router.get("/my/{token}/sessions/{minute}/cancellation")
def ask_cancellation(token: str, minute: str, visit: Reading) -> Response:
    """What it means to cancel a session."""
    folder = folders.find(visit, token)
    appointment = folder.at(minute)
    session = folder.shown(appointment)
    if not session.can_cancel:
        return pages.go(f"/my/{token}")
    return folders.page(
        folder,
        "cancel.html",
        base=f"/my/{token}",
        my=f"/my/{token}",
        session=session,
        others=folder.others_stay(appointment)
        or _("It is the last one: nothing of this course is left then."),
        late=folder.is_late(appointment),
        hours=spoken.hours(folder.clinic.cancel_notice_hours),
    )


@router.post("/my/{token}/sessions/{minute}/cancellation")
def cancel(token: str, minute: str, visit: Writing) -> Response:
    """The patient cannot come."""
    folder = folders.find(visit, token)
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
    folder = folders.find(visit, token)
    language = form.one("language")
    if not languages.is_known(language):
        raise Unfit(_("Please choose one of the languages that are offered."))
    register.change(visit.session, folder.actor, folder.patient, language=language, now=visit.now)
    return pages.go(f"/my/{token}")


@router.post("/my/{token}/calendar")
def take_along(token: str, visit: Writing) -> Response:
    """The calendar file of a course that has none yet, as those that the clinic booked."""
    folder = folders.find(visit, token)
    if not folder.calendar():
        key = visit.settings.secret_key
        intake.mint(visit.session, key, folder.course, purpose=intake.CALENDAR, now=visit.now)
    return pages.go(folder.calendar())


def _over(folder: Folder) -> str:
    if folder.course.state == CourseState.CANCELLED:
        return _("This course is cancelled. You can book another, or call us.")
    return _("This course is over. We hope that it has helped you.")


def _said(folder: Folder, said: str, at: str) -> list[str]:
    """What to tell after a deed; `at`: the minute of the session that it was about."""
    if said not in SAID:
        return []
    there = [each for each in folder.sessions if str(each.minute) == at and each.can_cancel]
    if said == "moved" and there:
        now = {"number": there[0].number, "when": there[0].spoken}
        return [_("Session %(number)s is now on %(when)s.") % now]
    return [_(SAID[said])]
