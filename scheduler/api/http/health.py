"""Health checks: whether the process answers, and whether it can work."""

from collections.abc import Collection
from datetime import datetime, timedelta

import anyio
from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError

from scheduler.clinic import zone_rules
from scheduler.http.context import context_of
from scheduler.infra.errors import Problem
from scheduler.reminders.staff import attention as staff_attention
from scheduler.reminders.staff import failed_texts
from scheduler.storage import migrations
from scheduler.storage.database import Busy

router = APIRouter(prefix="/health", include_in_schema=False)

SILENT_FOR = timedelta(seconds=60)
"""A worker that has not ticked for this long is stuck."""
ANSWER_SECONDS = 4.5
THREADS = 2
"""How many checks run at once."""
SILENT = "The database does not answer."


@router.api_route("/live", methods=["GET", "HEAD"])
async def live() -> dict[str, str]:
    """The process answers. Checks nothing else."""
    return {"status": "live"}


@router.api_route("/ready", methods=["GET", "HEAD"])
async def ready(request: Request) -> JSONResponse:
    """Checks the database, its migrations and the worker. 503 lists the problems.

    `waiting` lists work that a staff member must release. A restart does not help.
    """
    with anyio.move_on_after(ANSWER_SECONDS):
        # In threads of its own, because requests may have taken all others.
        return await to_thread.run_sync(
            _ready, request, limiter=request.app.state.health_threads, abandon_on_cancel=True
        )
    return _response([SILENT])


def _ready(request: Request) -> JSONResponse:
    found = [*_database(request), *_worker(request)]
    return _response(found, waiting=[] if found else _waiting(request))


def _response(found: list[str], *, waiting: Collection[str] = ()) -> JSONResponse:
    body: dict[str, object] = {
        "status": "not ready" if found else "ready",
        "problems": found,
        "zone_data": zone_rules.packaged_version(),
    }
    if waiting:
        body["waiting"] = waiting
    return JSONResponse(body, 503 if found else 200)


def _waiting(request: Request) -> list[str]:
    try:
        with context_of(request).database.unit(write=False) as session:
            held = staff_attention.news_held(session)
    except (Problem, Busy, DBAPIError):
        return []
    return [held] if held else []


def _database(request: Request) -> list[str]:
    try:
        database = context_of(request).database
        database.check_file()
        with database.unit(write=False) as session:
            present = migrations.present(session)
            # Migrations only add, so this version keeps working while a newer one takes over.
            if present is None or (present != migrations.newest() and migrations.knows(present)):
                return [
                    "The database has another version than this program: run `scheduler migrate`."
                ]
            objection = zone_rules.objection(session, zone_rules.packaged_version())
    except (Problem, Busy):
        return [SILENT]
    return [problem for problem in (objection, database.fault()) if problem]


def _worker(request: Request) -> list[str]:
    worker = request.app.state.worker
    if worker is None:
        return []
    # A tick far in the future proves nothing: the clock was set back since.
    now = context_of(request).clock.now()
    last: datetime = worker.last_tick or request.app.state.began
    if abs(now - last) > SILENT_FOR:
        return ["The worker has stopped."]
    if now - request.app.state.began < SILENT_FOR:
        return []  # messages that fell due while the process was down are being sent
    try:
        with context_of(request).database.unit(write=False) as session:
            stuck = failed_texts.are_stuck(session, now=now)
    except (Problem, Busy, DBAPIError):
        return []  # _database reports it
    return ["Texts are due for minutes, and none goes out."] if stuck else []
