"""Creates the web application: routes, error responses and, optionally, a worker."""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from anyio import CapacityLimiter, create_task_group, sleep, to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from scheduler import VERSION
from scheduler.api import router as staff
from scheduler.api.http import health, problems
from scheduler.audit import unrecorded_views
from scheduler.feeds import routes as calendars
from scheduler.hooks import routes
from scheduler.http.context import Context, context_of
from scheduler.http.idempotency import Replay
from scheduler.http.methods import Methods
from scheduler.http.request_gate import (
    CONCURRENT_REQUESTS,
    RequestGate,
    TooLong,
    TooSlow,
    WrongHost,
)
from scheduler.http.token_guess_limiter import origin_of
from scheduler.infra.clock import Clock
from scheduler.infra.errors import Conflict, Problem, Stale
from scheduler.infra.settings import Settings
from scheduler.storage.database import Database
from scheduler.storage.links import NoSuchLink
from scheduler.web import router as patients
from scheduler.web.site import error_pages as pages
from scheduler.web.site.visit import greet

LOG = logging.getLogger(__name__)

PATHS_FOR_PROGRAMS = ("/api", "/hooks", "/health", "/docs", "/openapi.json", "/problems")
"""Errors are problem+json under these paths, and pages elsewhere."""


VIEWS_SECONDS = 60.0
"""Interval between two attempts to record the views that a full disk did not take."""


class BackgroundWorker(Protocol):
    """Sends due texts in the background. `scheduler.worker` has the implementation."""

    last_tick: datetime | None

    def start(self) -> None:
        """Start in the background."""
        ...

    def stop(self) -> None:
        """Finish the texts in progress, then return."""
        ...


def create(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    worker: BackgroundWorker | None = None,
    hosts: Collection[str] = (),
) -> FastAPI:
    """The application. It opens nothing before it starts.

    `worker` starts and stops with it. `hosts`: host names to accept besides that of PUBLIC_URL.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = CONCURRENT_REQUESTS
        app.state.health_threads = CapacityLimiter(health.THREADS)
        app.state.began = clock.now()
        if worker is not None:
            worker.start()
        try:
            async with create_task_group() as tasks:
                tasks.start_soon(_bring_in_views, app.state.context)
                yield
                tasks.cancel_scope.cancel()
        finally:
            if worker is not None:
                await to_thread.run_sync(worker.stop)

    app = FastAPI(
        title="Clinic scheduler",
        version=VERSION,
        description=staff.ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = Context(database, settings, clock)
    # For routes that need only one of them.
    app.state.database, app.state.settings, app.state.clock = database, settings, clock
    app.state.worker = worker
    app.state.began = clock.now()
    _add_routes(app)
    for kind in (
        Problem,
        Replay,
        RequestValidationError,
        HTTPException,
        StaleDataError,
        IntegrityError,
    ):
        app.add_exception_handler(kind, _handle)
    app.add_middleware(
        RequestGate,
        public_url=settings.public_url,
        answer=respond,
        hosts=hosts,
        body_seconds=settings.client_timeout,
    )
    return app


async def _bring_in_views(context: Context) -> None:
    """Keep the file for views on a full disk: reserve its space, and empty it regularly."""
    file = unrecorded_views.file_for(context.database, context.settings.views_file)
    if context.database.is_sqlite:
        await to_thread.run_sync(unrecorded_views.reserve, file)
    while True:
        try:
            await to_thread.run_sync(unrecorded_views.bring_in, context.database, file)
        except Exception:
            LOG.exception("the views of patients could not be brought into the audit trail")
        await sleep(VIEWS_SECONDS)


def respond(scope: Scope, problem: Exception) -> Response:
    """The response to an error: a page for people, problem+json for programs."""
    request_id = scope["state"]["request_id"]
    if isinstance(problem, StaleDataError):
        # Another transaction changed the row between our read and our write.
        problem = Stale() if "if-match" in Headers(scope=scope) else Conflict()
    if isinstance(problem, IntegrityError):
        # Another transaction added or removed a row. The log helps if it is our own error instead.
        LOG.warning("the database refused a write", exc_info=problem)
        problem = Conflict()
    path = scope["path"]
    if any(path == prefix or path.startswith(f"{prefix}/") for prefix in PATHS_FOR_PROGRAMS):
        return problems.answer(problem, request_id=request_id)
    greet(Request(scope))
    if isinstance(problem, TooLong | TooSlow | WrongHost):
        problem = HTTPException(problems.status_of(problem))
    return pages.answer(problem, reference=request_id, path=path)


async def _handle(request: Request, problem: Exception) -> Response:
    if isinstance(problem, NoSuchLink):
        context = context_of(request)
        context.guess_limiter.record(origin_of(request), context.clock.now())
    response = respond(request.scope, problem)
    if response.status_code == 405:
        methods: Methods = request.app.state.methods
        allowed = methods.of(request.scope["path"]) or {"GET", "HEAD"}  # a static file
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _add_routes(app: FastAPI) -> None:
    staff.mount(app)
    app.include_router(routes.router)
    app.include_router(calendars.router)
    patients.mount(app)
    app.state.methods = Methods(
        (route.path_format, route.methods)
        for route in iter_route_contexts(app.routes)
        if route.path_format and route.methods
    )
    app.router.routes[:0] = app.state.methods.refusals()
