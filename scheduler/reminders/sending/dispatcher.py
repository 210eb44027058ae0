"""Sends what is due, several at a time, and finds out what became of it.

No transaction is open while the carrier answers. Whatever a call comes to is written down; if even
that fails, the lease runs out and the text is looked for on the carrier's list.
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
from scheduler.reminders.sending import carrier_health, claims, delivery_reports, reconciliation
from scheduler.reminders.sending.carrier_health import Outcome
from scheduler.reminders.sending.claims import Claim, Secrets, SendAttempt
from scheduler.reminders.sending.reconciliation import CarrierQuery, Search
from scheduler.sms.sender import Accepted, LeaseLost, Refused, Sender, TryLater, Unknown
from scheduler.storage.database import Busy, Database

LOG = logging.getLogger(__name__)

SETTLE_TRIES = 5
RESTARTED = timedelta(minutes=1)
"""What was due this long before we began may have been sent in another life: by a database that
has been put back since to what it was."""

CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""How far the carrier's clock may be behind ours."""

LOOKS_AT_ONCE = 20


class Deadline(NamedTuple):
    """By when a call must begin, on both clocks.

    The monotonic one stands still while the machine is suspended; the wall clock may be set back.
    """

    monotonic: float
    wall: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """So many seconds from now."""
        return cls(time.monotonic() + seconds, time.time() + seconds)

    def is_over_on_the_wall(self) -> bool:
        """Whether the wall clock has reached it; the sender watches the other one."""
        return time.time() >= self.wall


@dataclass(frozen=True, kw_only=True)
class DispatcherConfig:
    """How one worker sends: under which name, with which secrets, how fast, how many at a time."""

    worker: str
    secrets: Secrets
    per_second: float | None = None
    concurrency: int = 4
    lease: timedelta = claims.LEASE


