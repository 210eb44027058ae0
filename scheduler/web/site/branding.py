"""What a clinic brings along: its colour on our pages, and a poster for its door with a QR code."""

import io
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Path
from fastapi.responses import HTMLResponse, Response

from scheduler.clinic import branding
from scheduler.clinic.models import Clinic, Treatment
from scheduler.infra.errors import Invalid, NotFound
from scheduler.web.site import rendering, treatments
from scheduler.web.site.visit import Reading, Visit

router = APIRouter()


@router.get("/looks/{colour}.css")
def colour(colour: Annotated[str, Path(max_length=12)]) -> Response:
    """The stylesheet of a colour: its address says all, so that it may be kept."""
    try:
        shade = branding.accent(f"#{colour}")
    except Invalid as wrong:
        raise NotFound from wrong
    return Response(
        branding.stylesheet(shade),
        media_type="text/css",
        headers={"Cache-Control": rendering.CACHE_FOR_A_YEAR},
    )


def _bookable(visit: Reading, clinic: str = "", treatment: str = "") -> tuple[Visit, str, Clinic]:
    """The address to book at: of a clinic, or straight to one of its treatments."""
    if treatment:
        found: Treatment = treatments.find(visit.session, treatment)
        where = visit.session.get_one(Clinic, found.clinic_id)
        address = f"treatments/{found.id}"
    else:
        where = treatments.find_clinic(visit.session, clinic)
        address = f"?clinic={where.id}"
    return visit, f"{visit.settings.public_url}/{address}", where


Bookable = Annotated[tuple[Visit, str, Clinic], Depends(_bookable)]


@router.get("/door")
def poster(place: Bookable, clinic: str = "", treatment: str = "") -> HTMLResponse:
    """A page to print and put up: the code, and the address for those who would rather type."""
    visit, address, where = place
    visit.speak(*visit.read_languages, where.language)
    query = f"treatment={treatment}" if treatment else f"clinic={clinic}"
    return rendering.show(
        "poster.html",
        clinic=where,
        treatment=visit.session.get_one(Treatment, int(treatment)) if treatment else None,
        address=address,
        picture=f"/door.svg?{query}",
        kept_query=f"{query}&",
    )


@router.get("/door.svg")
def code(place: Bookable) -> Response:
    """The QR code alone, dark on white with its quiet zone, as large as one likes."""
    _, address, _ = place
    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawn, kind="svg", scale=8, dark="#000", light="#fff", xmldecl=False
    )
    return Response(
        drawn.getvalue(),
        media_type="image/svg+xml",
        headers={"Content-Disposition": 'inline; filename="door.svg"'},
    )
