"""A worker as a process of its own, to be killed: `DATABASE_URL CARRIER INSTANT...`.

Ticks once at each instant, and ends.
"""

import sys
from datetime import datetime

from scheduler.infra.clock import use_packaged_zones
from scheduler.sms import twilio
from scheduler.storage.database import Database
from scheduler.worker import Worker
from tests.builders.clock import FrozenClock
from tests.builders.world import MONDAY, SECRETS
from tests.standin import ACCOUNT, SERVICE, TOKEN

url, carrier, *instants = sys.argv[1:]
use_packaged_zones()
clock = FrozenClock(MONDAY)
worker = Worker(
    Database(url),
    twilio.connect(
        account_sid=ACCOUNT,
        auth_token=TOKEN,
        messaging_service_sid=SERVICE,
        api_url=carrier,
    ),
    clock,
    key=SECRETS.key,
    public_url=SECRETS.public_url,
)
for instant in instants:
    clock.at = datetime.fromisoformat(instant)
    worker.tick()
