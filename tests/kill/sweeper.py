"""A worker of the sweep: `DATABASE_URL CARRIER DESIGN POINT NTH SIGNAL MINUTES_AHEAD`.

A process of its own, on a machine whose clock is so far ahead. Sends and looks up until it is
ended. As it passes a point for the nth time it gives itself the
signal. Waits are seconds where the program's are minutes. DESIGN is `ours`, or one of two simpler
ones, for the sweep to show what they do: `mark-before` a call, `mark-after` it.
"""

import os
import signal
import sys
import threading
import time
from datetime import timedelta
from itertools import count

from sqlmodel import col, delete, update

from scheduler.infra import crash_points
from scheduler.infra.clock import Clock, SystemClock, use_packaged_zones
from scheduler.infra.errors import Unavailable
from scheduler.reminders.models import Attempt, Message, MessageState
from scheduler.reminders.sending import carrier_health, reconciliation, settlement
from scheduler.reminders.sending.attempts import SendAttempt
from scheduler.reminders.sending.claims import Claim
from scheduler.reminders.sending.dispatcher import Deadline, Dispatcher, DispatcherConfig
from scheduler.sms import twilio
from scheduler.sms.sender import Accepted
from scheduler.storage import shared_clock
from scheduler.storage.database import Busy, Database
from tests.builders.world import SECRETS
from tests.standin import ACCOUNT, SERVICE, TOKEN

SECOND = timedelta(seconds=1)
LEASE = 3 * SECOND
IN_CALL = "in-call"


class MarkBefore(Dispatcher):
    """Says that a text is sent, and then sends it."""

    def _send(self, claim: Claim, deadline: Deadline) -> bool:
        intent = self._begin(claim)
        if intent is None:
            return False
        self._record_outcome(intent, Accepted(f"SM{claim.message_id:032x}"))
        crash_points.crash_point("after-intent")
        self._call(intent, deadline)
        crash_points.crash_point("after-answer")
        return True


class MarkAfter(Dispatcher):
    """Sends a text, and then says so; nothing is written in between."""

    def _send(self, claim: Claim, deadline: Deadline) -> bool:
        intent = self._begin(claim)
        if intent is None:
            return False
        self._forget_attempt(intent)
        crash_points.crash_point("after-intent")
        outcome = self._call(intent, deadline)
        crash_points.crash_point("after-answer")
        if isinstance(outcome, Accepted):
            self._mark(claim)
        return True

    def _forget_attempt(self, intent: SendAttempt) -> None:
        with self._database.transaction() as session:
            session.exec(delete(Attempt).where(col(Attempt.token) == intent.token))

    def _mark(self, claim: Claim) -> None:
        with self._database.transaction() as session:
            session.exec(
                update(Message)
                .where(col(Message.id) == claim.message_id)
                .values(state=MessageState.SENT, leased_until=None)
            )


DESIGNS = {"ours": Dispatcher, "mark-before": MarkBefore, "mark-after": MarkAfter}


def main() -> None:
    """Work until it is ended."""
    url, carrier, design, point, nth, name, ahead = sys.argv[1:]
    _set_ahead(timedelta(minutes=float(ahead)))
    use_packaged_zones()
    settlement.FIRST_LOOKUP = SECOND
    reconciliation.LOOK_AGAIN, reconciliation.ABSENT_AFTER = SECOND, 3 * SECOND
    # More befalls one text here within seconds than elsewhere in years; it is tried again for each.
    reconciliation.MAX_ABSENT = 9
    carrier_health.BREAKER_PAUSES, carrier_health.PROBE = (SECOND / 2,), SECOND
    crash_points.crash_point = _trap(point, int(nth), name)
    database = Database(url)
    with shared_clock.of(database) as clock:
        _work(database, clock, carrier, design)


def _work(database: Database, clock: Clock, carrier: str, design: str) -> None:
    dispatcher = DESIGNS[design](
        database,
        twilio.connect(
            account_sid=ACCOUNT,
            auth_token=TOKEN,
            messaging_service_sid=SERVICE,
            api_url=carrier,
            timeout=2.0,
        ),
        clock,
        DispatcherConfig(worker=str(os.getpid()), secrets=SECRETS, concurrency=2, lease=LEASE),
    )
    while True:
        try:
            dispatcher.send_due()
            dispatcher.look_up()
        except (Busy, Unavailable):
            pass  # the next round comes
        time.sleep(0.05)


def _set_ahead(skew: timedelta) -> None:
    """Shift the machine's wall clock; the monotonic clock runs on."""
    right, seconds = SystemClock.now, time.time
    SystemClock.now = lambda self: right(self) + skew  # type: ignore[method-assign]
    time.time = lambda: seconds() + skew.total_seconds()


def _trap(point: str, nth: int, name: str):
    """Replaces `crash_points.crash_point`: the nth pass of the point stops the process."""
    passes = count(1)
    place = "after-intent" if point == IN_CALL else point

    def pull() -> None:
        os.kill(os.getpid(), getattr(signal, name))

    def passed(here: str) -> None:
        if here != place or next(passes) != nth:
            return
        if point == IN_CALL:
            threading.Timer(0.02, pull).start()  # while the carrier takes its time to answer
        else:
            pull()

    return passed


if __name__ == "__main__":
    main()
