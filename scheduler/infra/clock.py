"""The only place that asks what time it is. Rooms get `now` as an argument."""

import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Whatever can tell the time."""

    def now(self) -> datetime:
        """The aware UTC instant."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The aware UTC instant."""
        return datetime.now(UTC)


class FastClock:
    """Shows the clinic's weeks in minutes: starts at an instant and runs `speed` times
    as fast as the machine's."""

    def __init__(self, start: datetime, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._began = time.monotonic()

    def now(self) -> datetime:
        """The aware UTC instant, as the clinic in fast motion has it."""
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self._speed)


def use_packaged_zones() -> None:
    """Take zone data from the `tzdata` package, not from whatever the machine has."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
