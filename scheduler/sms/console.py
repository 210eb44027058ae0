"""Texts on the screen instead of the air: for a first look, and for work on the program."""

import time
from collections.abc import Callable, Collection
from datetime import datetime
from uuid import uuid4

from scheduler.sms.sender import Accepted, Found, LeaseLost


class Console:
    """Prints each text. `now` gives the local time to print beside it."""

    def __init__(self, write: Callable[[str], object], now: Callable[[], datetime]) -> None:
        self._write = write
        self._now = now

    def send(
        self,
        *,
        to: str,
        text: str,
        receipt_url: str | None,  # noqa: ARG002 - the screen sends no receipts
        valid_seconds: int,
        deadline: float | None = None,
    ) -> Accepted:
        """Print one text; nothing can be refused."""
        if valid_seconds < 1:
            raise ValueError("this text is of no more use")
        if deadline is not None and time.monotonic() >= deadline:
            raise LeaseLost
        now = self._now()
        self._write(f"to {to}, {now:%a %d %b %H:%M}: {text}")
        return Accepted(sid=f"console-{uuid4().hex}")

    def find(
        self,
        *,
        to: str,  # noqa: ARG002 - nothing is kept that could be looked through
        text: str,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
        known: Collection[str] = (),  # noqa: ARG002
    ) -> Found | None:
        """Nothing: what was printed is not kept, and nobody is disturbed by reading it twice."""
        return None

    def fetch(self, sid: str) -> Found | None:
        """Printed is delivered."""
        return Found(sid, "delivered")
