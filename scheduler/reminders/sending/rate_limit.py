"""A token bucket for message segments. Pure.

Carriers count segments, not messages. A message may go as soon as one segment is free; the rest of
its segments become a debt, and the next message waits until the debt is paid. The bucket holds one
second's worth of segments.

The state is one number, `filled_at`: the second at which the bucket would have been empty if it had
filled without a break since. It lies in the future while there is a debt. A clock that was set back
delays sending by no more than the longest message would.
"""

MOST_SEGMENTS = 24
"""Segments of the longest message that a carrier takes: 1600 characters, 67 to a segment."""


def room(filled_at: float, seconds: float, per_second: float) -> int:
    """How many segments may be sent now; less than 1 means none."""
    # A rounding error must not turn a whole segment into none.
    return int((seconds - _since(filled_at, seconds, per_second)) * per_second + 1e-6)


def used(filled_at: float, seconds: float, per_second: float, segments: int) -> float:
    """The new `filled_at` after sending some segments."""
    return _since(filled_at, seconds, per_second) + segments / per_second


def next_in(filled_at: float, seconds: float, per_second: float) -> float:
    """Seconds until one more message may be sent."""
    return max(0.0, _since(filled_at, seconds, per_second) + 1 / per_second - seconds)


def _since(filled_at: float, seconds: float, per_second: float) -> float:
    """`filled_at` within its bounds: a full bucket, and the debt of one longest message."""
    most = max(1.0, per_second)
    return min(max(filled_at, seconds - most / per_second), seconds + MOST_SEGMENTS / per_second)
