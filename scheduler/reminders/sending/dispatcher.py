"""Sends due messages, several at a time, and looks up the outcome of unfinished calls.

No transaction is open while the carrier answers. Every outcome is recorded. If recording fails, the
lease runs out and the message is looked up on the carrier's list.
"""

import logging
import random
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from scheduler.infra import crash_points
from scheduler.infra.clock import Clock
from scheduler.infra.errors import Unavailable
from scheduler.reminders.sending import (
    attempts,
    carrier_health,
    claims,
    delivery_reports,
    reconciliation,
    settlement,
)
from scheduler.reminders.sending.attempts import Secrets, SendAttempt
from scheduler.reminders.sending.carrier_health import Outcome
from scheduler.reminders.sending.claims import Claim
from scheduler.reminders.sending.reconciliation import CarrierQuery, Search
from scheduler.sms.sender import Accepted, LeaseLost, Refused, Sender, TryLater, Unknown
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

RECORD_TRIES = 5
WORKER_CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""How far the carrier's clock may lag behind ours."""

LOOKUPS_PER_ROUND = 20


class Deadline(NamedTuple):
    """The latest moment at which a call may begin, on two clocks.

    The monotonic clock stops while the machine is suspended. The wall clock may be set back.
    """

    monotonic: float
    wall: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds, time.time() + seconds)

    def has_passed_on_wall_clock(self) -> bool:
        """Whether the wall clock has reached it. The sender checks the monotonic clock."""
        return time.time() >= self.wall


@dataclass(frozen=True, kw_only=True)
class DispatcherConfig:
    """How one worker sends: its name, secrets, rate and number of calls at a time."""

    worker: str
    secrets: Secrets
    per_second: float | None = None
    concurrency: int = 4
    lease: timedelta = claims.LEASE


