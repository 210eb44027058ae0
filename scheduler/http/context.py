"""What a root hands to the doors it opens: `app.state.context`."""

from dataclasses import dataclass, field

from scheduler.http.guess_limiter import GuessLimiter
from scheduler.infra.clock import Clock
from scheduler.infra.settings import Settings
from scheduler.storage.database import Database


@dataclass(frozen=True)
class Context:
    """The things that no door makes for itself."""

    database: Database
    settings: Settings
    clock: Clock
    misses: GuessLimiter = field(default_factory=GuessLimiter)
