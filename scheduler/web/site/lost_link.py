"""Lost your link? A phone is entered, and the same is answered whether it is known here or not."""

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
    """Where the phone is entered, or, `asked`, what happens now."""
    return _page(_clinics(visit), asked=bool(asked))


@router.post("/lost-link")
def ask(visit: Writing, form: Typed) -> Response:
    """Write down that it was asked. Who has the phone, if anybody, is looked for afterwards."""
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
        answer = _page(clinics, typed=typed, mistake=problem.sentence, status=429)
        answer.headers["Retry-After"] = str(problem.retry_after)
        return answer
    return rendering.go(f"/lost-link?asked=yes&lang={translation.language().code}")


def _clinics(visit: Visit) -> Sequence[Clinic]:
    clinics = visit.session.exec(select(Clinic).order_by(col(Clinic.id))).all()
    visit.speak(*visit.read_languages, *(clinic.language for clinic in clinics[:1]))
    return clinics


def _number(visit: Visit, clinics: Sequence[Clinic], typed: str) -> str:
    """The number as people of the clinics' country write it; of any country that has a clinic."""
    if not typed:
        raise Invalid(_("Please give the number of your mobile phone."))
    countries = [clinic.country for clinic in clinics]
    return phone.normalise(
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
