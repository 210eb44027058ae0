"""Renders pages from templates that escape every value, and sets the headers of pages."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from scheduler.http import request_gate
from scheduler.i18n import languages, translation
from scheduler.infra import phone
from scheduler.infra.errors import TooMany

SEE_OTHER = 303
CACHE_FOR_A_YEAR = "public, max-age=31536000, immutable"


def show(
    template: str,
    *,
    status: int = 200,
    framed: bool = False,
    script: str = "",
    **values: Any,
) -> HTMLResponse:
    """A page from a template. Pages are private: they are not cached and send no referrer.

    `framed`: part of the booking form, which the clinic's own websites may show in a frame.
    `script`: a static file; the page also works without it.
    """
    if script:
        values["script"] = _address(script)
    page = HTMLResponse(render(template, **values), status_code=status)
    page.headers["Cache-Control"] = "no-store"
    page.headers["Referrer-Policy"] = "no-referrer"
    clinic = values.get("clinic")
    framed_by = clinic.embed_origins if framed and clinic else []
    if framed_by or script:
        page.headers["Content-Security-Policy"] = request_gate.policy(
            *framed_by, scripts=bool(script)
        )
    return page


def too_often(page: HTMLResponse, problem: TooMany) -> HTMLResponse:
    """A page that reports too many attempts, with the Retry-After header."""
    page.headers["Retry-After"] = str(problem.retry_after)
    return page


def go(address: str) -> RedirectResponse:
    """Redirect after a POST, so that reloading repeats nothing."""
    return RedirectResponse(address, status_code=SEE_OTHER, headers={"Cache-Control": "no-store"})


def render(template: str, **values: Any) -> str:
    """The HTML of a template, in the active language."""
    language = translation.language()
    others = [languages.of(code) for code in languages.codes() if code != language.code]
    return (
        _templates()
        .get_template(template)
        .render(language=language, other_languages=others, **values)
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("scheduler.web"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["ext.i18n.trimmed"] = True
    # `newstyle`: values are inserted and escaped after translation.
    templates.install_gettext_callables(translation.gettext, translation.ngettext, newstyle=True)  # type: ignore[attr-defined]
    templates.filters["phone"] = phone.for_people
    templates.globals["style_address"] = _address("style.css")
    templates.globals["icon_address"] = _address("icon.svg")
    return templates


def _address(name: str) -> str:
    """The address of a static file. It contains a hash, so that browsers may cache the file."""
    content = files("scheduler.web").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
