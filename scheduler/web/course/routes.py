"""The private page of a course: show it, choose its language, get its calendar file.

A person who has the address may do what the page offers, and nothing else. GET changes nothing,
because programs that preview links must not confirm or cancel a session.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from scheduler.booking.courses import private_links
from scheduler.booking.models import Course
from scheduler.i18n import languages
from scheduler.i18n.translation import gettext as _
from scheduler.infra.errors import Invalid
from scheduler.infra.phone import for_people
from scheduler.patients import consent, register
from scheduler.reminders.kinds import timeline
from scheduler.storage import links
from scheduler.storage.links import Link, NoSuchLink
from scheduler.web.booking.form_session import DONE, BookingForm
from scheduler.web.course import overview, texts
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site import rendering, view_models
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter()


@router.get("/book/{token}/done")
def done(token: str, visit: Reading) -> Response:
    """The end of the booking form: the course, its private page and the texts to expect."""
    enquiry = BookingForm.open(visit, token, DONE).enquiry
    link = visit.session.get_one(Link, enquiry.link_id)
    if link.revoked_at is not None:
        raise NoSuchLink  # the phone that proved this form no longer belongs to the patient
    course = visit.session.get_one(Course, enquiry.course_id)
    page = CoursePage.of(visit, links.token_of(visit.settings.secret_key, link.nonce), course)
    sessions = page.sessions
    entries = timeline.timeline(visit.session, course, now=visit.now)
    return page.show(
        "done.html",
        framed=True,
        summary=view_models.summary(sessions, page.locale),
        first=sessions[0],
        weeks=view_models.weeks(sessions, page.locale.dates),
        number=for_people(page.patient.phone),
        texts=texts.owed_or_sent(entries, page.locale),
        stopped=consent.is_stopped(visit.session, page.patient.phone),
    )


@router.get("/my/{token}")
def show(
    token: str, visit: Reading, notice: Annotated[str, Query(alias="said")] = "", at: str = ""
) -> HTMLResponse:
    """The course: the next session first."""
    page = CoursePage.open(visit, token)
    return overview.show(page, notices=overview.notices(page, notice, at))


@router.post("/my/{token}/language")
def choose_language(token: str, visit: Writing, form: Typed) -> Response:
    """Use another language for this patient from now on, also in texts."""
    page = CoursePage.open(visit, token)
    language = form.one("language")
    if not languages.is_known(language):
        raise Invalid(_("Please choose one of the languages that are offered."))
    register.change(visit.session, page.actor, page.patient, language=language, now=visit.now)
    return page.go()


@router.post("/my/{token}/calendar")
def take_along(token: str, visit: Writing) -> Response:
    """The calendar file; courses that the clinic booked have none until now."""
    page = CoursePage.open(visit, token)
    if not page.calendar():
        key = visit.settings.secret_key
        private_links.mint(
            visit.session, key, page.course, purpose=private_links.CALENDAR, now=visit.now
        )
    return rendering.go(page.calendar())
