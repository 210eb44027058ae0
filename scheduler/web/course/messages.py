"""A message from the private page to the clinic."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from scheduler.infra.errors import Invalid, TooMany
from scheduler.reminders.replies import page_messages
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/my/{token}/message")

MESSAGE_SHOWN_AGAIN = 4 * page_messages.MAX_PAGE_MESSAGE_CHARACTERS
"""Characters of an overlong message that its writer gets back to shorten."""


@router.get("")
def show(
    token: str, visit: Reading, notice: Annotated[str, Query(alias="said")] = ""
) -> HTMLResponse:
    """The form, or after sending the result: `left`, `urgent` or `stopped`."""
    return _page(CoursePage.open(visit, token), result=notice)


@router.post("")
def leave(token: str, visit: Writing, form: Typed) -> Response:
    """Send the message to the staff."""
    page = CoursePage.open(visit, token)
    typed = form.one("message")
    try:
        message = page_messages.leave(
            visit.session,
            page.actor,
            page.patient,
            body=page_messages.clean(typed),
            now=visit.now,
        )
    except Invalid as problem:
        return _page(page, typed=typed, mistake=problem.sentence, status=422)
    except TooMany as problem:
        return _page(page, typed=typed, mistake=problem.sentence, status=429)
    result = "urgent" if message.urgent else "stopped" if message.stopped else "left"
    return page.go("/message", notice=result)


def _page(
    page: CoursePage, *, typed: str = "", mistake: str = "", result: str = "", status: int = 200
) -> HTMLResponse:
    return page.show(
        "message.html",
        status=status,
        typed=typed[:MESSAGE_SHOWN_AGAIN],
        mistakes={"message": mistake} if mistake else None,
        result=result,
        most=page_messages.MAX_PAGE_MESSAGE_CHARACTERS,
    )
