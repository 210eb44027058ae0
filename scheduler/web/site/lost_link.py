"""Sends the private link again. The answer is the same for known and unknown phones."""

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select

from scheduler.clinic.models import Clinic
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.infra import phone
from scheduler.infra.errors import Invalid, TooMany
from scheduler.patients import lost_links
from scheduler.web.site import rendering
from scheduler.web.site.visit import Reading, Typed, Visit, Writing

router = APIRouter()


@router.get("/lost-link")
def show(visit: Reading, asked: str = "") -> HTMLResponse:
    """The form, or if `asked` is set, what happens next."""
    return _page(_clinics(visit), asked=bool(asked))


@router.post("/lost-link")
def ask(visit: Writing, form: Typed) -> Response:
    """Record the request. The worker looks up the phone later, so the answer takes equally long."""
    clinics = _clinics(visit)
    typed = form.one("phone")
    try:
        number = _number(visit, clinics, typed)
        lost_links.ask(
            visit.session,
            phone=number,
            key=visit.settings.secret_key,
            origin=visit.origin,
            now=visit.now,
        )
    except Invalid as problem:
        return _page(clinics, typed=typed, mistake=problem.sentence, status=422)
    except TooMany as problem:
        response = _page(clinics, typed=typed, mistake=problem.sentence, status=429)
        return rendering.too_often(response, problem)
    return rendering.go(f"/lost-link?asked=yes&lang={translation.language().code}")


def _clinics(visit: Visit) -> Sequence[Clinic]:
    clinics = visit.session.exec(select(Clinic).order_by(col(Clinic.id))).all()
    visit.speak(*visit.read_languages, *(clinic.language for clinic in clinics[:1]))
    return clinics


def _number(visit: Visit, clinics: Sequence[Clinic], typed: str) -> str:
    """The phone in E.164; Invalid. Read as in the first clinic's country."""
    if not typed:
        raise Invalid(_("Please give the number of your mobile phone."))
    countries = [clinic.country for clinic in clinics]
    return phone.normalize(
        typed,
        country=countries[0] if countries else "US",
        allowed=visit.settings.countries or countries,
    )


def _page(
    clinics: Sequence[Clinic],
    *,
    asked: bool = False,
    typed: str = "",
    mistake: str = "",
    status: int = 200,
) -> HTMLResponse:
    return rendering.show(
        "lost_link.html",
        status=status,
        clinic=clinics[0] if len(clinics) == 1 else None,
        asked=asked,
        typed={"phone": typed[: phone.MAX_TYPED]},
        mistakes={"phone": mistake} if mistake else {},
        kept_query="asked=yes&" if asked else "",
    )
