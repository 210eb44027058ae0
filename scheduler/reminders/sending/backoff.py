"""Whether and when to retry a message that was certainly not sent. Pure."""

from datetime import datetime, timedelta

MOST_TRIES = 5
FIRST = timedelta(seconds=30)
FACTOR = 4
"""Waits of 30 s, 2 min, 8 min and 32 min: short failures cost little, and an outage of 40 minutes
is survived."""

LONGEST = timedelta(hours=1)
"""No wait is longer, whatever the carrier asks for. So a longer one is the error of a clock."""


def next_try(
    tries: int, now: datetime, retry_after: timedelta | None = None, *, jitter: float = 0.0
) -> datetime | None:
    """When to retry after `tries` failed tries; None after `MOST_TRIES`.

    Not before `retry_after`, the wait that the carrier asked for, if that is at most `LONGEST`.
    `jitter`, from 0 to 1, adds up to a quarter, so that messages that failed together are not
    retried together. The caller checks whether the message is still useful then. Raises
    ValueError for no try or a jitter outside 0-1.
    """
    if tries < 1 or not 0 <= jitter <= 1:
        raise ValueError(
            f"tries must be at least 1 and jitter from 0 to 1, not {tries} and {jitter}"
        )
    if tries >= MOST_TRIES:
        return None
    steps: int = FACTOR ** (tries - 1)
    wait = max(FIRST * steps, retry_after or timedelta(0))
    return now + min(wait * (1 + jitter / 4), LONGEST)
