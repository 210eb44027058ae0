"""Who comes in through the door for staff, and the transaction in which their story happens."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import Depends, Header, Query, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlmodel import Session

from scheduler.api.http.problems import WrongType
from scheduler.audit.audit_trail import Actor
from scheduler.http import idempotency
from scheduler.http.context import Context
from scheduler.i18n import translation
from scheduler.infra.errors import Invalid, NotAllowed, Stale
from scheduler.infra.settings import Settings
from scheduler.staff import accounts
from scheduler.staff.accounts import NotSignedIn
from scheduler.staff.roles import Permission, may

Route = TypeVar("Route", bound=Callable[..., Any])

NEEDS = "_needs"
LONGEST_PROOF = 200

bearer = HTTPBearer(
    auto_error=False,
    description="An API key (`scheduler staff key`) or the token of a sign-in.",
)


def needs(deed: Permission) -> Callable[[Route], Route]:
    """Say who may enter a route. A route that does not say it lets nobody in."""

    def mark(route: Route) -> Route:
        setattr(route, NEEDS, deed)
        return route

    return mark


async def admit(
    request: Request,
    proof: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Actor:
    """The member of staff behind a request: NotSignedIn, or NotAllowed here."""
    if proof is None or not 0 < len(proof.credentials) <= LONGEST_PROOF:
        raise NotSignedIn
    actor = await _recognise(context_of(request), proof.credentials)
    deed = getattr(request.scope["endpoint"], NEEDS, None)
    if deed is None or not may(actor.role, deed):
        raise NotAllowed
    translation.set_display_year(context_of(request).clock.now().year)
    return replace(actor, origin=origin_of(request), request_id=request.state.request_id)


async def speak_json(request: Request) -> None:
    """Refuse a body that is not called JSON: a form of another website cannot send what is."""
    if request.method in {"POST", "PUT", "PATCH"} and await request.body():
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise WrongType


async def speak_plainly(request: Request) -> None:
    """Refuse what an address does not ask for: `?dry-run=true` would be done in earnest."""
    asked = set(_asked_in_query(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in asked:
            raise Invalid(
                f"This address does not take “{name[:40]}” in its query.", field=name[:40]
            )


def _asked_in_query(dependant: Dependant) -> Iterator[str]:
    yield from (param.alias for param in dependant.query_params)
    for dependency in dependant.dependencies:
        yield from _asked_in_query(dependency)


@dataclass(frozen=True)
class Call:
    """One request of a member of staff: the transaction, who, when, and how to answer."""

    session: Session
    actor: Actor
    now: datetime
    settings: Settings
    if_match: str | None = None
    key: str | None = field(default=None, repr=False)
    rehearsal: bool = False
    """nothing of it is kept"""

    def expect(self, version: int) -> None:
        """Stale unless the caller has seen this version, or did not say which one they saw."""
        if self.if_match not in {None, "*", etag(version)}:
            raise Stale

    def answer(
        self, shape: BaseModel, *, status: int = 200, version: int | None = None
    ) -> JSONResponse:
        """The answer, kept for whoever sends the same key again."""
        said = shape.model_dump(mode="json", by_alias=True)
        tag = None if version is None else etag(version)
        if self.key is not None:
            idempotency.finish(
                self.session,
                owner=owner_of(self.actor),
                key=self.key,
                status=status,
                answer=said,
                etag=tag,
            )
        headers = {} if tag is None else {"ETag": tag}
        return JSONResponse(said, status, headers=headers)


async def take_turn(request: Request, _: Annotated[Actor, Depends(admit)]) -> AsyncIterator[None]:
    """Wait to be the one who writes, without holding a thread. Only for those who may enter."""
    async with context_of(request).database.turn():
        yield


Turn = Annotated[None, Depends(take_turn, scope="function")]


async def fingerprint(request: Request) -> str:
    """What makes this request the same as an earlier one."""
    body = (await request.body()).decode("utf-8", errors="replace")
    return idempotency.fingerprint(request.method, request.scope["path"], body)


def read(request: Request, actor: Annotated[Actor, Depends(admit)]) -> Iterator[Call]:
    """A call that changes nothing but the record of who looked."""
    context = context_of(request)
    with context.database.unit(write=False) as session:
        yield Call(session, actor, context.clock.now(), context.settings)


@dataclass(frozen=True)
class ChangeRequest:
    """What a call that changes something says beside its body."""

    context: Context
    actor: Actor
    print_: str
    if_match: str | None
    key: str | None

    @contextmanager
    def begin(self, *, rehearsal: bool = False) -> Iterator[Call]:
        """Its transaction; with a key, only if the same was not done before.

        A rehearsal has no key: what was answered to the deed is not what would be done now.
        """
        now, key = self.context.clock.now(), None if rehearsal else self.key
        with self.context.database.unit(write=True) as session:
            if key is not None:
                owner = owner_of(self.actor)
                idempotency.begin(session, owner=owner, key=key, print_=self.print_, now=now)
            yield Call(
                session, self.actor, now, self.context.settings, self.if_match, key, rehearsal
            )


def change(
    request: Request,
    actor: Annotated[Actor, Depends(admit)],
    print_: Annotated[str, Depends(fingerprint)],
    _: Turn,
    if_match: Annotated[
        str | None,
        Header(description="The ETag of what is to be changed as it was read; a stale one: 412."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=100,
            description="Any text of your own. Sent again with the same body it gives the same"
            " answer, and nothing is done twice; with another body it gives 422.",
        ),
    ] = None,
) -> ChangeRequest:
    """Read what a change says beside its body. Unfit for a key that nobody could type."""
    key = idempotency_key if request.method == "POST" else None
    if key is not None and not (key.isascii() and key.isprintable() and key):
        raise Invalid("An Idempotency-Key is made of visible ASCII characters.")
    return ChangeRequest(context_of(request), actor, print_, if_match, key)


Changing = Annotated[ChangeRequest, Depends(change, scope="function")]


def write(asked: Changing) -> Iterator[Call]:
    """A call that changes something. Committed before the answer leaves, or not at all."""
    with asked.begin() as call:
        yield call


def rehearse(
    asked: Changing,
    dry_run: Annotated[
        bool,
        Query(description="Answer as if it were done, and do nothing: no text, no record, no key."),
    ] = False,
) -> Iterator[Call]:
    """A call that changes something, or only shows what it would change."""
    with asked.begin(rehearsal=dry_run) as call:
        yield call
        if dry_run:
            # The same story to its end, the database's word included; then as if it never was.
            call.session.rollback()


def look(request: Request, actor: Annotated[Actor, Depends(admit)], _: Turn) -> Iterator[Call]:
    """A look at a patient's record: nothing changes, but who looked is written down."""
    context = context_of(request)
    with context.database.unit(write=True) as session:
        yield Call(session, actor, context.clock.now(), context.settings)


