"""The public pages of the treatments that can be booked."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session, col, select

from scheduler.booking.availability import search
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.infra.errors import NotFound
from scheduler.web.site import rendering, treatment_view
from scheduler.web.site.visit import Reading, Visit

router = APIRouter()


@router.get("/")
@router.get("/book")
def choose(visit: Reading, clinic: str = "", treatment: str = "") -> HTMLResponse:
    """The treatments of one clinic, or of all; `treatment`: straight to one of them."""
    if treatment:
        return _one(visit, treatment)
    clinics = _clinics(visit.session, clinic)
    _speak(visit, clinics)
    groups = [
        {
            "clinic": clinic,
            "treatments": [
                treatment_view.describe(treatment) for treatment in _bookable(visit.session, clinic)
            ],
        }
        for clinic in clinics
    ]
    return rendering.show(
        "treatments.html",
        framed=True,
        clinic=clinics[0] if len(clinics) == 1 else None,
        groups=groups,
        kept_query=f"clinic={clinics[0].id}&" if clinic else "",
    )


@router.get("/treatments/{treatment_id}")
def describe(treatment_id: str, visit: Reading) -> HTMLResponse:
    """One treatment and how it works."""
    return _one(visit, treatment_id)


def find(session: Session, typed_id: str) -> Treatment:
    """The active treatment with the id from an address; NotFound."""
    treatment = session.get(Treatment, _row_id(typed_id))
    if treatment is None or not treatment.active:
        raise NotFound
    return treatment


def find_clinic(session: Session, typed_id: str) -> Clinic:
    """The clinic with the id from an address; NotFound."""
    clinic = session.get(Clinic, _row_id(typed_id))
    if clinic is None:
        raise NotFound
    return clinic


def practitioners_of(session: Session, treatment: Treatment) -> list[Practitioner]:
    """The practitioners who give a treatment, sorted by name."""
    return sorted(
        search.find_resources(session, treatment).practitioners,
        key=lambda practitioner: practitioner.name.casefold(),
    )


def _one(visit: Visit, typed_id: str) -> HTMLResponse:
    treatment = find(visit.session, typed_id)
    clinic = visit.session.get_one(Clinic, treatment.clinic_id)
    _speak(visit, [clinic])
    return rendering.show(
        "treatment.html",
        framed=True,
        clinic=clinic,
        treatment=treatment_view.describe(treatment),
        practitioners=practitioners_of(visit.session, treatment),
    )


def _speak(visit: Visit, clinics: list[Clinic]) -> None:
    """Use the language of the address, else of the browser, else of the clinic."""
    visit.speak(*visit.read_languages, *(clinic.language for clinic in clinics[:1]))


def _clinics(session: Session, typed_id: str) -> list[Clinic]:
    if not typed_id:
        return list(session.exec(select(Clinic).order_by(col(Clinic.name))))
    return [find_clinic(session, typed_id)]


def _bookable(session: Session, clinic: Clinic) -> list[Treatment]:
    return list(
        session.exec(
            select(Treatment)
            .where(Treatment.clinic_id == clinic.id, Treatment.active)
            .order_by(col(Treatment.name))
        )
    )


def _row_id(typed: str) -> int:
    """A row id from an address; NotFound if no database could hold it."""
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 10):
        raise NotFound
    return int(typed)
