"""Rate limit for requests with an unknown token in the URL.

A token of 128 bits cannot be guessed, but attempts slow down the pages of patients. Each process
counts in memory, because a count in the database would let anyone write to it without limit. Four
processes together allow forty guesses a minute, which does not help a guesser.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from fastapi import Request

from scheduler.http.origins import household
from scheduler.infra.errors import TooMany

MAX_GUESSES = 10
WINDOW = timedelta(minutes=1)
MAX_GUESSERS = 10_000
"""How many origins are remembered: those of the most recent guesses."""


class TooManyGuesses(TooMany):
    sentence = "Too many wrong addresses were tried. Please wait a minute, then try yours again."


class GuessLimiter:
    """The instants of recent guesses, by household."""

    def __init__(self) -> None:
        self._guesses: OrderedDict[str, deque[datetime]] = OrderedDict()

    def record(self, origin: str, now: datetime) -> None:
        """A request from this origin named an unknown token."""
        if not (key := household(origin)):
            return
        self._guesses.setdefault(key, deque(maxlen=MAX_GUESSES)).append(now)
        self._guesses.move_to_end(key)
        while len(self._guesses) > MAX_GUESSERS:
            self._guesses.popitem(last=False)

    def check(self, origin: str, now: datetime) -> None:
        """Raise TooManyGuesses if this origin made too many within the last minute."""
        guesses = self._guesses.get(household(origin))
        if guesses and len(guesses) >= MAX_GUESSES and now - guesses[0] < WINDOW:
            raise TooManyGuesses


async def refuse_guessers(request: Request) -> None:
    """A dependency of routes: check the limit before a token is looked up."""
    if "token" in request.path_params:
        context = request.app.state.context
        context.guess_limiter.check(origin_of(request), context.clock.now())


def origin_of(request: Request) -> str:
    """The IP address that a request comes from; empty if unknown."""
    return request.client.host if request.client else ""
