"""Prints texts instead of sending them, for demos and development."""

import time
from collections.abc import Callable, Collection
from datetime import datetime
from uuid import uuid4

from scheduler.sms.sender import Accepted, Found, LeaseLost


class Console:
    """Prints each text. `now` returns the local time that is printed with it."""

    def __init__(self, write: Callable[[str], object], now: Callable[[], datetime]) -> None:
        self._write = write
        self._now = now

    def send(
        self,
        *,
        to: str,
        text: str,
        receipt_url: str | None,  # noqa: ARG002 - a console sends no reports
        valid_seconds: int,
        deadline: float | None = None,
    ) -> Accepted:
        """Print one text."""
        if valid_seconds < 1:
            raise ValueError(f"valid_seconds must be at least 1, not {valid_seconds}")
        if deadline is not None and time.monotonic() >= deadline:
            raise LeaseLost
        now = self._now()
        self._write(f"to {to}, {now:%a %d %b %H:%M}: {text}")
        return Accepted(sid=f"console-{uuid4().hex}")

    def find(
        self,
        *,
        to: str,  # noqa: ARG002 - printed texts are not kept
        text: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
        known: Collection[str] = (),  # noqa: ARG002
        varying: str = "",  # noqa: ARG002
    ) -> Found | None:
        """None: printed texts are not kept, and printing one twice does no harm."""
        return None

    def fetch(self, sid: str) -> Found | None:
        """A printed text counts as delivered."""
        return Found(sid, "delivered")
