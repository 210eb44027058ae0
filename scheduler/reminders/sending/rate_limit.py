"""A token bucket for message segments. Pure.

Carriers count segments, not messages. A message may go as soon as one segment is free; the rest of
its segments become a debt, and the next message waits until the debt is paid. The bucket holds one
second's worth of segments.

The state is one number, `filled_at`: the second at which the bucket would have been empty if it had
filled without a break since. It lies in the future while there is a debt. If it lies further ahead
than the longest message's debt, the clock has been set back since, and the bucket counts as full.
"""

MOST_SEGMENTS = 24
"""Segments of the longest message that a carrier takes: 1600 characters, 67 to a segment."""

READINGS_DIFFER = 1.0
"""Seconds by which two readings of the database's clock may seem to run backward."""


def room(filled_at: float, seconds: float, per_second: float) -> int:
    """How many segments may be sent now; less than 1 means none."""
    # A rounding error must not turn a whole segment into none.
    return int((seconds - _since(filled_at, seconds, per_second)) * per_second + 1e-6)


def used(filled_at: float, seconds: float, per_second: float, segments: int) -> float:
    """The new `filled_at` after sending some segments."""
    emptied_at = _since(filled_at, seconds, per_second) + segments / per_second
    return min(emptied_at, seconds + MOST_SEGMENTS / per_second)


def next_in(filled_at: float, seconds: float, per_second: float) -> float:
    """Seconds until one more message may be sent."""
    return max(0.0, _since(filled_at, seconds, per_second) + 1 / per_second - seconds)


def _since(filled_at: float, seconds: float, per_second: float) -> float:
    """`filled_at`, or the instant that means a full bucket if it is older or cannot be right."""
    full = seconds - max(1.0, per_second) / per_second
    most_ahead = seconds + MOST_SEGMENTS / per_second + READINGS_DIFFER
    return full if filled_at > most_ahead else max(filled_at, full)
