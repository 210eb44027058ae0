"""Background jobs: derive due texts, send them, look up outcomes, offer free times, clean up.

APScheduler only calls the jobs at their intervals, from memory. All work is in our tables, so any
number of workers can run, and a missed call loses nothing.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlmodel import Session

from scheduler.audit import chain
from scheduler.booking.models import WaitlistEntry
from scheduler.booking.waitlist import entries, offers
from scheduler.clinic.models import Clinic
from scheduler.infra.clock import Clock, SystemClock
from scheduler.infra.errors import Unavailable
from scheduler.infra.phone import masked
from scheduler.maintenance import retention
from scheduler.patients import lost_links
from scheduler.reminders.kinds import lost_links as link_texts
from scheduler.reminders.kinds import waitlist_offers as offer_texts
from scheduler.reminders.kinds import waitlist_pages
from scheduler.reminders.outbox import changed_phones, outbox
from scheduler.reminders.outbox.changed_phones import PhoneChange
from scheduler.reminders.replies.inbound_worker import InboundWorker
from scheduler.reminders.sending import claims
from scheduler.reminders.sending.attempts import Secrets
from scheduler.reminders.sending.dispatcher import Dispatcher, DispatcherConfig
from scheduler.sms.sender import Inbox, Sender
from scheduler.storage.database import Busy, Database, stored_id

LOG = logging.getLogger(__name__)

WATCH_SECONDS = 5
SWEEP_SECONDS = 600
LOOK_SECONDS = 10
LISTEN_SECONDS = 30
TIDY_SECONDS = 60
PRUNE_SECONDS = 3600
SEAL_SECONDS = 10
OFFER_SECONDS = 10
MOST_ROUNDS = 20
"""How often one run of `offer` repeats for patients whose chosen time was taken by another one."""


class Worker:
    """The background jobs of one process. Call `start` and `stop`, or `tick` to run each job once.

    `public_url`: the address of patient pages and of the carrier's delivery reports.
    `speed`: how many times faster `clock` runs than the machine's clock (fast demo).
    `every`: seconds between two runs of the most frequent jobs.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        clock: Clock,
        *,
        key: str,
        public_url: str,
        per_second: float | None = None,
        concurrency: int = 4,
        speed: float = 1.0,
        every: float = 1.0,
    ) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._key = key
        self._every = every
        self._dispatcher = Dispatcher(
            database,
            sender,
            clock,
            DispatcherConfig(
                worker=f"{os.getpid()}-{secrets.token_hex(4)}",
                secrets=Secrets(key, public_url),
                per_second=per_second,
                concurrency=concurrency,
                lease=claims.LEASE * max(1.0, speed),
            ),
        )
        self._inbound_worker = InboundWorker(
            database, sender if isinstance(sender, Inbox) else None, clock
        )
        self._ticker: BackgroundScheduler | None = None
        self._watch = threading.Thread(target=self._keep_ticking, name="watch", daemon=True)
        self._stopping = threading.Event()
        self._looked_at: datetime | None = None
        self._seen: set[PhoneChange] = set()
        self._deriving = threading.Lock()
        self.last_tick: datetime | None = None
        """When `derive` last finished; for the health page."""

    def start(self) -> None:
        """Run the jobs at their intervals. Texts of dead workers are found by expired leases."""
        # APScheduler warns when a job is still running at its next interval, which is normal here.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._ticker = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )
        for job, seconds in (
            (self.derive, self._every),
            (self.find_links, self._every),
            (self.send, self._every),
            (self.offer, OFFER_SECONDS),
            (self.read, self._every),
            (self.look_up, LOOK_SECONDS),
            (self.listen, LISTEN_SECONDS),
            (self.tidy, TIDY_SECONDS),
            (self.prune, PRUNE_SECONDS),
            (self.seal, SEAL_SECONDS),
            (self.sweep, SWEEP_SECONDS),
        ):
            self._ticker.add_job(
                _run_safely, "interval", [job], seconds=seconds, next_run_time=SystemClock().now()
            )
        self._ticker.start()
        self._watch.start()

    def stop(self) -> None:
        """Claim no more texts, finish those in progress, and return."""
        self._dispatcher.stop()
        self._stopping.set()
        if self._ticker is not None:
            self._watch.join()
            self._ticker.shutdown(wait=True)
        self._dispatcher.close()

    def _keep_ticking(self) -> None:
        """Correct the job times regularly, timed by a monotonic clock."""
        while not self._stopping.wait(WATCH_SECONDS):
            _run_safely(self.set_right)

    def set_right(self) -> None:
        """Run each job now that is planned for later than one interval from now.

        APScheduler uses the wall clock. If that is set back by an hour, jobs would pause an hour.
        """
        now = SystemClock().now()
        for job in self._ticker.get_jobs() if self._ticker else []:
            if job.next_run_time > now + job.trigger.interval:
                job.modify(next_run_time=now)

    def tick(self) -> None:
        """Run each job once in this thread and let errors through; for tests."""
        self.tidy()
        self.prune()
        self.seal()
        self.sweep()
        self.offer()
        self.read()
        self.derive()
        self.find_links()
        self.send()
        self.look_up()
        self.listen()

    def derive(self) -> None:
        """Update the outbox for phones whose calendar or settings changed since the last run."""
        now = self._clock.now()
        with self._deriving:
            with self._database.transaction(write=False) as session:
                found = changed_phones.since(session, min(self._looked_at or now, now), now=now)
            for phones in outbox.in_batches(changed_phones.phones(found - self._seen)):
                self._derive_batch(phones, now)
            self._seen, self._looked_at = found, now
        self.last_tick = self._clock.now()

    def sweep(self) -> None:
        """Update the outbox for all phones, for what `derive` did not notice."""
        after = ""
        while not self._stopping.is_set():
            now = self._clock.now()
            with self._database.transaction(write=False) as session:
                phones = outbox.next_phones(session, now=now, after=after)
            if not phones:
                return
            self._derive_batch(phones, now)
            after = phones[-1]

    def _derive_batch(self, phones: Collection[str], now: datetime) -> None:
        """Derive the texts of some phones. If that fails, derive each phone alone."""
        try:
            self._derive(phones, now)
        except (Busy, Unavailable):
            raise  # no phone caused this
        except Exception:
            LOG.exception("the texts of %d phones could not be derived; trying each", len(phones))
            for phone in phones:
                self._derive_one(phone, now)

    def _derive_one(self, phone: str, now: datetime) -> None:
        try:
            self._derive([phone], now)
        except (Busy, Unavailable):
            raise
        except Exception:
            LOG.exception("the texts of %s could not be derived", masked(phone))

    def _derive(self, phones: Collection[str], now: datetime) -> None:
        with self._database.transaction() as session:
            outbox.derive(session, phones, now=now)

    def offer(self) -> None:
        """Offer free times to patients on the waitlist, end expired offers, and owe the texts."""
        now = self._clock.now()
        with self._database.transaction(write=False) as session:
            due = [stored_id(entry.id) for entry in offers.due(session, now=now)]
        for entry_id in due:
            self._for_entry(entry_id, partial(offers.expire, now=now))
        # After the expired offers, because their times are free now.
        for _ in range(MOST_ROUNDS):
            if not self._offer_round(now):
                break
        with self._database.transaction(write=False) as session:
            in_step = offer_texts.is_in_step(session, now=now)
        if not in_step:
            with self._database.transaction() as session:
                offer_texts.keep_in_step(session, self._key, now=now)

    def _offer_round(self, now: datetime) -> int:
        """Offer each entry its best free time, in the order of the waitlist. Returns how many."""
        with self._database.transaction(write=False) as session:
            clinic_ids = sorted({entry.clinic_id for entry in entries.open_entries(session)})
            found = [
                (stored_id(entry.id), chosen)
                for clinic_id in clinic_ids
                if offer_texts.may_text(session.get_one(Clinic, clinic_id), now=now)
                for entry, chosen in offers.possible(session, clinic_id, now=now)
            ]
        return sum(
            self._for_entry(entry_id, partial(offers.make, chosen=chosen, now=now))
            for entry_id, chosen in found
        )

    def _for_entry(self, entry_id: int, action: Callable[[Session, WaitlistEntry], object]) -> bool:
        """Run an action for one waitlist entry. An error is logged and does not stop the others."""
        try:
            with self._database.transaction() as session:
                return bool(action(session, session.get_one(WaitlistEntry, entry_id)))
        except (Busy, Unavailable):
            raise
        except Exception:
            LOG.exception("waitlist entry %d could not be processed", entry_id)
            return False

    def find_links(self) -> None:
        """Owe private links to patients who requested one or have just joined the waitlist."""
        now = self._clock.now()
        with self._database.transaction(write=False) as session:
            links_requested = lost_links.is_any_waiting(session)
            links_unsent = waitlist_pages.is_any_missing(session, now=now)
        if links_requested:
            with self._database.transaction() as session:
                link_texts.answer(session, now=now)
        if links_unsent:
            with self._database.transaction() as session:
                waitlist_pages.owe_missing(session, now=now)

    def send(self) -> None:
        """Send what is due."""
        self._dispatcher.send_due()

    def look_up(self) -> None:
        """Ask the carrier about texts without a known outcome."""
        self._dispatcher.look_up()

    def listen(self) -> None:
        """Fetch inbound texts that the carrier could not deliver to us, for example while down."""
        self._inbound_worker.look()

    def read(self) -> None:
        """Process inbound texts whose processing failed when they arrived."""
        self._inbound_worker.read()

    def tidy(self) -> None:
        """Delete expired holds and other rows that are kept for two days or less."""
        now = self._clock.now()
        with self._database.transaction() as session:
            retention.release(session, now=now)
        self._database.clear_log()

    def prune(self) -> None:
        """Delete old sign-ins, phone codes and links, and seal entries that were committed late."""
        with self._database.transaction() as session:
            retention.prune(session, now=self._clock.now())
        with self._database.transaction() as session:
            chain.seal(session, from_the_start=True)
            # The log is kept in another place, so it can show later that the chain was rewritten.
            LOG.info("the audit trail ends with %d:%s", *chain.end(session))

    def seal(self) -> None:
        """Add new entries of the audit trail to its chain of hashes."""
        with self._database.transaction(write=False) as session:
            behind = chain.is_behind(session)
        while behind and not self._stopping.is_set():
            with self._database.transaction() as session:
                behind = chain.seal(session) == chain.AT_ONCE


def _run_safely(job: Callable[[], None]) -> None:
    """Run a job and log any error, so that its next run takes place."""
    try:
        job()
    except Exception:
        LOG.exception("the job %s failed; it runs again", job.__name__)
