"""Tell me of an earlier time: one session of a course on the waitlist, from the private page.

What is found keeps the pace of the course; the session stays as it is until an offer is taken.
"""

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.waitlist import entries
from scheduler.patients import consent
from scheduler.web.course import course_page as folders
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site import rendering
from scheduler.web.site.visit import Reading, Writing

router = APIRouter(prefix="/my/{token}/sessions/{minute}/earlier")


@router.get("")
def ask(token: str, minute: str, visit: Reading) -> Response:
    """What it means to wait for an earlier time, or that one does, and how to end it."""
    folder = folders.find(visit, token)
    appointment = folder.at(minute)
    session = folder.shown(appointment)
    entry = entries.for_session(visit.session, appointment)
    if not session.can_cancel:
        return rendering.go(f"/my/{token}")
    return folders.page(
        folder,
        "sooner.html",
        my=f"/my/{token}",
        base=f"/my/{token}/sessions/{session.minute}",
        session=session,
        waits=entry is not None,
        silent=_is_silent(folder),
        minutes=folder.clinic.waitlist_minutes,
    )


@router.post("")
def enter(token: str, minute: str, visit: Writing) -> Response:
    """Wait for an earlier time of this session."""
    folder = folders.find(visit, token, lock=True)
    appointment = folder.at(minute)
    waits = entries.for_session(visit.session, appointment)
    if waits is None and folder.shown(appointment).can_cancel and not _is_silent(folder):
        entries.enter(visit.session, folder.actor, appointment=appointment, now=visit.now)
    return rendering.go(f"/my/{token}/sessions/{minute}/earlier")


@router.post("/end")
def end(token: str, minute: str, visit: Writing) -> Response:
    """Wait no longer; the session stays as it is."""
    folder = folders.find(visit, token, lock=True)
    entry = entries.for_session(visit.session, folder.at(minute))
    if entry is not None:
        reason = "The patient asked for it."
        entries.withdraw(visit.session, folder.actor, entry, reason=reason, now=visit.now)
    return rendering.go(f"/my/{token}/sessions/{minute}/earlier")


def _is_silent(folder: CoursePage) -> bool:
    """Whether an offer could not be texted."""
    stopped = consent.is_stopped(folder.visit.session, folder.patient.phone)
    return stopped or not folder.patient.sms_consent
