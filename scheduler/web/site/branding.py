"""The clinic's color on its pages, and a poster with a QR code for its entrance."""

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
def color_stylesheet(colour: Annotated[str, Path(max_length=12)]) -> Response:
    """The stylesheet of a color. The address contains the color, so browsers may cache it."""
    try:
        accent = branding.accent(f"#{colour}")
    except Invalid as problem:
        raise NotFound from problem
    return Response(
        branding.stylesheet(accent),
        media_type="text/css",
        headers={"Cache-Control": rendering.CACHE_FOR_A_YEAR},
    )


def _bookable(visit: Reading, clinic: str = "", treatment: str = "") -> tuple[Visit, str, Clinic]:
    """The address for booking at a clinic, or of one of its treatments."""
    if treatment:
        found: Treatment = treatments.find(visit.session, treatment)
        owner = visit.session.get_one(Clinic, found.clinic_id)
        path = f"treatments/{found.id}"
    else:
        owner = treatments.find_clinic(visit.session, clinic)
        path = f"?clinic={owner.id}"
    return visit, f"{visit.settings.public_url}/{path}", owner


Bookable = Annotated[tuple[Visit, str, Clinic], Depends(_bookable)]


@router.get("/door")
def poster(bookable: Bookable, clinic: str = "", treatment: str = "") -> HTMLResponse:
    """A page to print and put up: the QR code, and the address to type."""
    visit, address, owner = bookable
    visit.speak(*visit.read_languages, owner.language)
    query = f"treatment={treatment}" if treatment else f"clinic={clinic}"
    return rendering.show(
        "poster.html",
        clinic=owner,
        treatment=visit.session.get_one(Treatment, int(treatment)) if treatment else None,
        address=address,
        picture=f"/door.svg?{query}",
        kept_query=f"{query}&",
    )


@router.get("/door.svg")
def code(bookable: Bookable) -> Response:
    """The QR code as SVG, dark on white with its quiet zone."""
    _, address, _ = bookable
    svg = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        svg, kind="svg", scale=8, dark="#000", light="#fff", xmldecl=False
    )
    return Response(
        svg.getvalue(),
        media_type="image/svg+xml",
        headers={"Content-Disposition": 'inline; filename="door.svg"'},
    )
