"""The only module that reads the system's clock. Domain code receives `now` as an argument."""

import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """The aware UTC instant."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The aware UTC instant."""
        return datetime.now(UTC)


class FastClock:
    """Starts at an instant and runs `speed` times as fast as the machine's clock; for the demo."""

    def __init__(self, start: datetime, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._began = time.monotonic()

    def now(self) -> datetime:
        """The aware UTC instant on the accelerated clock."""
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self._speed)


def use_packaged_zones() -> None:
    """Take zone data from the `tzdata` package, not from the operating system."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
