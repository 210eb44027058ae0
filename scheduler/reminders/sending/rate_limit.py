"""At most so many segments a second, with as many at once as one second allows. Pure.

Carriers count segments, not texts. A text goes once there is room for a part of it, and what it
takes beyond that is owed: the next one waits until it is made up for.

What is left of the allowance is told by one figure, `filled_at`: the second at which it was last
empty, had it filled since without a break; in the future while segments are owed. A clock that was
set back costs no more than the longest text does.
"""

LONGEST = 24
"""Segments of the longest text that a carrier takes: 1600 characters, 67 to a segment."""


def room(filled_at: float, seconds: float, per_second: float) -> int:
    """How many segments may go out at once now; less than 1: none."""
    # Not quite a whole segment for want of a billionth: it is one.
    return int((seconds - _since(filled_at, seconds, per_second)) * per_second + 1e-6)


def used(filled_at: float, seconds: float, per_second: float, segments: int) -> float:
    """`filled_at` after some segments went out, of which a part may be owed."""
    return _since(filled_at, seconds, per_second) + segments / per_second


def next_in(filled_at: float, seconds: float, per_second: float) -> float:
    """Seconds until one more text may go."""
    return max(0.0, _since(filled_at, seconds, per_second) + 1 / per_second - seconds)


def _since(filled_at: float, seconds: float, per_second: float) -> float:
    """Since when it has filled: never for longer than it takes to be full, nor from a future
    farther away than one text can owe."""
    most = max(1.0, per_second)
    return min(max(filled_at, seconds - most / per_second), seconds + LONGEST / per_second)
