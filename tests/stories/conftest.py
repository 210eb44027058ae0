"""A carrier at the other end of a wire, and a clinic that texts through it."""

from collections.abc import Iterator

import pytest

from scheduler.sms import twilio
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.clock import FrozenClock
from tests.builders.world import KEY, MONDAY, SECRETS, World, found
from tests.standin import ACCOUNT, SERVICE, TOKEN, Standin


@pytest.fixture
def clock() -> FrozenClock:
    """The one clock of the clinic and of the carrier."""
    return FrozenClock(MONDAY)


@pytest.fixture
def carrier(clock: FrozenClock) -> Iterator[Standin]:
    """Twilio's stand-in, on a socket of its own."""
    with Standin(now=clock.now) as standin:
        yield standin


@pytest.fixture
def patience() -> float:
    """Seconds that a call to the carrier may take: more than it ever does on a busy machine."""
    return 20.0


@pytest.fixture
def sender(carrier: Standin, patience: float) -> Iterator[twilio.Twilio]:
    """Twilio's own library, which speaks to the carrier."""
    sender = twilio.connect(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        messaging_service_sid=SERVICE,
        api_url=carrier.url,
        timeout=patience,
    )
    yield sender
    sender.close()


@pytest.fixture
def wired(database: Database, clock: FrozenClock, sender: twilio.Twilio) -> World:
    """A clinic whose worker texts through the carrier."""
    world = found(database)
    world.clock = clock
    world.worker = Worker(database, sender, clock, key=KEY, public_url=SECRETS.public_url)
    return world
