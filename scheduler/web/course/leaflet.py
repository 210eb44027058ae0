"""Advice before and after a session, as a leaflet to print.

The clinic's own words for the treatment come first, then advice for every treatment with needles.
"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from scheduler.clinic.models import Clinic
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site import rendering, treatments
from scheduler.web.site.visit import Reading

router = APIRouter()


@router.get("/my/{token}/advice")
def show_mine(token: str, visit: Reading) -> HTMLResponse:
    """The leaflet for the patient's own treatment."""
    return CoursePage.open(visit, token).show("leaflet.html")


@router.get("/treatments/{treatment_id}/advice")
def show(treatment_id: str, visit: Reading) -> HTMLResponse:
    """The leaflet for a treatment, open to the public."""
    treatment = treatments.find(visit.session, treatment_id)
    clinic = visit.session.get_one(Clinic, treatment.clinic_id)
    visit.speak(*visit.read_languages, clinic.language)
    return rendering.show("leaflet.html", clinic=clinic, treatment=treatment, my="")