class Dispatcher:
    """One worker's hands. `send_due` and `look_up` are each called by one thread at a time."""

    def __init__(
        self, database: Database, sender: Sender, clock: Clock, manners: DispatcherConfig
    ) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._manners = manners
        self._pool = ThreadPoolExecutor(manners.concurrency, thread_name_prefix="send")
        self._began = clock.now()
        self._stopping = threading.Event()
        self._missed: dict[str, datetime] = {}
        """by attempt: when the text was first not on the carrier's list, by this worker's clock"""

    def send_due(self) -> int:
        """Send all that is due now, and return how many calls were made. Waits for each of them."""
        with self._database.transaction() as session:
            claims.recover(session, now=self._clock.now(), lease=self._manners.lease)
            claims.expire(session, now=self._clock.now())
        under_way: set[Future[bool]] = set()
        made = 0
        while not self._stopping.is_set():
            claimed, wait_for_pace = self._claim(self._manners.concurrency - len(under_way))
            crash_points.crash_point("after-claim")
            under_way |= {self._pool.submit(self._send, *each) for each in claimed}
            if under_way:
                done, under_way = wait(under_way, timeout=0.2, return_when=FIRST_COMPLETED)
                made += sum(future.result() for future in done)
            elif wait_for_pace is None:
                break
            else:
                self._stopping.wait(wait_for_pace)
        made += sum(future.result() for future in under_way)
        return made

    def stop(self) -> None:
        """Take nothing new; `send_due` returns when it has finished what is under way."""
        self._stopping.set()

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=True)

    def _claim(self, free: int) -> tuple[list[tuple[Claim, Deadline]], float | None]:
        """What to send next, each with the time to send it by; seconds to wait for the pace."""
        if free < 1:
            return [], None
        # Read before the claim: the lease must not seem longer than it is.
        deadline = Deadline.after(self._manners.lease.total_seconds() * 0.75)
        per_second, now = self._manners.per_second, self._clock.now()
        with self._database.transaction() as session:
            room = carrier_health.capacity(session, free=free, per_second=per_second, now=now)
            if room.texts < 1:
                return [], room.wait
            claimed = claims.claim(
                session,
                worker=self._manners.worker,
                now=now,
                limit=room.texts,
                segments=room.segments,
                public_url=self._manners.secrets.public_url,
                lease=self._manners.lease,
            )
            used = sum(claim.segments for claim in claimed)
            carrier_health.consume(session, used, per_second=per_second, now=now)
        return [(claim, deadline) for claim in claimed], None

    def _send(self, claim: Claim, deadline: Deadline) -> bool:
        """One text from claim to settlement; whether the carrier was called.

        Whatever goes wrong with it keeps no other text from going out.
        """
        try:
            intent = self._intend(claim)
        except (Busy, Unavailable):
            LOG.warning("message %d: the database is busy; its lease runs out", claim.message_id)
            return False
        except Exception:
            LOG.exception("message %d could not be made ready", claim.message_id)
            self._stumble(claim)
            return False
        if intent is None:
            return False
        crash_points.crash_point("after-intent")
        outcome = self._call(intent, deadline)
        crash_points.crash_point("after-answer")
        self._settle(intent, outcome)
        crash_points.crash_point("after-settle")
        return True

    def _stumble(self, claim: Claim) -> None:
        try:
            with self._database.transaction() as session:
                claims.record_internal_error(
                    session, claim, jitter=_jitter(), now=self._clock.now()
                )
        except (Busy, Unavailable):
            LOG.warning("message %d: could not be put off; its lease runs out", claim.message_id)

    def _intend(self, claim: Claim) -> SendAttempt | None:
        now = self._clock.now()
        with self._database.transaction() as session:
            return claims.begin_attempt(
                session, claim, secrets=self._manners.secrets, now=now, lease=self._manners.lease
            )

    def _call(self, intent: SendAttempt, deadline: Deadline) -> Outcome:
        valid_seconds = intent.valid_seconds(self._clock.now())
        if deadline.is_over_on_the_wall() or valid_seconds < 1:
            return LeaseLost()
        base = f"{self._manners.secrets.public_url}/hooks/twilio/receipts"
        try:
            if intent.is_first and intent.first_due < self._began - RESTARTED:
                found = self._sender.find(
                    to=intent.phone,
                    text=intent.text,
                    since=intent.first_due - CLOCKS_DIFFER_BY,
                    known=intent.known_ids,
                )
                if found is not None:
                    LOG.warning("message %d: the carrier has it already", intent.message_id)
                    return Accepted(found.sid)
            return self._sender.send(
                to=intent.phone,
                text=intent.text,
                receipt_url=f"{base}/{intent.token}",
                valid_seconds=valid_seconds,
                deadline=deadline.monotonic,
            )
        except (Refused, TryLater, Unknown, LeaseLost) as outcome:
            if isinstance(outcome, Refused) and outcome.config:
                LOG.error(  # noqa: TRY400 - what the carrier says is enough
                    "texts cannot be sent: %s", outcome.sentence
                )
            return outcome
        except Exception:
            LOG.exception("message %d: the call broke off", intent.message_id)
            return Unknown("The call to the carrier broke off.")

    def _settle(self, intent: SendAttempt, outcome: Outcome) -> None:
        jitter = _jitter()
        for again in reversed(range(SETTLE_TRIES)):
            try:
                with self._database.transaction() as session:
                    claims.record_outcome(
                        session, intent, outcome, jitter=jitter, now=self._clock.now()
                    )
                break
            except (Busy, Unavailable):
                # Given up at last, the message is found by its lease and looked for.
                LOG.warning("message %d: could not settle, %d tries left", intent.message_id, again)

    def look_up(self) -> None:
        """Find out about texts of unknown fate, and about those of which no more was heard."""
        with self._database.transaction() as session:
            now = self._clock.now()
            searches = reconciliation.unknown(
                session, self._manners.secrets, now=now, limit=LOOKS_AT_ONCE
            )
            questions = reconciliation.silent(session, now=now, limit=LOOKS_AT_ONCE)
        for search in searches:
            if not self._stopping.is_set():
                self._search(search, now)
        for question in questions:
            if not self._stopping.is_set():
                self._ask(question)

    def _search(self, search: Search, asked_at: datetime) -> None:
        try:
            found = self._sender.find(
                to=search.phone, text=search.text, since=search.since, known=search.known_ids
            )
        except (TryLater, Refused) as problem:
            LOG.warning("message %d: %s", search.message_id, problem.sentence)
            return
        since = min(asked_at, self._missed.get(search.token, asked_at))
        self._missed[search.token] = since
        with self._database.transaction() as session:
            reconciliation.conclude(session, search, found=found, missed_since=since, now=asked_at)
        self._forget_missed(asked_at)

    def _forget_missed(self, now: datetime) -> None:
        """What is missed for so long was found by now, or by another worker."""
        self._missed = {
            token: since
            for token, since in self._missed.items()
            if now - since < reconciliation.FORGET_AFTER
        }

    def _ask(self, question: CarrierQuery) -> None:
        try:
            found = self._sender.fetch(question.carrier_id)
        except (TryLater, Refused) as problem:
            LOG.warning("message %d: %s", question.message_id, problem.sentence)
            return
        if found is None:
            return
        with self._database.transaction() as session:
            delivery_reports.apply(session, question.message_id, found, now=self._clock.now())


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries, guards nothing