# scope="function": commit before the answer leaves, so a failed commit cannot look like success.
Reading = Annotated[Call, Depends(read, scope="function")]
Writing = Annotated[Call, Depends(write, scope="function")]
Rehearsing = Annotated[Call, Depends(rehearse, scope="function")]
Looking = Annotated[Call, Depends(look, scope="function")]


def context_of(request: Request) -> Context:
    """What the root has handed to its doors."""
    context: Context = request.app.state.context
    return context


def origin_of(request: Request) -> str:
    """The network address that the request came from."""
    return request.client.host if request.client else ""


def owner_of(actor: Actor) -> str:
    """Whose Idempotency-Keys these are: two members may choose the same."""
    return f"{actor.kind}:{actor.id}"


def etag(version: int) -> str:
    """The tag of a version."""
    return f'"{version}"'


async def _recognise(context: Context, raw: str) -> Actor:
    """In transactions of its own: whoever waits for the deed's locks must hold none of these."""
    now = context.clock.now()

    def look() -> tuple[Actor, bool]:
        with context.database.unit(write=False) as session:
            return accounts.by_proof(session, raw, now=now)

    def touch() -> None:
        with context.database.unit(write=True) as session:
            accounts.touch(session, raw, now=now)

    actor, due = await to_thread.run_sync(look)
    if due:
        async with context.database.turn():
            await to_thread.run_sync(touch)
    return actor
