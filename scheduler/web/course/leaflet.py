"""What to do before and after a session, as a leaflet that can be printed.

The clinic's own words for the treatment, then what holds for every treatment with needles.
"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from scheduler.clinic.models import Clinic
from scheduler.web.course import course_page as folders
from scheduler.web.site import rendering, treatments
from scheduler.web.site.visit import Reading

router = APIRouter()


@router.get("/my/{token}/advice")
def show_mine(token: str, visit: Reading) -> HTMLResponse:
    """The leaflet of a patient's own treatment."""
    folder = folders.find(visit, token)
    return folders.page(folder, "leaflet.html", my=f"/my/{token}")


@router.get("/treatments/{treatment_id}/advice")
def show(treatment_id: str, visit: Reading) -> HTMLResponse:
    """The same for anybody."""
    treatment = treatments.find(visit.session, treatment_id)
    clinic = visit.session.get_one(Clinic, treatment.clinic_id)
    visit.speak(*visit.read_languages, clinic.language)
    return rendering.show("leaflet.html", clinic=clinic, treatment=treatment, my="")
