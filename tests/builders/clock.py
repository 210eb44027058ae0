"""A clock that a test sets."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class FrozenClock:
    """Stands still until a test moves it."""

    at: datetime

    def now(self) -> datetime:
        """The aware UTC instant."""
        return self.at

    def move(self, **by: float) -> None:
        """Let time pass: `minutes=5`."""
        self.at += timedelta(**by)