class Dispatcher:
    """Sends due messages for one worker.

    `send_due` and `look_up` are each called by one thread at a time.
    """

    def __init__(
        self, database: Database, sender: Sender, clock: Clock, config: DispatcherConfig
    ) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._config = config
        self._pool = ThreadPoolExecutor(config.concurrency, thread_name_prefix="send")
        self._began = clock.now()
        """When this worker started, or noticed that the database is older than before.

        The database may be a restored backup that does not know of later calls. So a message that
        was due before, and was not called for since, is looked up before it is sent."""
        self._newest_attempt = 0
        self._stopping = threading.Event()
        self._not_found_since: dict[str, datetime] = {}
        """By attempt token: when this worker first missed the message on the carrier's list."""

    def send_due(self) -> int:
        """Send all messages due now and wait for each. Returns the number of calls made."""
        with self._database.transaction() as session:
            self._notice_restore(attempts.newest(session))
            claims.recover(session, now=self._clock.now(), lease=self._config.lease)
            claims.expire(session, now=self._clock.now())
        pending: set[Future[bool]] = set()
        made = 0
        while not self._stopping.is_set():
            claimed, wait_seconds = self._claim(self._config.concurrency - len(pending))
            crash_points.crash_point("after-claim")
            pending |= {
                self._pool.submit(self._send, claim, deadline) for claim, deadline in claimed
            }
            if pending:
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                made += sum(future.result() for future in done)
            elif wait_seconds is None:
                break
            else:
                self._stopping.wait(wait_seconds)
        made += sum(future.result() for future in pending)
        return made

    def _notice_restore(self, newest: int) -> None:
        """Notice that a backup was restored while this worker was running (PostgreSQL)."""
        if newest < self._newest_attempt:
            LOG.warning("the database is older than before; texts are looked up before sending")
            self._began = self._clock.now()
        self._newest_attempt = newest

    def _may_have_been_sent(self, attempt: SendAttempt) -> bool:
        """Whether a restored database may not know that the message was sent."""
        last_call_at = attempt.last_call_at
        return attempt.first_due <= self._began and (
            last_call_at is None or last_call_at < self._began
        )

    def stop(self) -> None:
        """Claim nothing more. `send_due` returns once the calls already made have ended."""
        self._stopping.set()

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True)

    def _claim(self, free: int) -> tuple[list[tuple[Claim, Deadline]], float | None]:
        """The claimed messages with their deadlines, and the seconds to wait for the rate limit."""
        if free < 1:
            return [], None
        # Read before the claim, so that the lease is never believed longer than it is.
        deadline = Deadline.after(self._config.lease.total_seconds() * 0.75)
        per_second, now = self._config.per_second, self._clock.now()
        with self._database.transaction() as session:
            capacity = carrier_health.capacity(session, free=free, per_second=per_second, now=now)
            if capacity.texts < 1:
                return [], capacity.wait
            claimed = claims.claim(
                session,
                worker=self._config.worker,
                now=now,
                limit=capacity.texts,
                segments=capacity.segments,
                public_url=self._config.secrets.public_url,
                lease=self._config.lease,
            )
            used = sum(claim.segments for claim in claimed)
            carrier_health.consume(session, used, per_second=per_second, now=now)
        return [(claim, deadline) for claim in claimed], None

    def _send(self, claim: Claim, deadline: Deadline) -> bool:
        """Send one claimed message and record the outcome. Returns whether the carrier was called.

        An error with one message never stops the others.
        """
        try:
            attempt = self._begin(claim)
        except (Busy, Unavailable):
            LOG.warning("message %d: the database is busy; its lease runs out", claim.message_id)
            return False
        except Exception:
            LOG.exception("message %d could not be prepared", claim.message_id)
            self._record_internal_error(claim)
            return False
        if attempt is None:
            return False
        crash_points.crash_point("after-intent")
        outcome = self._call(attempt, deadline)
        crash_points.crash_point("after-answer")
        self._record_outcome(attempt, outcome)
        crash_points.crash_point("after-settle")
        return True

    def _record_internal_error(self, claim: Claim) -> None:
        try:
            with self._database.transaction() as session:
                settlement.record_internal_error(
                    session, claim, jitter=_jitter(), now=self._clock.now()
                )
        except (Busy, Unavailable):
            LOG.warning("message %d: could not be postponed; its lease runs out", claim.message_id)

    def _begin(self, claim: Claim) -> SendAttempt | None:
        now = self._clock.now()
        with self._database.transaction() as session:
            return attempts.begin_attempt(
                session, claim, secrets=self._config.secrets, now=now, lease=self._config.lease
            )

    def _call(self, attempt: SendAttempt, deadline: Deadline) -> Outcome:
        valid_seconds = attempt.valid_seconds(self._clock.now())
        if deadline.has_passed_on_wall_clock() or valid_seconds < 1:
            return LeaseLost()
        base = f"{self._config.secrets.public_url}/hooks/twilio/receipts"
        try:
            if self._may_have_been_sent(attempt):
                found = self._sender.find(
                    to=attempt.phone,
                    text=attempt.text,
                    since=attempt.first_due - WORKER_CLOCKS_DIFFER_BY,
                    known=attempt.known_ids,
                    varying=attempt.new_token,
                )
                if found is not None:
                    LOG.warning("message %d: the carrier has it already", attempt.message_id)
                    return Accepted(found.sid)
            return self._sender.send(
                to=attempt.phone,
                text=attempt.text,
                receipt_url=f"{base}/{attempt.token}",
                valid_seconds=valid_seconds,
                deadline=deadline.monotonic,
            )
        except (Refused, TryLater, Unknown, LeaseLost) as outcome:
            if isinstance(outcome, Refused) and outcome.config:
                # The carrier's sentence says enough; a traceback would hide it.
                LOG.error("texts cannot be sent: %s", outcome.sentence)  # noqa: TRY400
            return outcome
        except Exception:
            LOG.exception("message %d: the call was interrupted", attempt.message_id)
            return Unknown("The call to the carrier was interrupted.")

    def _record_outcome(self, attempt: SendAttempt, outcome: Outcome) -> None:
        jitter = _jitter()
        for tries_left in reversed(range(RECORD_TRIES)):
            try:
                with self._database.transaction() as session:
                    settlement.record_outcome(
                        session, attempt, outcome, jitter=jitter, now=self._clock.now()
                    )
                break
            except (Busy, Unavailable):
                # After the last try, the lease runs out and the message is looked up.
                LOG.warning(
                    "message %d: could not record the outcome, %d tries left",
                    attempt.message_id,
                    tries_left,
                )

    def look_up(self) -> None:
        """Ask the carrier about messages with an unknown outcome or an overdue delivery report."""
        with self._database.transaction() as session:
            now = self._clock.now()
            searches = reconciliation.unknown(
                session, self._config.secrets, now=now, limit=LOOKUPS_PER_ROUND
            )
            queries = reconciliation.silent(session, now=now, limit=LOOKUPS_PER_ROUND)
        for search in searches:
            if not self._stopping.is_set():
                self._search(search, now)
        for query in queries:
            if not self._stopping.is_set():
                self._ask(query)

    def _search(self, search: Search, asked_at: datetime) -> None:
        try:
            found = self._sender.find(
                to=search.phone, text=search.text, since=search.since, known=search.known_ids
            )
        except (TryLater, Refused) as problem:
            LOG.warning("message %d: %s", search.message_id, problem.sentence)
            return
        since = min(asked_at, self._not_found_since.get(search.token, asked_at))
        self._not_found_since[search.token] = since
        with self._database.transaction() as session:
            reconciliation.conclude(
                session, search, found=found, not_found_since=since, now=asked_at
            )
        self._forget_old(asked_at)

    def _forget_old(self, now: datetime) -> None:
        """Drop entries so old that this or another worker has found the message since."""
        self._not_found_since = {
            token: since
            for token, since in self._not_found_since.items()
            if now - since < reconciliation.FORGET_AFTER
        }

    def _ask(self, query: CarrierQuery) -> None:
        try:
            found = self._sender.fetch(query.carrier_id)
        except (TryLater, Refused) as problem:
            LOG.warning("message %d: %s", query.message_id, problem.sentence)
            return
        if found is None:
            return
        with self._database.transaction() as session:
            delivery_reports.apply(session, query.message_id, found, now=self._clock.now())


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries, guards nothing
