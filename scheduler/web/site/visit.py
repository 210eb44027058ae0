"""Who comes in through the patients' door, with what, and whether from our own pages."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlmodel import Session

from scheduler.audit.audit_trail import Actor
from scheduler.http.context import Context
from scheduler.i18n import languages, translation
from scheduler.infra.errors import NotAllowed
from scheduler.infra.settings import Settings
from scheduler.web.site import forms
from scheduler.web.site.forms import Form

LONGEST_HEADER = 200
"""How much of Accept-Language is read; browsers send less."""

OWN = {"same-origin", "none"}
"""What browsers say of requests from our own pages, and of what a person typed or reloaded."""


class FromElsewhere(NotAllowed):
    sentence = "This came from another website. Please use the form on our own page."

    slug = "from-elsewhere"


@dataclass(frozen=True)
class Visit:
    """One request: its transaction, its moment, what the roots set."""

    session: Session
    now: datetime
    settings: Settings
    origin: str
    request_id: str
    asked_language: str = ""
    """The language that the address asks for, `?lang=es`; empty where it asks for none we have"""

    read_languages: tuple[str, ...] = ()
    """Those that the browser says its owner reads, and we have"""

    def speak(self, *wished: str) -> None:
        """Speak what the address asks for, else the first of these that there is."""
        translation.activate(self.asked_language, *wished)

    def actor(self, clinic_id: int) -> Actor:
        """The patient who acts, at one clinic only."""
        return Actor(
            kind="patient",
            clinic_ids=frozenset({clinic_id}),
            origin=self.origin,
            request_id=self.request_id,
        )


def read(request: Request) -> Iterator[Visit]:
    """A visit that changes nothing: every GET."""
    with context_of(request).database.unit(write=False) as session:
        yield _visit(request, session)


async def take_turn(request: Request) -> AsyncIterator[None]:
    """Wait to be the one who writes, without holding a thread."""
    async with context_of(request).database.turn():
        yield


def write(
    request: Request, _: Annotated[None, Depends(take_turn, scope="function")]
) -> Iterator[Visit]:
    """A visit that may change something: every POST."""
    with context_of(request).database.unit(write=True) as session:
        yield _visit(request, session)


async def typed(request: Request) -> Form:
    """What was sent. The doorstep has limited its size."""
    return forms.parse(await request.body())


async def listen(request: Request) -> None:
    """Speak the language that the address asks for, else one that the browser says it reads."""
    # Async: what is said on another thread would not be heard by the page.
    greet(request)
    translation.set_display_year(context_of(request).clock.now().year)


def greet(request: Request) -> None:
    """The same for a request that no page will answer, only a page about an error."""
    translation.activate(_asked(request), *_read_by(request.headers.get("accept-language", "")))


def require_same_origin(request: Request) -> None:
    """Refuse a POST that another website made somebody's browser send.

    Old browsers say nothing, or "null" because our pages forbid telling where one was. Then the
    token in the address is what another website cannot know.
    """
    if request.method in {"GET", "HEAD"}:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in OWN:
            raise FromElsewhere
        return
    origin = request.headers.get("origin", "null")
    if origin != "null" and not _is_ours(origin, request):
        raise FromElsewhere


# scope="function": commit before the answer leaves, so a failed commit cannot look like success.
Reading = Annotated[Visit, Depends(read, scope="function")]
Writing = Annotated[Visit, Depends(write, scope="function")]
Typed = Annotated[Form, Depends(typed)]


def context_of(request: Request) -> Context:
    """What the root has handed to its doors."""
    context: Context = request.app.state.context
    return context


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
    """The languages of an Accept-Language header that there are, the most wanted first."""
    wanted = []
    for place, each in enumerate(header[:LONGEST_HEADER].split(",")):
        code, _, rest = each.strip().partition(";")
        code = code.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if weight > 0 and languages.is_known(code):
            wanted.append((-weight, place, code))
    return tuple(code for _, _, code in sorted(wanted))


def _weight(rest: str) -> float:
    name, _, value = rest.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
