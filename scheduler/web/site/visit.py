"""The context of a request for a patient page, and the check that it came from our own pages."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.http.context import RequestContext, context_of
from scheduler.i18n import languages, translation
from scheduler.infra.errors import NotAllowed
from scheduler.web.site import forms
from scheduler.web.site.forms import Form

LONGEST_HEADER = 200
"""Characters of Accept-Language that are read; browsers send less."""

OWN_SITES = {"same-origin", "none"}
"""Sec-Fetch-Site of requests from our own pages, and of typed or reloaded addresses."""


class FromElsewhere(NotAllowed):
    sentence = "This came from another website. Please use the form on our own page."

    slug = "from-elsewhere"


@dataclass(frozen=True)
class Visit(RequestContext):
    """A request for a patient page: where it comes from, and the languages that it asks for."""

    origin: str
    request_id: str
    asked_language: str = ""
    """The language in the address, `?lang=es`; empty if it names no supported language"""

    read_languages: tuple[str, ...] = ()
    """The supported languages in Accept-Language, best first"""

    def speak(self, *languages: str) -> None:
        """Use the language of the address, else the first supported one of these."""
        translation.activate(self.asked_language, *languages)

    def actor(self, clinic_id: int) -> Actor:
        """The patient as the actor, at one clinic only."""
        return Actor(
            kind="patient",
            clinic_ids=frozenset({clinic_id}),
            origin=self.origin,
            request_id=self.request_id,
        )


def read(request: Request) -> Iterator[Visit]:
    """The context of a request that changes nothing: every GET."""
    with context_of(request).database.unit(write=False) as session:
        yield _visit(request, session)


opened = contextmanager(read)
"""The context of a request that reads before it may write, to be closed before it does."""


async def take_turn(request: Request) -> AsyncIterator[None]:
    """Wait for the turn to write, without holding a thread."""
    async with context_of(request).database.turn():
        yield


def write(
    request: Request, _: Annotated[None, Depends(take_turn, scope="function")]
) -> Iterator[Visit]:
    """The context of a request that may change something: every POST."""
    with context_of(request).database.unit(write=True) as session:
        yield _visit(request, session)


async def typed(request: Request) -> Form:
    """The fields of the form. `RequestGate` has limited their size."""
    return forms.parse(await request.body())


async def listen(request: Request) -> None:
    """Use the language of the address, else one that the browser accepts."""
    # Async: a context variable that is set in another thread would not reach the route.
    greet(request)
    translation.set_display_year(context_of(request).clock.now().year)


def greet(request: Request) -> None:
    """Use the language of the address or the browser; also called before an error page."""
    translation.activate(_asked(request), *_read_by(request.headers.get("accept-language", "")))


def require_same_origin(request: Request) -> None:
    """Refuse a POST that another website made the patient's browser send; FromElsewhere.

    Old browsers send no header, or "null" because our pages send no referrer. The token in the
    address protects them, because another website cannot know it.
    """
    if request.method in {"GET", "HEAD"}:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in OWN_SITES:
            raise FromElsewhere
        return
    origin = request.headers.get("origin", "null")
    if origin != "null" and not _is_ours(origin, request):
        raise FromElsewhere


# scope="function": commit before the response is sent, so a failed commit cannot look like success.
Reading = Annotated[Visit, Depends(read, scope="function")]
Writing = Annotated[Visit, Depends(write, scope="function")]
Typed = Annotated[Form, Depends(typed)]


def _visit(request: Request, session: Session) -> Visit:
    context = context_of(request)
    return Visit(
        session=session,
        now=context.clock.now(),
        settings=context.settings,
        origin=request.client.host if request.client else "",
        request_id=request.state.request_id,
        asked_language=_asked(request),
        read_languages=_read_by(request.headers.get("accept-language", "")),
    )


def _is_ours(origin: str, request: Request) -> bool:
    public = urlsplit(context_of(request).settings.public_url)
    return origin == f"{public.scheme}://{public.netloc}" or (
        urlsplit(origin).netloc == request.headers.get("host")
    )


def _asked(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if languages.is_known(asked) else ""


def _read_by(header: str) -> tuple[str, ...]:
    """The supported languages of an Accept-Language header, best first."""
    weighted = []
    for position, entry in enumerate(header[:LONGEST_HEADER].split(",")):
        code, _, rest = entry.strip().partition(";")
        code = code.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if weight > 0 and languages.is_known(code):
            weighted.append((-weight, position, code))
    return tuple(code for _, _, code in sorted(weighted))


def _weight(rest: str) -> float:
    name, _, value = rest.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
