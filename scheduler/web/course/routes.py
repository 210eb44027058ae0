"""The private page of a course: see it, choose its language, take it along as a calendar file.

Whoever has the address may do what it is for, and nothing else. GET only shows: programs that look
at links before people do must not confirm or cancel anything.
"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.models import Course
from scheduler.booking.planning import draft_bookings
from scheduler.i18n import languages
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid
from scheduler.infra.phone import for_people
from scheduler.patients import consent, register
from scheduler.reminders.kinds import timeline
from scheduler.storage.links import Link, NoSuchLink
from scheduler.web.booking import complete
from scheduler.web.booking.form_session import DONE, open_form
from scheduler.web.course import course_page as folders
from scheduler.web.course import overview, texts
from scheduler.web.site import rendering, view_models
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter()


@router.get("/book/{token}/done")
def done(token: str, visit: Reading) -> Response:
    """The end of the booking form: the course, its private page, what will be texted."""
    form = open_form(visit, token)
    if elsewhere := form.elsewhere(DONE):
        return rendering.go(elsewhere)
    enquiry = draft_bookings.find(visit.session, token, now=visit.now)
    folder = folders.opened(visit, visit.session.get_one(Course, enquiry.course_id))
    sessions = folder.sessions
    link = visit.session.get_one(Link, enquiry.link_id)
    if link.revoked_at is not None:
        raise NoSuchLink  # the phone that proved this form is not the patient's any more
    my = f"/my/{folder.token(link)}"
    entries = timeline.timeline(visit.session, folder.course, now=visit.now)
    return folders.page(
        folder,
        "done.html",
        framed=True,
        summary=view_models.summary(sessions, folder.place),
        first=sessions[0],
        weeks=view_models.weeks(sessions, folder.place.manner),
        my=my,
        number=for_people(folder.patient.phone),
        texts=texts.owed_or_sent(entries, folder.place),
        stopped=consent.is_stopped(visit.session, folder.patient.phone),
    )


@router.get("/my/{token}")
def show(token: str, visit: Reading, said: str = "", at: str = "") -> HTMLResponse:
    """The course: the next session first."""
    folder = folders.find(visit, token)
    return overview.page(folder, token, notices=overview.told(folder, said, at))


@router.post("/my/{token}/language")
def choose_language(token: str, visit: Writing, form: Typed) -> Response:
    """Speak another language to this patient from now on, in texts too."""
    folder = folders.find(visit, token)
    language = form.one("language")
    if not languages.is_known(language):
        raise Invalid(_("Please choose one of the languages that are offered."))
    register.change(visit.session, folder.actor, folder.patient, language=language, now=visit.now)
    return rendering.go(f"/my/{token}")


@router.post("/my/{token}/calendar")
def take_along(token: str, visit: Writing) -> Response:
    """The calendar file of a course that has none yet, as those that the clinic booked."""
    folder = folders.find(visit, token)
    if not folder.calendar():
        key = visit.settings.secret_key
        complete.mint(visit.session, key, folder.course, purpose=complete.CALENDAR, now=visit.now)
    return rendering.go(folder.calendar())
