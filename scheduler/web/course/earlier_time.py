"""The waitlist for an earlier time of one session, from the private page.

Offers keep the pace of the course. The session stays as it is until the patient accepts an offer.
"""

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.waitlist import entries
from scheduler.patients import consent
from scheduler.web.course.course_page import CoursePage, SessionPage
from scheduler.web.site.page import PATIENT_WITHDREW
from scheduler.web.site.visit import Reading, Writing

router = APIRouter(prefix="/my/{token}/sessions/{minute}/earlier")


@router.get("")
def ask(token: str, minute: str, visit: Reading) -> Response:
    """How waiting for an earlier time works, or that the patient waits, and how to end it."""
    page = SessionPage.open_at(visit, token, minute)
    if not page.view.can_cancel:
        return page.go()
    return page.show(
        "earlier_time.html",
        waits=entries.for_session(visit.session, page.appointment) is not None,
        silent=_is_silent(page),
        minutes=page.clinic.waitlist_minutes,
    )


@router.post("")
def enter(token: str, minute: str, visit: Writing) -> Response:
    """Wait for an earlier time of this session."""
    page = SessionPage.open_at(visit, token, minute, lock=True)
    entry = entries.for_session(visit.session, page.appointment)
    if entry is None and page.view.can_cancel and not _is_silent(page):
        entries.enter(visit.session, page.actor, appointment=page.appointment, now=visit.now)
    return page.go(f"/sessions/{minute}/earlier")


@router.post("/end")
def end(token: str, minute: str, visit: Writing) -> Response:
    """Stop waiting; the session stays as it is."""
    page = SessionPage.open_at(visit, token, minute, lock=True)
    entry = entries.for_session(visit.session, page.appointment)
    if entry is not None:
        entries.withdraw(visit.session, page.actor, entry, reason=PATIENT_WITHDREW, now=visit.now)
    return page.go(f"/sessions/{minute}/earlier")


def _is_silent(page: CoursePage) -> bool:
    """Whether offers cannot be texted to the patient."""
    stopped = consent.is_stopped(page.session, page.patient.phone)
    return stopped or not page.patient.sms_consent
