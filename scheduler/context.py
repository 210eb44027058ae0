"""What a root hands to the doors it opens: `app.state.context`."""

from dataclasses import dataclass, field

from scheduler.clock import Clock
from scheduler.database import Database
from scheduler.misses import Misses
from scheduler.settings import Settings


@dataclass(frozen=True)
class Context:
    """The things that no door makes for itself."""

    database: Database
    settings: Settings
    clock: Clock
    misses: Misses = field(default_factory=Misses)
