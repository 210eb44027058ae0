"""All pages of the patients' door, and the few files that go with them."""

from importlib.resources import as_file, files

from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from scheduler.misses import refuse_guessers
from scheduler.web import (
    attendance,
    booking,
    changes,
    entry,
    leaflet,
    looks,
    lost_link,
    notes,
    offers,
    preferences,
    progress,
    replanning,
    self_service,
    sooner,
    treatments,
    waiting,
)

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
            Depends(entry.listen),
            Depends(entry.come_from_here),
            Depends(refuse_guessers),
        ],
        include_in_schema=False,
    )
    # The end of the form lies with the course's own page, and its address before the form's.
    for part in (
        treatments,
        looks,
        self_service,
        attendance,
        changes,
        progress,
        leaflet,
        lost_link,
        notes,
        preferences,
        offers,
        replanning,
        waiting,
        sooner,
        booking,
    ):
        pages.include_router(part.router)
    return pages


def mount(app: FastAPI) -> None:
    """Hang the pages and their files into an application."""
    app.include_router(router())
    with as_file(files("scheduler.web").joinpath("static")) as folder:
        app.mount("/static", Static(directory=folder), name="static")
