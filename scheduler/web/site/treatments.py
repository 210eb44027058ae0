"""What can be booked: the first pages, which anybody may see."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session, col, select

from scheduler.booking.availability import search
from scheduler.clinic.models import Clinic, Practitioner, Treatment
from scheduler.infra.errors import NotFound
from scheduler.web.site import rendering, view_models
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
            "clinic": each,
            "offers": [view_models.offer(one) for one in _offered(visit.session, each)],
        }
        for each in clinics
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
    """What a treatment is, before anything is asked."""
    return _one(visit, treatment_id)


def find(session: Session, typed_id: str) -> Treatment:
    """A treatment that is on offer, by its number in an address; NotFound for another."""
    treatment = session.get(Treatment, _number(typed_id))
    if treatment is None or not treatment.active:
        raise NotFound
    return treatment


def find_clinic(session: Session, typed_id: str) -> Clinic:
    """A clinic, by its number in an address; NotFound for another."""
    clinic = session.get(Clinic, _number(typed_id))
    if clinic is None:
        raise NotFound
    return clinic


def practitioners_of(session: Session, treatment: Treatment) -> list[Practitioner]:
    """Those who give a treatment, by name."""
    return sorted(
        search.resources(session, treatment).practitioners,
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
        offer=view_models.offer(treatment),
        practitioners=practitioners_of(visit.session, treatment),
    )


def _speak(visit: Visit, clinics: list[Clinic]) -> None:
    """What the address asks for, what the browser reads, or what the clinic speaks."""
    visit.speak(*visit.read_languages, *(clinic.language for clinic in clinics[:1]))


def _clinics(session: Session, typed_id: str) -> list[Clinic]:
    if not typed_id:
        return list(session.exec(select(Clinic).order_by(col(Clinic.name))))
    return [find_clinic(session, typed_id)]


def _offered(session: Session, clinic: Clinic) -> list[Treatment]:
    return list(
        session.exec(
            select(Treatment)
            .where(Treatment.clinic_id == clinic.id, Treatment.active)
            .order_by(col(Treatment.name))
        )
    )


def _number(typed: str) -> int:
    """A row's number out of an address; nothing that a database would choke on."""
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 10):
        raise NotFound
    return int(typed)
