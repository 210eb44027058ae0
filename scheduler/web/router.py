"""All pages for patients, and the static files that they use."""

from importlib.resources import as_file, files

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from scheduler.http.token_guess_limiter import refuse_guessers
from scheduler.web.booking import other_plans, proposal
from scheduler.web.booking import routes as booking_routes
from scheduler.web.course import (
    attendance,
    earlier_time,
    leaflet,
    messages,
    preferences,
    progress,
    reschedule,
)
from scheduler.web.course import routes as course_routes
from scheduler.web.site import branding, lost_link, rendering, treatments, visit
from scheduler.web.site.page import SeeOther
from scheduler.web.waitlist import offers, sign_up
from scheduler.web.waitlist import routes as waitlist_routes


class Static(StaticFiles):
    """Files that browsers may cache, because their address changes with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with a header that lets browsers cache it for a year."""
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["Cache-Control"] = rendering.CACHE_FOR_A_YEAR
        return response


def router() -> APIRouter:
    """All pages. None needs a sign-in: private pages have a token in their address."""
    pages = APIRouter(
        dependencies=[
            Depends(visit.listen),
            Depends(visit.require_same_origin),
            Depends(refuse_guessers),
        ],
        include_in_schema=False,
    )
    # The course's routes come first, because the last page of the form is among them.
    for part in (
        treatments,
        branding,
        course_routes,
        attendance,
        reschedule,
        progress,
        leaflet,
        lost_link,
        messages,
        preferences,
        offers,
        other_plans,
        proposal,
        waitlist_routes,
        sign_up,
        earlier_time,
        booking_routes,
    ):
        pages.include_router(part.router)
    return pages


def mount(app: FastAPI) -> None:
    """Add the pages and their static files to an application."""
    app.include_router(router())
    app.add_exception_handler(SeeOther, _redirect)
    with as_file(files("scheduler.web").joinpath("static")) as folder:
        app.mount("/static", Static(directory=folder), name="static")


async def _redirect(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, SeeOther)  # noqa: S101 - only this kind is registered
    return rendering.go(problem.address)
