"""A message to the clinic, from the private page."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.infra.errors import Invalid, TooMany
from scheduler.reminders.replies import page_messages
from scheduler.web.course import course_page as folders
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site import rendering
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter()

SHOWN_AGAIN = 4 * page_messages.MOST_CHARACTERS
"""Characters of a message that is too long which its writer gets back, to shorten it."""


@router.get("/my/{token}/message")
def show(token: str, visit: Reading, said: str = "") -> HTMLResponse:
    """Where to write, or what became of it: `left`, `urgent`, `stopped`."""
    return _page(folders.find(visit, token), token, said=said)


@router.post("/my/{token}/message")
def leave(token: str, visit: Writing, form: Typed) -> Response:
    """Put it before staff."""
    folder = folders.find(visit, token)
    typed = form.one("message")
    try:
        noted = page_messages.leave(
            visit.session,
            folder.actor,
            folder.patient,
            body=page_messages.clean(typed),
            now=visit.now,
        )
    except Invalid as problem:
        return _page(folder, token, typed=typed, mistake=problem.sentence, status=422)
    except TooMany as problem:
        return _page(folder, token, typed=typed, mistake=problem.sentence, status=429)
    said = "urgent" if noted.urgent else "stopped" if noted.stopped else "left"
    return rendering.go(f"/my/{token}/message?said={said}")


def _page(
    folder: CoursePage,
    token: str,
    *,
    typed: str = "",
    mistake: str = "",
    said: str = "",
    status: int = 200,
) -> HTMLResponse:
    return folders.page(
        folder,
        "message.html",
        status=status,
        my=f"/my/{token}",
        typed=typed[:SHOWN_AGAIN],
        mistakes={"message": mistake} if mistake else {},
        said=said,
        most=page_messages.MOST_CHARACTERS,
    )
