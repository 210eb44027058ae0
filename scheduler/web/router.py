"""All pages of the patients' door, and the few files that go with them."""

from importlib.resources import as_file, files

from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from scheduler.http.guess_limiter import refuse_guessers
from scheduler.web.booking import other_plans
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
from scheduler.web.site import branding, lost_link, treatments, visit
from scheduler.web.waitlist import offers
from scheduler.web.waitlist import routes as waitlist_routes

A_YEAR = "public, max-age=31536000, immutable"


class Static(StaticFiles):
    """Files whose address changes with their content, and which may therefore be kept."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, to be kept for a year."""
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["Cache-Control"] = A_YEAR
        return response


def router() -> APIRouter:
    """Each page. All are open to anybody: what is private has a token in its address."""
    pages = APIRouter(
        dependencies=[
            Depends(visit.listen),
            Depends(visit.come_from_here),
            Depends(refuse_guessers),
        ],
        include_in_schema=False,
    )
    # The end of the form lies with the course's own page, and its address before the form's.
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
        waitlist_routes,
        earlier_time,
        booking_routes,
    ):
        pages.include_router(part.router)
    return pages


def mount(app: FastAPI) -> None:
    """Hang the pages and their files into an application."""
    app.include_router(router())
    with as_file(files("scheduler.web").joinpath("static")) as folder:
        app.mount("/static", Static(directory=folder), name="static")
