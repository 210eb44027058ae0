"""What routes share: the objects of one process, and the transaction and time of one request."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from sqlmodel import Session
from starlette.requests import Request

from scheduler.http.token_guess_limiter import GuessLimiter
from scheduler.infra.clock import Clock
from scheduler.infra.settings import Settings
from scheduler.storage.database import Database


@dataclass(frozen=True)
class Context:
    """Created once by `scheduler.app` and read by every route: `app.state.context`."""

    database: Database
    settings: Settings
    clock: Clock
    guess_limiter: GuessLimiter = field(default_factory=GuessLimiter)


@dataclass(frozen=True)
class RequestContext:
    """One request: its transaction, its time and the settings. Each door adds who asks, and how."""

    session: Session
    now: datetime
    settings: Settings


def context_of(request: Request) -> Context:
    """The context of the application that answers a request."""
    return cast("Context", request.app.state.context)
