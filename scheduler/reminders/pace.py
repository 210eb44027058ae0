"""At most so many texts a second, with as many at once as one second allows. Pure.

What is left of the allowance is told by one figure, `filled_at`: the second at which it was last
empty, had it filled since without a break. A clock that was set back costs no more than a second.
"""


def room(filled_at: float, seconds: float, per_second: float) -> int:
    """How many texts may go out at once now."""
    # Not quite a whole text for want of a billionth: it is one.
    return int((seconds - _since(filled_at, seconds, per_second)) * per_second + 1e-6)


def used(filled_at: float, seconds: float, per_second: float, texts: int) -> float:
    """`filled_at` after some texts went out."""
    return _since(filled_at, seconds, per_second) + texts / per_second


def next_in(filled_at: float, seconds: float, per_second: float) -> float:
    """Seconds until one more text may go."""
    return max(0.0, _since(filled_at, seconds, per_second) + 1 / per_second - seconds)


def _since(filled_at: float, seconds: float, per_second: float) -> float:
    """Since when it has filled: never for longer than it takes to be full, nor from the future."""
    most = max(1.0, per_second)
    return min(max(filled_at, seconds - most / per_second), seconds)
