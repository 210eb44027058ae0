"""Authenticates staff, and opens the transaction of each request."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin

from anyio import to_thread
from fastapi import Depends, Header, Query, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from scheduler.api.http.problems import WrongType
from scheduler.audit import audit_trail, unrecorded_views
from scheduler.audit.actions import Action
from scheduler.audit.audit_trail import Actor, AuditEntry
from scheduler.http import idempotency
from scheduler.http.context import Context, RequestContext, context_of
from scheduler.i18n import translation
from scheduler.infra.errors import Invalid, NotAllowed, Stale
from scheduler.staff import accounts
from scheduler.staff.accounts import NotSignedIn
from scheduler.staff.roles import Permission, may
from scheduler.storage.database import StorageFault

Route = TypeVar("Route", bound=Callable[..., Any])

PERMISSION_MARK = "_needs"
MAX_TOKEN_LENGTH = 200

bearer = HTTPBearer(
    auto_error=False,
    description="An API key (`scheduler staff key`) or the token of a sign-in.",
)


def needs(permission: Permission) -> Callable[[Route], Route]:
    """Names the permission that a route needs. A route without one refuses every request."""

    def mark(route: Route) -> Route:
        setattr(route, PERMISSION_MARK, permission)
        return route

    return mark


async def admit(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Actor:
    """The staff member who sent a request. Raises NotSignedIn, or NotAllowed for this route."""
    if credentials is None or not 0 < len(credentials.credentials) <= MAX_TOKEN_LENGTH:
        raise NotSignedIn
    actor = await _recognize(context_of(request), credentials.credentials)
    permission = getattr(request.scope["endpoint"], PERMISSION_MARK, None)
    if permission is None or not may(actor.role, permission):
        raise NotAllowed
    translation.set_display_year(context_of(request).clock.now().year)
    return replace(actor, origin=origin_of(request), request_id=request.state.request_id)


async def require_json(request: Request) -> None:
    """Refuses a body that is not declared as JSON, because a form of another website cannot be."""
    if request.method in {"POST", "PUT", "PATCH"} and await request.body():
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise WrongType


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuses unknown query parameters, and repeated ones that have a single value.

    A mistyped `?dry-run=true` would really change data, and of two values the last would count.
    """
    known = dict(_query_parameters(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known:
            raise Invalid(
                f"“{name[:40]}” is not a query parameter of this address. Remove it, or check its"
                " spelling.",
                field=name[:40],
            )
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise Invalid(f"{name} was sent more than once. Send it once.", field=name)


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The names of the query parameters, and whether each may have several values."""
    yield from (
        (param.alias, _is_list(param.field_info.annotation)) for param in dependant.query_params
    )
    for dependency in dependant.dependencies:
        yield from _query_parameters(dependency)


def _is_list(annotation: object) -> bool:
    return list in {get_origin(option) for option in (annotation, *get_args(annotation))}


class ClinicRow(Protocol):
    """A row that belongs to a clinic."""

    @property
    def id(self) -> int | None: ...

    @property
    def clinic_id(self) -> int | None: ...


@dataclass(frozen=True)
class Call(RequestContext):
    """A request of a staff member: who asks, under which conditions, and how to answer."""

    actor: Actor
    if_match: str | None = None
    key: str | None = field(default=None, repr=False)
    rehearsal: bool = False
    """True: the transaction is rolled back in the end."""
    views: list[AuditEntry] | None = None
    """Views to record after the route; None: each is recorded at once."""

    def expect(self, version: int) -> None:
        """Raises Stale if `If-Match` names only other versions.

        A proxy may have marked the tag as weak, as in W/"3".
        """
        if self.if_match is None:
            return
        tags = {tag.strip().removeprefix("W/") for tag in self.if_match.split(",")}
        if not tags & {"*", etag(version)}:
            raise Stale

    def record_view(self, subject: str, row: ClinicRow) -> None:
        """Records in the audit trail that the actor has seen a row."""
        view = audit_trail.entry(
            self.actor, Action.LOOKED_AT, subject, row.id, clinic_id=row.clinic_id, now=self.now
        )
        if self.views is None:
            audit_trail.add(self.session, view)
        else:
            self.views.append(view)

    def answer(
        self, shape: BaseModel, *, status: int = 200, version: int | None = None
    ) -> JSONResponse:
        """The response, stored for a repeated request with the same Idempotency-Key."""
        body = shape.model_dump(mode="json", by_alias=True)
        tag = None if version is None else etag(version)
        if self.key is not None:
            idempotency.finish(
                self.session,
                owner=owner_of(self.actor),
                key=self.key,
                status=status,
                answer=body,
                etag=tag,
                clinic_ids=audit_trail.clinics_of(self.session),
            )
        headers = {} if tag is None else {"ETag": tag}
        return JSONResponse(body, status, headers=headers)


async def take_turn(request: Request, _: Annotated[Actor, Depends(admit)]) -> AsyncIterator[None]:
    """Waits for the turn to write without holding a thread. Only staff with permission wait."""
    async with context_of(request).database.turn():
        yield


TurnTaken = Annotated[None, Depends(take_turn, scope="function")]


async def fingerprint(request: Request) -> str:
    """Identifies a repeated request."""
    body = (await request.body()).decode("utf-8", errors="replace")
    return idempotency.fingerprint(request.method, request.scope["path"], body)


def read(request: Request, actor: Annotated[Actor, Depends(admit)]) -> Iterator[Call]:
    """Opens a read-only transaction."""
    context = context_of(request)
    with context.database.unit(write=False) as session:
        yield Call(session, context.clock.now(), context.settings, actor)


@dataclass(frozen=True)
class ChangeRequest:
    """The headers of a request that changes data."""

    context: Context
    actor: Actor
    print_: str
    if_match: str | None
    key: str | None

    @contextmanager
    def begin(self, *, rehearsal: bool = False) -> Iterator[Call]:
        """Opens the transaction. Raises Replay if a request with the same key was answered before.

        A rehearsal ignores the key, because a stored response is not what would happen now.
        """
        now, key = self.context.clock.now(), None if rehearsal else self.key
        with self.context.database.unit(write=True) as session:
            if key is not None:
                owner = owner_of(self.actor)
                try:
                    idempotency.begin(session, owner=owner, key=key, print_=self.print_, now=now)
                except idempotency.Replay as replay:
                    for clinic_id in replay.clinic_ids:
                        # The clinic may have been taken from the member since.
                        self.actor.require(clinic_id)
                    raise
            yield Call(
                session, now, self.context.settings, self.actor, self.if_match, key, rehearsal
            )


def change(
    request: Request,
    actor: Annotated[Actor, Depends(admit)],
    print_: Annotated[str, Depends(fingerprint)],
    _: TurnTaken,
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag that you read. If the resource has changed since, the answer"
            " is 412."
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=100,
            description="A text of your choice. A repeated request with the same key and body gets"
            " the same answer and changes nothing. The same key with another body gets 422.",
        ),
    ] = None,
) -> ChangeRequest:
    """Reads the headers of a change. Raises Invalid for a key with characters outside ASCII."""
    key = idempotency_key if request.method == "POST" else None
    if key is not None and not (key.isascii() and key.isprintable() and key):
        raise Invalid(
            "The Idempotency-Key contains characters other than visible ASCII. Send a key without"
            " them."
        )
    return ChangeRequest(context_of(request), actor, print_, if_match, key)


Changing = Annotated[ChangeRequest, Depends(change, scope="function")]


def write(request: Changing) -> Iterator[Call]:
    """Opens a transaction that commits before the response is sent."""
    with request.begin() as call:
        yield call


def rehearse(
    request: Changing,
    dry_run: Annotated[
        bool,
        Query(
            description="True: show the result of the change without making it. Nothing is stored"
            " or texted."
        ),
    ] = False,
) -> Iterator[Call]:
    """Opens a transaction for a change, or for a dry run that is rolled back."""
    with request.begin(rehearsal=dry_run) as call:
        yield call
        if dry_run:
            # The flush in the route has already checked the constraints of the database.
            call.session.rollback()


def look(request: Request, actor: Annotated[Actor, Depends(admit)], _: TurnTaken) -> Iterator[Call]:
    """Opens a transaction for reading patient data, which is recorded in the audit trail.

    On a full disk, the views are written to a file. If that fails too, the answer is 503, because
    no view of a patient may be without a trace.
    """
    context, views = context_of(request), list[AuditEntry]()
    has_read = False
    try:
        with context.database.unit(write=True) as session:
            yield Call(session, context.clock.now(), context.settings, actor, views=views)
            has_read = True
            session.add_all(views)
    except StorageFault as problem:
        if not has_read:
            raise
        file = unrecorded_views.file_for(context.database, context.settings.views_file)
        try:
            unrecorded_views.keep(file, views)
        except OSError:
            raise problem from None


# scope="function": commit before the response is sent, so a failed commit cannot look like success.
Reading = Annotated[Call, Depends(read, scope="function")]
Writing = Annotated[Call, Depends(write, scope="function")]
Rehearsing = Annotated[Call, Depends(rehearse, scope="function")]
Looking = Annotated[Call, Depends(look, scope="function")]


def origin_of(request: Request) -> str:
    """The network address of the client."""
    return request.client.host if request.client else ""


def owner_of(actor: Actor) -> str:
    """The owner of an Idempotency-Key, because two staff members may choose the same key."""
    return f"{actor.kind}:{actor.id}"


NEVER_CHANGED = 1
"""The version of a row that can be added and removed, but not changed."""


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


async def _recognize(context: Context, raw: str) -> Actor:
    """Finds the actor in separate transactions, so that no lock is held while the route waits."""
    now = context.clock.now()

    def look() -> tuple[Actor, bool]:
        with context.database.unit(write=False) as session:
            return accounts.by_proof(session, raw, now=now)

    def touch() -> None:
        # On a full disk, reading goes on.
        with suppress(StorageFault), context.database.unit(write=True) as session:
            accounts.touch(session, raw, now=now)

    actor, due = await to_thread.run_sync(look)
    if due:
        async with context.database.turn():
            await to_thread.run_sync(touch)
    return actor
