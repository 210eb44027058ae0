"""Whether and when to try a text again that surely did not go out. Pure."""

from datetime import datetime, timedelta

TRIES = 5
FIRST = timedelta(seconds=30)
FACTOR = 4
"""30 s, 2 min, 8 min, 32 min: a short hiccup costs little, an hour's outage is survived."""


def next_try(
    tries: int, now: datetime, retry_after: timedelta | None = None, *, jitter: float = 0.0
) -> datetime | None:
    """When to try again after `tries` failed tries, or None if five were enough.

    Never before `retry_after`, which is what the carrier asked for. `jitter`, from 0 to 1, adds up
    to a quarter, so that what failed together does not come back together. Whether the text is
    still of use by then is the caller's to ask. No try yet, or jitter outside 0 to 1: ValueError.
    """
    if tries < 1 or not 0 <= jitter <= 1:
        raise ValueError("there must have been a try, and jitter is from 0 to 1")
    if tries >= TRIES:
        return None
    steps: int = FACTOR ** (tries - 1)
    wait = max(FIRST * steps, retry_after or timedelta(0))
    return now + wait * (1 + jitter / 4)
