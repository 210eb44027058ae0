"""The objects that routes share in one process: `app.state.context`."""

from dataclasses import dataclass, field

from scheduler.http.guess_limiter import GuessLimiter
from scheduler.infra.clock import Clock
from scheduler.infra.settings import Settings
from scheduler.storage.database import Database


@dataclass(frozen=True)
class Context:
    """Created once by `scheduler.app` and read by every route."""

    database: Database
    settings: Settings
    clock: Clock
    guess_limiter: GuessLimiter = field(default_factory=GuessLimiter)
