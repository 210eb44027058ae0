"""Whether this process lives, and whether it can do its work."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError

from scheduler.api.http.auth import context_of
from scheduler.clinic import zone_rules
from scheduler.infra.errors import Problem
from scheduler.reminders.staff import attention as staff_attention
from scheduler.reminders.staff import failed_texts
from scheduler.storage import migrations
from scheduler.storage.database import Busy

router = APIRouter(prefix="/health", include_in_schema=False)

SILENT_FOR = timedelta(seconds=60)
"""A worker that has not ticked for so long is stuck."""


@router.api_route("/live", methods=["GET", "HEAD"])
def live() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "live"}


@router.api_route("/ready", methods=["GET", "HEAD"])
def ready(request: Request) -> JSONResponse:
    """Database, migrations, worker: 503 names what is wrong.

    `waiting`: what goes on once somebody has decided; it is no reason to restart anything.
    """
    wrong = [*_database(request), *_worker(request)]
    said: dict[str, object] = {
        "status": "not ready" if wrong else "ready",
        "problems": wrong,
        "zone_data": zone_rules.packaged_version(),
    }
    if not wrong and (waiting := _waiting(request)):
        said["waiting"] = waiting
    return JSONResponse(said, 503 if wrong else 200)


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
            # Migrations only add: while a newer program takes over, this one goes on.
            if present is None or (present != migrations.newest() and migrations.knows(present)):
                return [
                    "The database has another version than this program: run `scheduler migrate`."
                ]
            objection = zone_rules.objection(session, zone_rules.packaged_version())
    except (Problem, Busy):
        return ["The database does not answer."]
    return [each for each in (objection, database.fault()) if each]


def _worker(request: Request) -> list[str]:
    worker = request.app.state.worker
    if worker is None:
        return []
    # A tick that lies far ahead is no sign of life: the clock was set back since.
    now = context_of(request).clock.now()
    last: datetime = worker.last_tick or request.app.state.began
    if abs(now - last) > SILENT_FOR:
        return ["The worker has stopped."]
    if now - request.app.state.began < SILENT_FOR:
        return []  # what fell due while nobody was here goes out just now
    try:
        with context_of(request).database.unit(write=False) as session:
            stuck = failed_texts.are_stuck(session, now=now)
    except (Problem, Busy, DBAPIError):
        return []  # the database's trouble is told already
    return ["Texts are due for minutes, and none goes out."] if stuck else []
