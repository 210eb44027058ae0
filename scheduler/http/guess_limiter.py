"""Addresses of private pages that lead nowhere: who tries too many is not answered for a while.

Nobody guesses 128 bits; but whoever tries is no patient, and costs what patients wait for. Each
process counts for itself and forgets when it ends: a count in the database would let anybody
write there without end. So four processes let forty a minute through: of 128 bits, as good as ten.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from fastapi import Request

from scheduler.http.origins import household
from scheduler.infra.errors import TooMany

MOST = 10
WITHIN = timedelta(minutes=1)
MOST_ORIGINS = 10_000
"""How many are remembered: those who missed last."""


class TooManyGuesses(TooMany):
    sentence = "Too many addresses led nowhere. Please wait a minute, then try yours again."


class GuessLimiter:
    """Who missed lately, and when."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, deque[datetime]] = OrderedDict()

    def note(self, origin: str, now: datetime) -> None:
        """An address (of a request from `origin`) led nowhere."""
        if not (who := household(origin)):
            return
        self._at.setdefault(who, deque(maxlen=MOST)).append(now)
        self._at.move_to_end(who)
        while len(self._at) > MOST_ORIGINS:
            self._at.popitem(last=False)

    def check(self, origin: str, now: datetime) -> None:
        """TooManyMisses, if there were too many within the last minute."""
        at = self._at.get(household(origin))
        if at and len(at) >= MOST and now - at[0] < WITHIN:
            raise TooManyGuesses


async def refuse_guessers(request: Request) -> None:
    """Look before an address with a token is looked up; not when anything else is asked for."""
    if "token" in request.path_params:
        context = request.app.state.context
        context.misses.check(origin_of(request), context.clock.now())


def origin_of(request: Request) -> str:
    """The address that a request comes from; empty where it is not known."""
    return request.client.host if request.client else ""
