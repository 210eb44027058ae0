"""Error pages: the problem in plain words, and the next step."""

from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException

from scheduler.http import request_gate
from scheduler.http.request_gate import TooLong, TooSlow, WrongHost
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    Problem,
    TooMany,
    Unavailable,
)
from scheduler.phrases import errors as error_phrases
from scheduler.storage.database import Busy
from scheduler.web.site import rendering


@dataclass(frozen=True)
class ErrorPage:
    """The page for a status. `sentence`: used if the problem has no sentence for patients."""

    heading: str
    sentence: str
    help: str


PAGES = {
    400: ErrorPage(
        marked("This address is not known here"),
        marked("The page was asked for under a name that is not ours."),
        marked("Please use the address that the clinic gave you."),
    ),
    403: ErrorPage(
        marked("This was not accepted"),
        marked("The form did not come from one of our own pages."),
        marked("Please open our page and send it from there."),
    ),
    404: ErrorPage(
        marked("This page is not here"),
        marked("The address may be incomplete, or what it led to is over."),
        marked(
            "If it came in a text, please copy the whole address. A form that you began is kept for"
            " a day; a course that you booked is not lost."
        ),
    ),
    405: ErrorPage(
        marked("This page cannot be opened like that"),
        marked("Its address is meant for the button of a form."),
        marked("Please go back one page and use the button there."),
    ),
    408: ErrorPage(
        marked("That took too long"),
        marked("What you sent did not arrive in time."),
        marked("Please look at your connection and try again."),
    ),
    409: ErrorPage(
        marked("Something has changed meanwhile"),
        marked("What you saw is no longer so."),
        marked("Please go back, reload the page and look again. Nothing was changed."),
    ),
    413: ErrorPage(
        marked("That is too much"),
        marked("What you sent is larger than any form of ours can be."),
        marked("Please go back and write less."),
    ),
    422: ErrorPage(
        marked("That could not be read"),
        marked("What you sent is not what this page asks for."),
        marked("Please go back one page and send it again."),
    ),
    429: ErrorPage(
        marked("That was too often"),
        marked("Please wait a little before you try again."),
        marked("If it is urgent, please call the clinic."),
    ),
    500: ErrorPage(
        marked("Something went wrong here"),
        marked("It is our fault, and nothing that you did. Your request was not carried out."),
        marked("Please try again in a few minutes, or call the clinic."),
    ),
    503: ErrorPage(
        marked("We cannot reach our records just now"),
        marked("Nothing was lost."),
        marked("Please try again in a minute. You can reload this page."),
    ),
}

STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (NotFound, 404),
    (NotAllowed, 403),
    (Conflict, 409),
    (Invalid, 422),
    (TooMany, 429),
    (Unavailable, 503),
    (Busy, 503),
    (TooLong, 413),
    (TooSlow, 408),
    (WrongHost, 400),
    (StaleDataError, 409),  # another request changed the same rows between our read and our write
    (IntegrityError, 409),
    (RequestValidationError, 404),  # an address that none of our pages links to
)
STATUSES_WITH_OWN_SENTENCE = {409, 422, 429}
"""The problem's own sentence says more here. A 404 must look the same for every address."""

FRAMED_PATHS = ("/book/", "/treatments/")
"""The booking form, which a clinic's website may show in a frame."""


def answer(problem: Exception, *, reference: str = "", path: str = "") -> HTMLResponse:
    """The page for an error. `reference`: for a call to the clinic, shown with a 500.

    `path`: of the request. An error in a framed form must be readable inside the frame, and the
    form's clinic may be unknown. So any website may frame this page: it holds no personal data and
    no form, and its links leave the frame.
    """
    status = _status(problem)
    own = ""
    if isinstance(problem, Problem) and status in STATUSES_WITH_OWN_SENTENCE:
        own = error_phrases.sentence(problem)
    response = page(status, sentence=own, reference=reference)
    if isinstance(problem, TooMany):
        response.headers["Retry-After"] = str(problem.retry_after)
    elif status == 503:
        response.headers["Retry-After"] = "30"
    if path.startswith(FRAMED_PATHS) and status != 403:
        response.headers["Content-Security-Policy"] = request_gate.policy("*")
    return response


def page(status: int, *, sentence: str = "", reference: str = "") -> HTMLResponse:
    """The page for a status."""
    kind = PAGES.get(status) or PAGES[500 if status >= 500 else 422]
    return rendering.show(
        "error.html",
        status=status,
        clinic=None,
        heading=_(kind.heading),
        sentence=sentence or _(kind.sentence),
        help=_(kind.help),
        lost=status == 404,
        reference=reference if status >= 500 else "",
    )


def _status(problem: Exception) -> int:
    if isinstance(problem, HTTPException):
        return problem.status_code
    for kind, status in STATUS_OF:
        if isinstance(problem, kind):
            return status
    return 500
