"""Shared by all routes: the objects of one process, and the transaction and time of a request."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import anyio
from sqlmodel import Session
from starlette.requests import Request

from scheduler.http.token_guess_limiter import GuessLimiter
from scheduler.infra.clock import Clock
from scheduler.infra.settings import Settings
from scheduler.storage.database import Database

PLANS_AT_ONCE = 1
"""Plans that one process makes for strangers at the same time. A plan keeps a processor busy, and
threads of one process share one: more plans at once take longer each, and so do all requests."""


@dataclass(frozen=True)
class Context:
    """Created once by `scheduler.app` and read by every route: `app.state.context`."""

    database: Database
    settings: Settings
    clock: Clock
    guess_limiter: GuessLimiter = field(default_factory=GuessLimiter)
    planning: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(PLANS_AT_ONCE))
    """Taken by a request of a stranger while it plans"""


@dataclass(frozen=True)
class RequestContext:
    """One request: its transaction, its time and the settings. Each door adds who asks, and how."""

    session: Session
    now: datetime
    settings: Settings


def context_of(request: Request) -> Context:
    """The context of the application that answers a request."""
    return cast("Context", request.app.state.context)
