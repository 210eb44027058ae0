"""A message to the clinic, from the private page."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.errors import TooMany, Unfit
from scheduler.reminders import notes
from scheduler.web import folder as folders
from scheduler.web import pages
from scheduler.web.entry import Reading, Typed, Writing
from scheduler.web.folder import Folder

router = APIRouter()

SHOWN_AGAIN = 4 * notes.LONGEST
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
        noted = notes.leave(
            visit.session, folder.actor, folder.patient, body=notes.clean(typed), now=visit.now
        )
    except Unfit as problem:
        return _page(folder, token, typed=typed, mistake=problem.sentence, status=422)
    except TooMany as problem:
        return _page(folder, token, typed=typed, mistake=problem.sentence, status=429)
    said = "urgent" if noted.urgent else "stopped" if noted.stopped else "left"
    return pages.go(f"/my/{token}/message?said={said}")


def _page(
    folder: Folder,
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
        most=notes.LONGEST,
    )
